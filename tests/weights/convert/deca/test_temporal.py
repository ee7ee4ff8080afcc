"""Conversion of the temporal encoders: its list of tensors against the network, and weights of the other kind."""

from __future__ import annotations

import pytest
import torch
from safetensors import safe_open

from maquette.cli.main import run
from maquette.core.errors import BadInput
from maquette.reconstruction.deca.temporal.encoder import TemporalEncoder
from maquette.reconstruction.deca.temporal.flow import SPyNet
from maquette.weights.convert.deca import networks, temporal
from maquette.weights.convert.pytorch import COUNTER

PARTS = {"rnn": 275, "layer": 312, "spynet": 62, "down1": 47, "down2": 47, "bn1": 5, "head": 2, "conv1": 1}


@pytest.mark.parametrize(("name", "outputs", "size"), [("E_flame", 236, 32_693_720), ("E_detail", 128, 32_583_020)])
def test_the_list_of_tensors_is_that_of_the_network(name, outputs, size):
    with torch.device("meta"):
        network = TemporalEncoder(outputs)
    state = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert len(state) == 755 and sum(p.numel() for p in network.parameters()) == size
    assert temporal.shapes(name) == {key: shape for key, shape in state.items() if not key.endswith(COUNTER)}
    for part, count in PARTS.items():
        assert sum(key.startswith(f"encoder.{part}") for key in state) == count


def test_a_checkpoint_becomes_one_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(temporal, "shapes", lambda _: {"a.weight": (2, 3)})
    held = {name: {"a.weight": torch.rand(2, 3)} for name in networks.NETWORKS}
    torch.save(held, tmp_path / "model.tar")
    assert run(["weights", "convert", "deca-tv", str(tmp_path / "model.tar"), "-o", str(tmp_path / "a")]) == 0
    assert "temporal DECA of 18 parameters" in capsys.readouterr().out
    with safe_open(tmp_path / "a", framework="pt") as file:
        assert file.metadata()["network"] == "deca-tv"


def test_weights_of_single_frames_are_refused(tmp_path):
    """The published loader takes their layers and leaves the rest random."""
    held = {
        name: {key: torch.zeros(1).expand(shape) for key, shape in networks.shapes(name).items()}
        for name in networks.NETWORKS
    }
    torch.save(held, tmp_path / "deca_model.tar")
    with pytest.raises(BadInput, match="not a E_flame of DECA's video training: wanted 667 tensors, got 269"):
        temporal.convert(tmp_path / "deca_model.tar", tmp_path / "a")


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_flow_becomes_one_file(tmp_path, wrapped):
    state = SPyNet().state_dict()
    torch.save({"state_dict": state} if wrapped else state, tmp_path / "spynet.pth")
    assert run(["weights", "convert", "spynet", str(tmp_path / "spynet.pth"), "-o", str(tmp_path / "a")]) == 0
    with safe_open(tmp_path / "a", framework="pt") as file:
        assert file.metadata()["network"] == "spynet" and len(list(file.keys())) == 60
