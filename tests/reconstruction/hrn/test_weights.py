"""The loader of HRN's networks: what was converted comes back, other files are refused in one line."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from hrn_by_seed import network
from maquette.core.errors import BadInput
from maquette.reconstruction.hrn.weights import load, load_regressor
from maquette.weights.convert import hrn
from maquette.weights.convert.pytorch import COUNTER


@pytest.fixture(scope="module")
def tensors() -> dict[str, torch.Tensor]:
    found = {"alpha": torch.tensor([0.25]), "beta": torch.tensor([0.5])}
    for name in hrn.NETWORKS:
        found |= {f"{name}.{k}": v for k, v in network(name).state_dict().items() if not k.endswith(COUNTER)}
    return found


def test_what_was_saved_comes_back(tmp_path, tensors):
    save_file({key: value.half() for key, value in tensors.items()}, tmp_path / "a", {"network": "hrn"})
    found = load(tmp_path / "a")
    assert (found.alpha, found.beta, found.retouching, found.landmarks) == (0.25, 0.5, None, None)
    for name in hrn.NETWORKS:
        net = getattr(found, name)
        assert not net.training and not any(p.requires_grad for p in net.parameters())
        for key, value in net.state_dict().items():
            if not key.endswith(COUNTER):
                assert torch.equal(value, tensors[f"{name}.{key}"].half().float())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("mid_net.model.1.bias"), "1 missing \\(mid_net.model.1.bias\\)"),
        (lambda t: t.update(extra=torch.zeros(1)), "1 unexpected \\(extra\\)"),
        (lambda t: t.update(alpha=torch.tensor([torch.nan])), "damaged"),
        (lambda t: [t.pop(key) for key in [*t] if key.startswith("high_net.")], "48 missing"),
    ],
)
def test_other_files_are_refused(tmp_path, tensors, change, words):
    found = dict(tensors)
    change(found)
    save_file(found, tmp_path / "a", {"network": "hrn"})
    with pytest.raises(BadInput, match=words):
        load(tmp_path / "a")


def test_other_networks_are_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "a", {"network": "vrn"})
    with pytest.raises(BadInput, match="weights convert hrn"):
        load(tmp_path / "a")


def test_the_published_head_has_the_first_network_alone(tmp_path, tensors):
    alone = {key: value for key, value in tensors.items() if key.startswith("net_recon.")}
    for name, values in (("head", alone), ("all", tensors)):
        save_file(values, tmp_path / name, {"network": "hrn"})
        found = load_regressor(tmp_path / name)
        assert not found.training and not any(p.requires_grad for p in found.parameters())
        key = "backbone.conv1.weight"
        assert torch.equal(found.state_dict()[key], tensors[f"net_recon.{key}"])
    with pytest.raises(BadInput, match="alone, of the published head"):
        load(tmp_path / "head")
    alone.pop("net_recon.backbone.conv1.weight")
    save_file(alone, tmp_path / "less", {"network": "hrn"})
    with pytest.raises(BadInput, match="1 missing"):
        load_regressor(tmp_path / "less")
