"""The zoo says the truth about its files, and says what to do when one is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maquette.core.errors import WeightsMissing
from maquette.weights import store


@pytest.mark.parametrize("entry", store.zoo().values(), ids=lambda entry: entry.name)
def test_every_entry_describes_its_file(entry):
    assert entry.file.is_file()
    assert entry.file.stat().st_size == entry.bytes, "run: python tools/refresh_zoo.py"
    assert store.fetch(entry.name) == entry.file


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(WeightsMissing, match="maquette-head"):
        store.fetch("vrn")


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """The zoo with a copy of its first entry in another folder."""
    entry = next(iter(store.zoo().values()))
    moved = replace(entry, path=str(tmp_path / "head.safetensors"))
    monkeypatch.setattr(store, "zoo", lambda: {entry.name: moved})
    return moved


def test_a_missing_file_names_folder_and_command(elsewhere):
    with pytest.raises(WeightsMissing) as error:
        store.fetch(elsewhere.name)
    assert str(elsewhere.file.parent) in str(error.value) and elsewhere.made_by in str(error.value)


def test_a_damaged_file_is_refused(elsewhere):
    elsewhere.file.write_bytes(b"half a download")
    with pytest.raises(WeightsMissing, match="not the file the zoo describes"):
        store.fetch(elsewhere.name)
