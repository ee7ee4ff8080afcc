"""Shards of examples: whole files, the same each time, kept when they are there."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load_file

from maquette.synthesis.datasets import person_shards
from maquette.synthesis.datasets.person_examples import draw_example
from maquette.synthesis.datasets.person_shards import write_person_shards

pytestmark = pytest.mark.usefixtures("body_arrays")


def test_shards_are_whole_and_repeatable(tmp_path, monkeypatch):
    monkeypatch.setattr(person_shards, "SHARD", 2)
    files = write_person_shards(tmp_path / "train", 3, 1, 48)
    assert [f.name for f in files] == ["persons-00000.safetensors", "persons-00001.safetensors"]
    assert sorted(tmp_path.rglob("*")) == sorted([tmp_path / "train", *files])
    stored, again = load_file(files[1]), draw_example((1, 0, 2), 48)
    assert len(stored["image"]) == 1
    assert all(stored[name][0].tobytes() == np.asarray(value).tobytes() for name, value in again.items())
    before = files[0].stat().st_mtime_ns
    write_person_shards(tmp_path / "train", 3, 1, 48)
    assert files[0].stat().st_mtime_ns == before
