"""The files of the models: small, read once, and refused where they are not whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maquette import morphable
from maquette.core.errors import WeightsMissing
from maquette.weights import store


def test_the_file_is_small_enough_to_ship():
    assert store.zoo()["maquette-head"].file.stat().st_size <= 8e6


def test_it_is_read_once():
    assert morphable.load("maquette-head") is morphable.load("maquette-head")
    with pytest.raises(KeyError, match="maquette-head"):
        morphable.load("nobody")


@pytest.mark.parametrize("harm", ["missing", "cut", "one bit"])
def test_a_head_that_is_not_whole_is_refused(harm, monkeypatch, tmp_path):
    entry = store.zoo()["maquette-head"]
    moved = replace(entry, path=str(tmp_path / "head.safetensors"))
    data = bytearray(entry.file.read_bytes())
    data[len(data) // 2] ^= 1 if harm == "one bit" else 0
    if harm != "missing":
        moved.file.write_bytes(data[: len(data) // 2] if harm == "cut" else data)
    monkeypatch.setattr(store, "zoo", lambda: {entry.name: moved})
    with pytest.raises(WeightsMissing, match="head"):
        morphable.load.__wrapped__("maquette-head")
