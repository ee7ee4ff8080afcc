"""Stretches of clips to learn from."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from maquette.reconstruction.face_fit.motion.evidence import WIDTH, group, mirrored_units
from maquette.training.datasets.clips import windows
from maquette.training.datasets.clips.filmed import FRAMES
from maquette.training.datasets.clips.windows import WINDOW, ClipWindows, mirrored, stretch, units


def some_row(rng, count):
    row = {
        "evidence": rng.uniform(0, 1, (FRAMES, WIDTH)).astype(np.float16),
        "expression": rng.uniform(0, 1, (FRAMES, 52)).astype(np.float32),
        "pose": rng.normal(0, 0.1, (FRAMES, 6)).astype(np.float32),
        "gap": rng.normal(0, 1, (2, 3, 3)).astype(np.float32),
        "times": (np.arange(FRAMES) / 25).astype(np.float32),
        "count": np.array([count], np.int32),
    }
    for name in ("evidence", "expression", "pose", "times"):
        row[name][count:] = 0
    return row


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made, rng = tmp_path_factory.mktemp("clips"), np.random.default_rng(0)
    rows = [some_row(rng, count) for count in (FRAMES, 30, 60)]
    for split in ("train", "test"):
        (made / split).mkdir()
        save_file({name: np.stack([row[name] for row in rows]) for name in rows[0]}, made / split / "0.safetensors")
    return made


@pytest.fixture(autouse=True)
def small_pool(monkeypatch):
    monkeypatch.setattr("maquette.training.datasets.clips.errors.POOL", 1)


def test_a_batch_is_a_function_of_its_number(folder):
    data = ClipWindows(folder, 3, 5)
    first, again, next_one = data.batch(1), ClipWindows(folder, 3, 5).batch(1), data.batch(2)
    assert len(data) == 3 and first["evidence"].shape == (3, WINDOW, WIDTH) and first["gap"].shape == (3, 2, 3, 3)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["evidence"], next_one["evidence"])
    assert sorted(first["seen"].sum(axis=1)) == [30, WINDOW, WINDOW]
    assert not first["evidence"][first["seen"] == 0].any()


def test_a_whole_clip_is_as_long_as_it_was_seen(folder):
    clip = ClipWindows(folder, 1, 0, "test").whole(1)
    assert len(clip["seen"]) == 30 and clip["steps"][0] == 0 and clip["steps"][1] == pytest.approx(1 / 25)


def test_a_mirrored_stretch_is_the_other_side_and_back(folder):
    found = stretch(some_row(np.random.default_rng(1), 40), slice(0, 40))
    turned = mirrored(found)
    assert np.array_equal(turned["expression"], found["expression"][:, mirrored_units(units())])
    assert all(np.array_equal(mirrored(turned)[name], found[name]) for name in found)
    assert np.array_equal(turned["pose"][:, [1, 2, 3]], -found["pose"][:, [1, 2, 3]])


def test_noise_spares_what_the_result_stands_on(folder, monkeypatch):
    monkeypatch.setattr(windows, "OTHERWISE", 0.0)
    monkeypatch.setattr(windows, "mirrored", lambda found: found)
    batch, rows = ClipWindows(folder, 3, 5).batch(0), ClipWindows(folder, 3, 5).shards.batch(0)
    longest = int(np.argmin(rows["count"][:, 0]))
    read, was = batch["evidence"][longest][:30], rows["evidence"][longest][:30].astype(np.float32)
    assert np.array_equal(read[:, group("fitted")], was[:, group("fitted")])
    assert np.abs(read - was)[:, group("marks")].max() > 0.01
