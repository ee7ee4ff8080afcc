"""Weights files: what is written is what is loaded; what does not fit is refused before it takes memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from maquette.core.errors import BadInput
from maquette.reconstruction.vrn import weights
from maquette.reconstruction.vrn.crop import FILL
from maquette.reconstruction.vrn.network import VRN, BatchNorm, VRNSize
from maquette.weights.convert import vrn
from seeded import fill, picture

SMALL = VRNSize(5, 16, 1, 1, 12)
FACTS = {"size": json.dumps(vars(SMALL)), "side": "96", "bn_stats": "running", "crop": "bash"}


@pytest.fixture(scope="module")
def network() -> VRN:
    network = VRN(SMALL, "running").eval()
    fill(network, 2)
    return network


@pytest.fixture
def written(tmp_path, network):
    """A function: the file of metadata and tensors."""

    def write(facts: dict[str, str] | None = FACTS, **changed: torch.Tensor | None) -> Path:
        state = {key: t for key, t in network.state_dict().items() if not key.endswith("tracked")}
        state |= {key.replace("__", "."): value for key, value in changed.items()}
        path = tmp_path / "vrn.safetensors"
        save_file({key: t.contiguous() for key, t in state.items() if t is not None}, path, facts)
        return path

    return write


def test_a_file_gives_the_network_back(written, network):
    found = weights.load(written())
    assert found.size == SMALL and (found.side, found.crop) == (96, "bash")
    assert (found.fill, found.upright) == (FILL, False)
    assert not found.training and not any(p.requires_grad for p in found.parameters())
    assert {module.stats for module in found.modules() if isinstance(module, BatchNorm)} == {"running"}
    x = picture((1, 5, 64, 64), 3)
    with torch.no_grad():
        assert torch.equal(found(x), network(x))
    assert all(value.device.type == "cpu" for value in found.state_dict().values())


def test_published_files_are_halved_and_have_their_metadata_inside_facts(written, network):
    halves = {key.replace(".", "__"): t.half() for key, t in network.state_dict().items() if t.is_floating_point()}
    inside = {**FACTS, "bn_stats": "image", "fill": "0.5", "upright": "1", "recipe": "vrn", "options": {"side": 96}}
    found = weights.load(written({"facts": json.dumps(inside)}, **halves))
    assert (found.fill, found.upright) == (0.5, True)
    assert {value.dtype for value in found.parameters()} == {torch.float32}
    assert torch.equal(found.state_dict()["0.weight"], network.state_dict()["0.weight"].half().float())
    assert {module.stats for module in found.modules() if isinstance(module, BatchNorm)} == {"image"}


def test_what_is_converted_can_be_loaded(tmp_path, network):
    torch.save(network.state_dict(), tmp_path / "other.pth")
    vrn.convert(tmp_path / "other.pth", tmp_path / "ours.safetensors", "running")
    found = weights.load(tmp_path / "ours.safetensors")
    assert (found.side, found.crop, found.size) == (192, "matlab", SMALL)
    x = picture((1, 5, 64, 64), 3)
    with torch.no_grad():
        assert torch.equal(found(x), network(x))


def changed(**facts: str) -> dict[str, str]:
    return {**FACTS, **facts}


def sized(**fields) -> dict[str, str]:
    return changed(size=json.dumps({**vars(SMALL), **fields}))


WRONG_FACTS = {
    "none": (None, "lack size, side, bn_stats, crop"),
    "no side": ({key: text for key, text in FACTS.items() if key != "side"}, "lack side"),
    "facts are no JSON": ({"facts": "{"}, "wanted a JSON object"),
    "size is no JSON": (changed(size="[3, 256]"), "size: wanted a JSON object"),
    "size nests": (changed(size="[" * 100000), "size: wanted a JSON object"),
    "an unknown field": (sized(width=3), "width is missing or unknown"),
    "a large network": (sized(features=10**9), "features 1000000000: wanted 1 to"),
    "many residuals": (sized(residuals=10**6), "residuals 1000000: wanted 1 to"),
    "no stack": (sized(stacks=0), "stacks 0: wanted 1"),
    "a text for a number": (sized(depth="12"), "depth '12': wanted"),
    "true for a number": (sized(stacks=True), "stacks True: wanted"),
    "another size": (sized(features=32), "of another shape"),
    "one more stack": (sized(stacks=2), "missing"),
    "other statistics": (changed(bn_stats="batch"), "bn_stats 'batch': wanted image or running"),
    "another crop": (changed(crop="square"), "crop 'square': wanted matlab or bash"),
    "side in words": (changed(side="small"), "side 'small': wanted 8 to"),
    "side not a number": (changed(side="nan"), "side 'nan': wanted 8 to"),
    "an odd side": (changed(side="100"), "multiple of 8"),
    "a wide fill": (changed(fill="2"), "fill '2': wanted 0.1 to 1"),
    "upright in words": (changed(upright="yes"), "upright 'yes': wanted 0 or 1"),
}


@pytest.mark.parametrize("what", WRONG_FACTS)
def test_metadata_that_are_missing_or_impossible(written, what):
    facts, message = WRONG_FACTS[what]
    with pytest.raises(BadInput, match=message) as refusal:
        weights.load(written(facts))
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 600


WRONG_TENSORS = {
    "missing": ({"1__weight": None}, r"1 missing \(1.weight\)"),
    "unexpected": ({"extra__weight": torch.zeros(2)}, r"1 unexpected \(extra.weight\)"),
    "shape": ({"1__weight": torch.zeros(65)}, r"1.weight \(65,\) for \(64,\)"),
    "not finite": ({"1__weight": torch.full((64,), torch.inf)}, r"hold NaN, infinity.*\(1.weight\)"),
    "variance": ({"1__running_var": torch.full((64,), -0.1)}, "negative variances"),
    "integers": ({"1__weight": torch.zeros(64, dtype=torch.int32)}, "whole numbers"),
}


@pytest.mark.parametrize("what", WRONG_TENSORS)
def test_tensors_that_do_not_fit(written, what):
    tensors, message = WRONG_TENSORS[what]
    with pytest.raises(BadInput, match=message):
        weights.load(written(**tensors))


def test_other_files_are_refused_with_what_to_do(tmp_path, written):
    whole = written().read_bytes()
    for data in (b"", b"noise" * 20, whole[:100], whole[:-1]):
        (tmp_path / "x.safetensors").write_bytes(data)
        with pytest.raises(BadInput, match="maquette weights convert vrn"):
            weights.load(tmp_path / "x.safetensors")
    for path in (tmp_path, tmp_path / "none.safetensors"):
        with pytest.raises(BadInput, match="there is none"):
            weights.load(path)
