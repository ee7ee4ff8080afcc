"""Synthetic photographs as the texture reads them, with their true folds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.core.options import SynthesisOptions
from maquette.synthesis.types import Kind
from maquette.training.datasets import folds
from maquette.weights.tensors import opened

OPTIONS = SynthesisOptions(count=2, size=420, texture_size=512, seed=3)


@pytest.fixture(scope="module")
def sample():
    return folds.photograph(replace(OPTIONS, size=800), 1)


@pytest.fixture(scope="module")
def row(sample):
    return folds.example(sample)


def test_the_truth_is_the_displacement_that_was_rendered(sample):
    height, width = sample.kind.shape
    place = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=2).astype(np.float32)
    relief, valid = folds.true_relief(sample, place)
    skin = sample.kind == Kind.SKIN
    assert (valid > 0.5)[~skin].mean() < 0.01 and valid[skin].mean() > 0.8
    row, column = (np.argwhere(valid > 0.5))[len(np.argwhere(valid > 0.5)) // 2]
    truth, size = sample.person.skin.displacement, len(sample.person.skin.displacement)
    u, v = sample.uv[row, column]
    around = truth[int((1 - v) * size) - 2 : int((1 - v) * size) + 3, int(u * size) - 2 : int(u * size) + 3]
    assert around.min() - 1e-6 <= relief[row, column] <= around.max() + 1e-6


def test_a_row_has_what_the_network_is_shown_and_the_truth(row):
    assert set(row) == set(folds.COLUMNS)
    shape = row["weight"].shape
    assert row["fine"].shape == row["relief"].shape == shape and row["tint"].shape == (*shape, 2)
    assert row["slow"].shape == (5, shape[0] // folds.COARSER, shape[1] // folds.COARSER)
    seen = (row["weight"] > 128) & (row["valid"] > 128)
    assert seen.mean() > 0.15 and 0.1 < row["pixel"][0] < 3
    assert np.isfinite(row["fine"].astype(float)).all() and np.abs(row["relief"].astype(float)).max() < 2


def test_the_brightness_knows_the_folds(sample, row):
    """Where the truth is deep, the photo is not what it is elsewhere: the texels of both are the same."""
    deep = (row["relief"] < -0.12) & (row["weight"] > 128) & (row["valid"] > 128)
    plain = (np.abs(row["relief"]) < 0.02) & (row["weight"] > 128) & (row["valid"] > 128)
    if deep.sum() < 100:
        pytest.skip("this person has no deep folds")
    assert row["fine"][deep].astype(float).mean() < row["fine"][plain].astype(float).mean() - 0.01


def test_some_people_are_painted_only_and_folds_can_be_asked_for():
    people = [folds.draw_subject(replace(OPTIONS, texture_size=128), number) for number in range(24)]
    flat = [not person.skin.displacement.any() for person in people]
    assert 0 < sum(flat) < 10


def test_a_shard_is_written_once(tmp_path, monkeypatch, row):
    monkeypatch.setattr(folds, "photograph", lambda _, number: number)
    monkeypatch.setattr(folds, "example", lambda number: None if number == 0 else row)
    (tmp_path / "train").mkdir()
    file = folds.make_shard(tmp_path, OPTIONS, 0, 2)
    with opened(file, "shard", "", "numpy") as shard:
        assert {name: shard.get_slice(name).get_shape()[0] for name in folds.COLUMNS} == dict.fromkeys(folds.COLUMNS, 1)
    stamp = file.stat().st_mtime_ns
    assert folds.make_shard(tmp_path, OPTIONS, 0, 2) == file and file.stat().st_mtime_ns == stamp
