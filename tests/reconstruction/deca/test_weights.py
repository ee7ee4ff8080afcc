"""The loader of DECA's networks: what was converted comes back, other files are refused in one line."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from deca_by_seed import network
from maquette.core.errors import BadInput
from maquette.reconstruction.deca.weights import load
from maquette.weights.convert.deca.networks import NETWORKS
from maquette.weights.convert.pytorch import COUNTER


@pytest.fixture(scope="module")
def tensors() -> dict[str, torch.Tensor]:
    found = {}
    for name in NETWORKS:
        found |= {f"{name}.{k}": v.half() for k, v in network(name).state_dict().items() if not k.endswith(COUNTER)}
    return found


def test_what_was_saved_comes_back(tmp_path, tensors):
    save_file(tensors, tmp_path / "a", {"network": "deca"})
    found = load(tmp_path / "a")
    for name, net in found.named.items():
        assert not net.training and not any(p.requires_grad for p in net.parameters())
        for key, value in net.state_dict().items():
            if not key.endswith(COUNTER):
                assert torch.equal(value, tensors[f"{name}.{key}"].float())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("D_detail.l1.0.bias"), "1 missing \\(D_detail.l1.0.bias\\)"),
        (lambda t: t.update(extra=torch.zeros(1)), "1 unexpected \\(extra\\)"),
        (lambda t: t.update({"D_detail.l1.0.bias": torch.full((8192,), torch.nan)}), "damaged"),
    ],
)
def test_other_files_are_refused(tmp_path, tensors, change, words):
    found = dict(tensors)
    change(found)
    save_file(found, tmp_path / "a", {"network": "deca"})
    with pytest.raises(BadInput, match=words):
        load(tmp_path / "a")


def test_other_networks_are_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "a", {"network": "vrn"})
    with pytest.raises(BadInput, match="weights convert deca"):
        load(tmp_path / "a")
