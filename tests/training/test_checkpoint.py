"""A checkpoint is whole or not there."""

from __future__ import annotations

import os

import pytest
import torch

from maquette.core.errors import BadInput
from maquette.training import checkpoint


@pytest.fixture
def written(tmp_path):
    path = tmp_path / checkpoint.LAST
    checkpoint.save({"step": 1, "weights": torch.arange(1000.0)}, path)
    return path


def test_round_trip(written):
    state = checkpoint.load(written)
    assert state["step"] == 1 and torch.equal(state["weights"], torch.arange(1000.0))
    assert os.listdir(written.parent) == [checkpoint.LAST]


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), RuntimeError("unexpected pos 64")])
def test_a_failure_while_writing_leaves_the_previous_one(written, monkeypatch, failure):
    def half(state, file):
        file.write(b"PK half a checkpoint")
        raise failure

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(BadInput, match="cannot be written .*the previous one is whole"):
        checkpoint.save({"step": 2}, written)
    assert checkpoint.load(written)["step"] == 1 and len(os.listdir(written.parent)) == 1


def test_a_crash_while_writing_leaves_the_previous_one(written, monkeypatch):
    """As if the power failed: nothing after the half-written bytes is run."""

    def half(state, file):
        file.write(b"PK half a checkpoint")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save({"step": 2}, written)
    monkeypatch.undo()
    assert checkpoint.load(written)["step"] == 1
    checkpoint.save({"step": 3}, written)
    assert checkpoint.load(written)["step"] == 3 and len(os.listdir(written.parent)) == 1


def test_a_damaged_one_is_named(written):
    written.write_bytes(written.read_bytes()[:300])
    with pytest.raises(BadInput, match="last.ckpt: cannot be read"):
        checkpoint.load(written)


def test_something_else_is_refused(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "x.ckpt")
    with pytest.raises(BadInput, match="not a checkpoint of this version"):
        checkpoint.load(tmp_path / "x.ckpt")
