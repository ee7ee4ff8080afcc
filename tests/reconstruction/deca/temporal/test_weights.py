"""The loaders of temporal networks and of the flow; other files are refused in one line."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

import deca_by_seed
from maquette.core.errors import BadInput
from maquette.reconstruction.deca.temporal.weights import load, load_flow
from maquette.weights.convert.deca.networks import NETWORKS
from maquette.weights.convert.deca.temporal import shapes
from temporal_by_seed import encoder


def test_what_was_saved_comes_back(tmp_path):
    state = {key: value.half() for key, value in encoder().state_dict().items() if "num_batches" not in key}
    tensors = {f"E_flame.{key}": value for key, value in state.items()}
    for name in NETWORKS[1:]:
        held = {key: torch.full(shape, 0.5).half() for key, shape in shapes(name).items()}
        tensors |= {f"{name}.{key}": value for key, value in held.items()}
    save_file(tensors, tmp_path / "a", {"network": "deca-tv"})
    found = load(tmp_path / "a", reach=0.001)
    assert found.generator.reach == 0.001 and not found.coarse.training
    for key, value in state.items():
        assert torch.equal(found.coarse.state_dict()[key], value.float())


def test_weights_of_single_frames_are_refused(tmp_path):
    state = deca_by_seed.network("D_detail").state_dict()
    save_file({f"D_detail.{key}": value for key, value in state.items()}, tmp_path / "a", {"network": "deca"})
    with pytest.raises(BadInput, match="its metadata say deca: make it with maquette weights convert deca-tv"):
        load(tmp_path / "a")


def test_the_flow_comes_back(tmp_path):
    state = encoder().encoder.spynet.state_dict()
    held = {f"spynet.{key}": value.float() for key, value in state.items() if key.startswith("basic")}
    save_file(held, tmp_path / "a", {"network": "spynet"})
    found = load_flow(tmp_path / "a")
    for key, value in found.state_dict().items():
        assert torch.equal(value, state[key].float())
