"""The table, the list of what was set aside, and the figures."""

from __future__ import annotations

import json
import sys

import pytest

from maquette.batch.items import Item
from maquette.batch.journal import NAME, Journal
from maquette.batch.manifest import read
from maquette.batch.report import Tally, write_reports


def record(number, status="done", kind="BadInput", source="/a b.jpg"):
    failed = status == "failed"
    row = {"files": ["a/face-1/head.glb"], "warnings": ["dark"], "seconds": {"fit": 1.0}}
    item = Item(number, (source,), "face", {}, f"k{number}")
    return {
        "key": item.key, "number": number, "subject": "face", "sources": list(item.sources), "folder": item.folder,
        "state": "s", "status": status, "results": [] if failed else [row],
        "failures": [{"kind": kind, "error": f"why {number}, it is so"}] if failed else [],
        "seconds": float(number), "stages": {"fit": 1.0}, "peak_mb": 10 * number, "tries": 1,
    }  # fmt: skip


@pytest.fixture
def out(tmp_path):
    with Journal(tmp_path) as journal:
        for each in (record(1), record(2, "failed"), record(3, "failed"), record(3), record(4, "failed", "Crash")):
            journal.add(each)
    return tmp_path


def test_the_figures_count_each_record_once():
    tally = Tally()
    for number in range(1, 101):
        tally.add(record(number, "failed" if number % 10 == 0 else "done"))
    facts = tally.facts(50.0)
    assert (facts["done"], facts["failed"], facts["results"], facts["items_per_hour"]) == (90, 10, 90, 7200.0)
    assert facts["failures"] == {"BadInput": 10} and len(facts["examples"]["BadInput"]) == 3
    assert facts["seconds_per_item"] == {"median": 51.0, "99 of 100": 99.0} and facts["peak_mb"] == 1000
    json.dumps(Tally().facts(0.0))


def test_the_index_holds_the_last_word_on_every_item(out):
    parquet = pytest.importorskip("pyarrow.parquet")
    for _ in range(2):
        summary, remark = write_reports(out, {"done": 2}, [])
    table = parquet.read_table(out / "index")
    assert sorted(zip(table["number"].to_pylist(), table["status"].to_pylist())) == [
        (1, "done"), (2, "failed"), (3, "done"), (4, "failed"),
    ]  # fmt: skip
    assert table["files"][0].as_py() == [record(1)["folder"] + "/a/face-1/head.glb"]
    assert table["warnings"][0].as_py() == ["dark"] and remark == ""
    assert summary["all_runs"] == {"done": 2, "failed": 2} == json.loads((out / "batch.json").read_text())["all_runs"]


def test_what_was_set_aside_is_a_manifest(out):
    bad = {"sources": ["x.jpg"], "subject": "", "failures": [{"kind": "BadInput", "error": "row 9: no"}]}
    write_reports(out, {}, [{**bad, "status": "failed"}])
    items = list(read(str(out / "set_aside.csv"), "pet", out / "other"))
    assert [(item.sources[0], item.subject) for item in items] == [
        ("/a b.jpg", "face"), ("/a b.jpg", "face"), (f"{out}/x.jpg", "pet"),
    ]  # fmt: skip
    assert "why 2, it is so" in (out / "set_aside.csv").read_text()


def test_without_the_library_all_but_the_index_is_there(out, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    _, remark = write_reports(out, {}, [])
    assert "pip install 'maquette[batch]'" in remark and not (out / "index").exists()
    assert (out / "batch.json").is_file() and (out / NAME).is_file()
