"""Conversion of MVF-Net: its list of tensors against the network, and a file that comes back."""

from __future__ import annotations

import pytest
import torch
from safetensors import safe_open

from maquette.cli.main import run
from maquette.core.errors import BadInput
from maquette.weights.convert import mvfnet
from maquette.weights.convert.pytorch import COUNTER
from mvfnet_by_seed import network


def test_the_published_file_comes_back(tmp_path, capsys):
    state = {f"module.{key}": value.float() if value.ndim else value for key, value in network().state_dict().items()}
    torch.save(state, tmp_path / "net.pth")
    assert run(["weights", "convert", "mvfnet", str(tmp_path / "net.pth")]) == 0
    assert "8,354,027 parameters" in capsys.readouterr().out
    wanted = {key: tuple(v.shape) for key, v in network().state_dict().items() if not key.endswith(COUNTER)}
    assert wanted == mvfnet.shapes()
    with safe_open(tmp_path / "net.safetensors", framework="pt") as file:
        assert file.metadata()["network"] == "mvfnet"
        assert torch.equal(file.get_tensor("mvfnet.fc_pose.fc4.bias"), state["module.fc_pose.fc4.bias"])


def test_other_files_are_refused(tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(BadInput, match="not a mvfnet of MVF-Net"):
        mvfnet.convert(tmp_path / "a.pth", tmp_path / "x")
    with pytest.raises(BadInput, match="is a source itself"):
        mvfnet.convert(tmp_path / "a.pth", tmp_path / "a.pth")
