"""The networks that enlarge: their sizes, their first weights, their files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from maquette.core.errors import BadInput
from maquette.core.types import Frame
from maquette.imaging.upscale import luma, networks
from maquette.imaging.upscale.espcn import ESPCN
from maquette.imaging.upscale.method import upscaled
from maquette.imaging.upscale.srcnn import SRCNN
from maquette.weights.store import zoo

from .conftest import SHIPPED


@pytest.mark.parametrize(
    "network, count",
    [
        (ESPCN(2), 58_212),
        (ESPCN(4), 61_680),
        (ESPCN(2, "tanh3"), 21_284),
        (ESPCN(4, "tanh3"), 24_752),
        (SRCNN(2, "9-1-5"), 8_129),
        (SRCNN(4, "9-5-5"), 57_281),
    ],
)
def test_sizes_are_those_of_the_papers(network, count):
    assert sum(tensor.numel() for tensor in network.parameters()) == count


@pytest.mark.parametrize("side, factor", [(32, 4), (64, 2)])
def test_small_to_128(side, factor):
    assert ESPCN(factor)(torch.rand(2, 1, side, side)).shape == (2, 1, 128, 128)
    assert SRCNN(factor)(torch.rand(2, 1, side, side)).shape == (2, 1, 128, 128)


def test_orthogonal_first_weights():
    weights = ESPCN(2).conv2.weight.reshape(64, -1)
    assert torch.allclose(weights @ weights.T, 2 * torch.eye(64), atol=1e-4)  # gain of ReLU, squared


@pytest.mark.parametrize("kind", [ESPCN, SRCNN])
def test_a_residual_network_begins_as_bicubic(kind):
    import cv2

    small = np.random.default_rng(0).random((9, 7), np.float32)
    with torch.no_grad():
        large = luma.run(kind(2, residual=True), small)
    assert np.abs(large - cv2.resize(small, (14, 18), interpolation=cv2.INTER_CUBIC)).max() < 1e-5


@pytest.mark.parametrize("method, factor", SHIPPED)
def test_the_shipped_networks_give_their_golden_tensors(method, factor):
    golden = load_file(Path(__file__).parents[2] / "golden" / f"{method}-x{factor}.safetensors")
    with torch.inference_mode():
        assert torch.allclose(networks.shipped(method, factor)(golden["input.0"]), golden["output"], atol=1e-4)
    entry = zoo()[f"{method}-x{factor}"]
    assert entry.bytes < 1_000_000 and entry.licence == "CC0-1.0"


@pytest.mark.parametrize("method, factor", SHIPPED)
def test_the_shipped_networks_beat_bicubic_on_a_picture(method, factor, astronaut):
    """The smallest claim: a training picture, averaged; held-out faces are in the card and docs/upscaling.md."""
    from PIL import Image

    from maquette.evaluation.benchmarks.images import psnr
    from maquette.imaging.degrade import Degradation, degraded

    face = np.ascontiguousarray(np.asarray(Image.open(astronaut).convert("RGB"))[40:168, 160:288])
    small = Frame(degraded(face, factor, Degradation(), np.random.default_rng(0)))
    ours, cubic = (psnr(upscaled(small, factor, name).pixels, face) for name in (method, "bicubic"))
    assert ours > cubic + 0.2


@pytest.mark.parametrize(
    "network", [ESPCN(4), ESPCN(2, "tanh3", True), SRCNN(2, "9-1-5"), SRCNN(4, "9-5-5", residual=True)]
)
def test_a_file_names_its_network(network, written):
    found = networks.load(written(network))
    assert found.facts() == network.facts() and type(found) is type(network)
    plane = torch.rand(1, 1, 8, 8)
    assert torch.equal(found(plane), network(plane))


@pytest.mark.parametrize(
    "facts, message",
    [
        ({}, "network 'None'"),
        ([], "holds no facts"),
        ({"network": "vrn", "layout": "relu4"}, "network 'vrn'"),
        ({"network": "espcn", "layout": "relu4", "factor": "999999", "residual": "no"}, "factor '999999'"),
        ({"network": "espcn", "layout": "tanh3", "factor": "2", "residual": "no"}, "does not fit"),
    ],
)
def test_other_files_are_refused(facts, message, written):
    with pytest.raises(BadInput, match=message):
        networks.load(written(ESPCN(2), facts))


def test_damaged_files_are_refused(written, tmp_path):
    with pytest.raises(BadInput, match="not finite"):
        networks.load(written(ESPCN(2), change=lambda t: t | {"conv1.bias": t["conv1.bias"] * float("nan")}))
    (tmp_path / "text.safetensors").write_text("Dear sir")
    for name, why in {"text.safetensors": "cannot be read", "none.safetensors": "there is none"}.items():
        with pytest.raises(BadInput, match=why):
            networks.load(tmp_path / name)
