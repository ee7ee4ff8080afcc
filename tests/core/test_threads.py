"""Threads per stage: one table, obeyed where it computes, and given back."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

import maquette
from maquette.core.job import side_by_side
from maquette.core.threads import THREADS, available, computing
from maquette.imaging.upscale import networks
from maquette.perception.faces.regressor import reader
from maquette.reconstruction.vrn import method as vrn

SOURCE = Path(__file__).parents[2] / "src"


def now() -> dict[str, int]:
    """The largest number of threads of each kind, here."""
    found: dict[str, int] = {"torch": torch.get_num_threads()}
    for pool in threadpool_info():
        found[pool["user_api"]] = max(found.get(pool["user_api"], 0), pool["num_threads"])
    return found


@pytest.fixture
def three():
    """A caller whose libraries have three threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)  # of threads that are started from now on too
    with threadpool_limits(3):
        yield now()
    torch.set_num_threads(before)


def elsewhere(work):
    """What a work says in a thread of its own."""
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_every_row_of_the_table_is_a_stage_and_the_other_way_round():
    used = {name for file in SOURCE.rglob("*.py") for name in re.findall(r'computing\("(.+?)"\)', file.read_text())}
    assert used == set(THREADS)
    assert not [f.name for f in SOURCE.rglob("*.py") if "threadpool_limits" in f.read_text()]


@pytest.mark.parametrize("stage", THREADS)
def test_a_stage_has_its_threads_and_gives_them_back(stage, three):
    assert three["torch"] == 3 and three["blas"] == 3
    with computing(stage):
        inside = now()
    wanted = THREADS[stage] or 3
    assert inside["torch"] == inside["blas"] == wanted
    assert now() == three
    with pytest.raises(ValueError), computing(stage):
        raise ValueError
    assert now() == three


@pytest.mark.parametrize("stage", THREADS)
def test_who_asks_for_fewer_gets_fewer(stage):
    with threadpool_limits(1), computing(stage):
        assert set(now().values()) == {1}


def test_a_stage_in_a_thread_of_the_caller_leaves_the_process_alone(three):
    def work():
        before = now()
        with computing("body fit"):
            inside = now()
        return before, inside, now()

    before, inside, after = elsewhere(work)
    assert inside["torch"] == 1 and inside["blas"] == before["blas"] and after == before and now() == three


def test_two_at_once_have_one_thread_each_and_the_caller_all(three):
    fresh = elsewhere(torch.get_num_threads)
    seen = []
    for threads in side_by_side([torch.get_num_threads] * 4):
        seen.append(threads)
        assert now() == three and elsewhere(torch.get_num_threads) == fresh, "between two results, and in new threads"
    assert seen == [1] * 4


@pytest.fixture
def quick(monkeypatch):
    """A fit of the body that ends soon."""
    for name in ("POSE_STEPS", "OUTLINE_STEPS"):
        monkeypatch.setattr(f"maquette.reconstruction.body_fit.fit.{name}", 2)


def enlarged(photo, out):
    from maquette.core.options import SourceOptions, UpscaleOptions
    from maquette.pipeline.upscale import enlarge

    return list(enlarge([photo], out, UpscaleOptions(), SourceOptions()))


DOORS = {
    "face": lambda photo, _out: maquette.face(photo, texture_size=256, method="vrn"),
    "person": lambda photo, _out: maquette.person(photo, texture_size=256, resolution=64),
    "upscale": enlarged,
}


@pytest.mark.parametrize("door", DOORS)
def test_a_caller_keeps_threads_and_random_numbers(door, astronaut, tmp_path, quick):
    for cached in (reader.load_regressor, vrn.network_of, networks.load):
        cached.cache_clear()
    torch.get_num_threads()
    with threadpool_limits(3):
        torch.manual_seed(5)
        np.random.seed(5)
        random.seed(5)
        threads, drawn = now(), (torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate())
        assert DOORS[door](astronaut, tmp_path)
        assert now() == threads
        assert torch.equal(torch.get_rng_state(), drawn[0]) and random.getstate() == drawn[2]
        assert np.array_equal(np.random.get_state()[1], drawn[1])


@pytest.mark.parametrize("asked, most", [("1", 1), ("1,4", 1), ("100000", None), ("", None), ("many", None), ("0", 1)])
def test_no_more_threads_are_available_than_asked_for_or_than_there_are_cores(monkeypatch, asked, most):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    cores = available()
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert cores >= 1 and available() == (cores if most is None else most)


@pytest.mark.slow
def test_a_face_is_the_same_with_one_thread_and_with_two(astronaut, tmp_path):
    code = "import sys, maquette, numpy\n[made] = maquette.face(sys.argv[1])\n"
    code += "numpy.save(sys.argv[2], made.reconstruction.shape.vertices)"
    for number in "12":
        setting = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "OMP_NUM_THREADS": number}
        words = [sys.executable, "-c", code, str(astronaut), str(tmp_path / f"{number}.npy")]
        subprocess.run(words, env=setting, check=True, timeout=400)
    one, two = (np.load(tmp_path / f"{number}.npy") for number in "12")
    assert np.abs(one - two).max() <= 1e-5, "metres; the same to the bit where it was measured"
