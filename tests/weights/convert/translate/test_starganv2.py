"""Conversion of StarGAN v2: its list of tensors against the networks, both kinds of files, every kind of mistake."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from maquette.cli.main import run
from maquette.core.errors import BadInput
from maquette.imaging.translate.starganv2.networks import StarGAN, load
from maquette.weights.convert.translate import starganv2
from maquette.weights.convert.translate.starganv2 import StarSize, shapes
from stargan_by_seed import PEOPLE, TINY, tiny


@pytest.mark.parametrize("size", [StarSize(), PEOPLE, TINY, StarSize(side=1024, first=16), StarSize(32, first=512)])
def test_the_list_of_tensors_is_that_of_the_networks(size):
    with torch.device("meta"):
        networks = StarGAN(size, discriminator=True)
    assert shapes(size, discriminator=True) == {key: tuple(v.shape) for key, v in networks.state_dict().items()}
    assert StarSize.of(size.facts()) == size


def state(name: str, wrapped: bool = False) -> dict[str, torch.Tensor]:
    found = getattr(tiny(), name).state_dict()
    return {f"module.{key}" if wrapped else key: value for key, value in found.items()}


def content(wrapped: bool = False) -> dict:
    return {name: state(name, wrapped) for name in starganv2.NETWORKS}


@pytest.fixture
def small(monkeypatch):
    """A published layout of small networks: side times first width is 128 instead of 2^14."""
    monkeypatch.setattr(starganv2, "PUBLISHED_PIXELS", TINY.side * TINY.first)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_checkpoint_comes_back(tmp_path, small, capsys, wrapped):
    source, out = tmp_path / "100000_nets_ema.ckpt", tmp_path / "out" / "a.safetensors"
    torch.save(content(wrapped) | {"fan": {"a": torch.zeros(2)}}, source)
    assert run(["weights", "convert", "starganv2", str(source), "-o", str(out)]) == 0
    assert "cat, dog, wild" in capsys.readouterr().out
    found = load(out)
    assert found.size == TINY
    for key, value in found.state_dict().items():
        assert torch.equal(value, tiny().state_dict()[key])


def test_a_discriminator_is_kept_and_domains_can_be_named(tmp_path, small):
    source, out = tmp_path / "nets.ckpt", tmp_path / "a.safetensors"
    torch.save(content() | {"discriminator": state("discriminator")}, source)
    words = ["weights", "convert", "starganv2", str(source), "-o", str(out), "--domains", "fox,owl,yak"]
    assert run(words) == 0
    found = load(out)
    assert found.size == replace(TINY, domains=("fox", "owl", "yak"))
    from safetensors import safe_open

    with safe_open(out, framework="pt") as file:
        assert torch.equal(file.get_tensor("discriminator.main.0.bias"), tiny().discriminator.main[0].bias)


def test_a_high_pass_filter_is_read_off_its_kernel(small):
    size = replace(TINY, domains=("female", "male"), high_pass=2.0)
    states = {name: getattr(StarGAN(size), name).state_dict() for name in starganv2.NETWORKS}
    assert starganv2.size_of(states, None, "x") == size


NO_LIST = {
    "not a dictionary": lambda _: [1],
    "no network": lambda found: {key: found[key] for key in found if key != "style_encoder"},
    "a list": lambda found: found | {"generator": [1]},
}
CHANGES = {
    "missing": {"to_rgb.2.bias": None},
    "unexpected": {"c": torch.zeros(1)},
    "shape": {"to_rgb.2.bias": torch.zeros(4)},
    "nan": {"to_rgb.2.bias": torch.full((3,), torch.nan)},
    "no tensors": {"to_rgb.2.bias": 3},
    "width": {"from_rgb.weight": torch.zeros(3, 3, 3, 3)},
    "no width": {"from_rgb.weight": None},
}


def changed(kind: str) -> object:
    found = content()
    if kind in NO_LIST:
        return NO_LIST[kind](found)
    generator = found["generator"] | CHANGES[kind]
    return found | {"generator": {key: value for key, value in generator.items() if value is not None}}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("not a dictionary", "wanted a checkpoint of StarGAN v2 with generator"),
        ("no network", "wanted a checkpoint of StarGAN v2 with style_encoder"),
        ("missing", "1 missing \\(to_rgb.2.bias\\)"),
        ("unexpected", "1 unexpected \\(c\\)"),
        ("shape", "1 of another shape"),
        ("nan", "damaged"),
        ("no tensors", "generator: wanted named tensors"),
        ("width", "side 42: wanted a power of two"),
        ("no width", "with from_rgb.weight"),
        ("a list", "generator: wanted named tensors"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, small, kind, words):
    source = tmp_path / "other.ckpt"
    torch.save(changed(kind), source)
    with pytest.raises(BadInput, match=words) as caught:
        starganv2.convert(source, tmp_path / "x.safetensors")
    assert "\n" not in str(caught.value) and not (tmp_path / "x.safetensors").exists()


def test_other_domains_and_a_source_as_target_are_refused(tmp_path, small):
    source = tmp_path / "a.ckpt"
    torch.save(content(), source)
    with pytest.raises(BadInput, match="has 3 domains, got names of 2: fox, owl"):
        starganv2.convert(source, tmp_path / "x", ["fox", "owl"])
    with pytest.raises(BadInput, match="different names"):
        starganv2.convert(source, tmp_path / "x", ["fox", "fox", "owl"])
    with pytest.raises(BadInput, match="is a source itself"):
        starganv2.convert(source, source)
