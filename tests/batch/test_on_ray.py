"""The same work on a real Ray cluster of two nodes, one of which is killed in the middle."""

from __future__ import annotations

import json
import sys

import pytest

import stand_in_batch
from maquette.batch import on_ray, pool
from maquette.batch.items import Item
from maquette.batch.journal import NAME, records_of
from maquette.batch.run import run_batch
from maquette.core.errors import BadInput, ExtraMissing
from maquette.core.options import BatchOptions


def test_a_missing_library_is_named_with_its_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'maquette\[ray\]'"):
        next(on_ray.records([], tmp_path, {}, BatchOptions(engine="ray")))


def test_an_actor_does_what_a_pool_does(monkeypatch, tmp_path):
    monkeypatch.setattr(pool, "PROGRAM", stand_in_batch.PROGRAM)
    (tmp_path / "a.jpg").write_text("fine")
    actor = on_ray.RayWorker(str(tmp_path / "out"), {}, {"workers": 1}, stand_in_batch.PROGRAM)
    [text] = actor({"item": [Item(1, (str(tmp_path / "a.jpg"),), "face", {}, "a").to_json()]})["record"]
    assert json.loads(text)["status"] == "done"
    del actor


@pytest.mark.slow
def test_no_cluster_at_an_address(tmp_path):
    pytest.importorskip("ray")
    limits = BatchOptions(engine="ray", address="ray://127.0.0.1:1")
    with pytest.raises(BadInput, match="no Ray cluster there"):
        next(on_ray.records([Item(1, ("a.jpg",), "face")], tmp_path, {}, limits))


@pytest.mark.slow
def test_one_of_two_nodes_dies_and_nothing_is_lost(monkeypatch, tmp_path):
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setattr(pool, "PROGRAM", stand_in_batch.PROGRAM)
    (tmp_path / "photos").mkdir()
    for number in range(40):
        (tmp_path / f"photos/{number:04d}.jpg").write_text("crash" if number == 7 else "wait 0.3")
    noticed = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 2}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "_system_config": noticed})
    other, killed = cluster.add_node(num_cpus=1), []
    ray.init(address=cluster.address, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": ":".join(sys.path)}})
    try:

        def seen(record, counts):
            if counts.tally.done == 8 and not killed:
                killed.append(cluster.remove_node(other, allow_graceful=False))

        limits = BatchOptions(engine="ray", workers=2, retries=0)
        summary = run_batch(str(tmp_path / "photos"), tmp_path / "out", "face", limits, {}, seen)
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert killed and (summary["done"], summary["failed"]) == (39, 1), summary
    keys = [record["key"] for record in records_of(tmp_path / "out" / NAME)]
    assert len(keys) == len(set(keys)) == 40
