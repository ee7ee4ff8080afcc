"""The networks of a file: what was converted comes back, other files are refused in one line."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from maquette.core.errors import BadInput
from maquette.imaging.translate.starganv2.networks import StarGAN, drawn, load
from stargan_by_seed import TINY, tiny

FACTS = {"network": "starganv2", **TINY.facts()}


def saved(path, tensors, facts=FACTS):
    save_file({key: value.clone() for key, value in tensors.items()}, path, {"facts": json.dumps(facts)})
    return path


def test_what_was_saved_comes_back(tmp_path):
    tensors = {key: value.half() for key, value in tiny().state_dict().items()}
    found = load(saved(tmp_path / "a", tensors))
    assert found.size == TINY and found.discriminator is None and not found.training
    assert not any(p.requires_grad for p in found.parameters())
    for key, value in found.state_dict().items():
        assert torch.equal(value, tensors[key].float())
    assert found.domain("wild") == 2
    with pytest.raises(BadInput, match="know cat, dog, wild"):
        found.domain("bird")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("generator.to_rgb.2.bias"), "1 missing \\(generator.to_rgb.2.bias\\)"),
        (lambda t: t.update(extra=torch.zeros(1)), "1 unexpected \\(extra\\)"),
        (lambda t: t.update({"generator.to_rgb.2.bias": torch.full((3,), torch.nan)}), "damaged"),
    ],
)
def test_other_tensors_are_refused(tmp_path, change, words):
    tensors = dict(tiny().state_dict())
    change(tensors)
    with pytest.raises(BadInput, match=words):
        load(saved(tmp_path / "a", tensors))


@pytest.mark.parametrize("facts", [{}, FACTS | {"network": "hrn"}, FACTS | {"side": "33"}, FACTS | {"style": "x"}, [1]])
def test_other_networks_are_refused(tmp_path, facts):
    with pytest.raises(BadInput, match="weights convert starganv2"):
        load(saved(tmp_path / "a", {"a": torch.zeros(1)}, facts))


def test_first_weights_keep_the_size_of_what_passes_and_biases_are_zero():
    torch.manual_seed(0)
    networks = StarGAN(TINY, discriminator=True)
    drawn(networks)
    weight = networks.mapping_network.shared[0].weight
    assert abs(float(weight.detach().std()) / (2 / weight.shape[1]) ** 0.5 - 1) < 0.35
    assert not any(
        part.bias.any() for part in networks.modules() if isinstance(part, torch.nn.Conv2d) and part.bias is not None
    )
