"""Frame -> larger Frame: parameter counts, pixel convention, tiles, rounding, colour, and the shipped networks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from maquette.core.errors import BadInput, WeightsMissing
from maquette.core.types import Frame
from maquette.imaging.upscale import luma, networks
from maquette.imaging.upscale.espcn import ESPCN
from maquette.imaging.upscale.method import METHODS, advised, upscaled
from maquette.imaging.upscale.srcnn import SRCNN
from maquette.weights.store import zoo

SHIPPED = [("espcn", 2), ("espcn", 4), ("srcnn", 2), ("srcnn", 4)]
INTERPOLATIONS = [name for name, row in METHODS.items() if not row.learned]


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def drawn(kind, factor, **settings):
    """A network with weights by seed, large enough for every pixel to matter."""
    torch.manual_seed(1)
    network = kind(factor, **settings).requires_grad_(False).eval()
    for tensor in network.parameters():
        tensor.copy_(torch.randn(tensor.shape) * 0.06)
    return network


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


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", [2, 4])
def test_every_method_scales_and_nothing_more(method, factor):
    """A ramp stays where it is, for pixel centres at + 0.5; the frame's facts stay, its focal length grows."""
    ramp = np.repeat(np.repeat(np.arange(20, 220, 5)[None, :, None], 24, 0), 3, 2).astype(np.uint8)
    frame = Frame(ramp, time=1.5, origin="ramp", focal=50.0)
    large = upscaled(frame, factor, method)
    assert large.size == (40 * factor, 24 * factor)
    assert (large.time, large.origin, large.focal) == (1.5, "ramp", 50.0 * factor)
    expected = 20 + 5 * ((np.arange(40 * factor) + 0.5) / factor - 0.5)
    inner = slice(4 * factor, -4 * factor)
    error = large.pixels[12 * factor, inner, 1] - expected[inner]
    assert abs(error.mean()) < 0.75, "not shifted: a pixel would be 1.25 or 2.5"
    assert np.abs(error).max() <= (2.6 if method in ("nearest", "area") else 2.0)


@pytest.mark.parametrize("method", METHODS)
def test_an_even_colour_stays(method):
    for color in ((0, 0, 0), (255, 255, 255), (200, 30, 90)):
        large = upscaled(Frame(np.full((9, 12, 3), color, np.uint8)), 4, method).pixels
        assert np.abs(large.astype(int) - color).max() <= (2 if METHODS[method].learned else 0)


@pytest.mark.parametrize("method, factor", SHIPPED)
def test_one_pixel_is_enough(method, factor):
    assert upscaled(Frame(noise(1, 1, 3)), factor, method).size == (factor, factor)


@pytest.mark.parametrize(
    "network", [drawn(ESPCN, 2), drawn(ESPCN, 4, residual=True), drawn(SRCNN, 2), drawn(SRCNN, 4, layout="9-1-5")]
)
def test_where_the_tiles_lie_does_not_matter(network):
    pixels = noise(19, 29, 3)
    whole = luma.enlarged(network, pixels, 10_000).astype(int)
    for side in (20, 44):
        tiled = luma.enlarged(network, pixels, side).astype(int)
        # Sums of floats in another order may fall on the other side of a half.
        assert np.abs(tiled - whole).max() <= 1 and (tiled != whole).mean() < 1e-3


@pytest.mark.parametrize("network", [drawn(ESPCN, 2), drawn(SRCNN, 2), drawn(ESPCN, 4, layout="tanh3")])
def test_a_network_looks_no_further_than_it_says(network):
    plane = torch.rand(1, 1, 31, 31)
    other = plane.clone()
    other[..., 15, 15] += 1
    moved = (network(other) - network(plane)).abs().amax(dim=(0, 1)) > 1e-6
    rows = torch.nonzero(moved.any(dim=1)).flatten() // network.factor
    assert 15 - rows.min() <= network.reach and rows.max() - 15 <= network.reach


class Identity:
    """A network that repeats pixels: what is left is the treatment of colour."""

    factor, reach = 2, 2

    def __call__(self, plane):
        return plane.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3) + 0.9 / 255


def test_colours_survive_and_luma_is_rounded():
    pixels = np.repeat(np.repeat(noise(1, 1, 3), 6, 0), 6, 1)
    gained = luma.enlarged(Identity(), pixels).astype(int) - pixels[0, 0]
    assert (gained[(pixels[0, 0] < 254)[None, None].repeat(12, 0).repeat(12, 1)] == 1).all(), "0.9 is rounded up"
    grey = np.full((6, 6, 3), 100, np.uint8)
    assert (luma.enlarged_as_published(Identity(), grey) == 100).all(), "0.9 is cut off"


def test_the_published_way_is_that_of_pillow():
    """Against a slow twin: Pillow's planes, zeros around the picture, cut off, Pillow's bicubic for the colour."""
    from PIL import Image

    network, pixels = drawn(ESPCN, 2), noise(10, 12, 3)
    y, cb, cr = Image.fromarray(pixels).convert("YCbCr").split()
    plane = network(torch.from_numpy(np.asarray(y, np.float32) / 255)[None, None])[0, 0].numpy() * 255
    planes = [Image.fromarray(np.uint8(plane.clip(0, 255)))]
    planes += [plane.resize((24, 20), Image.BICUBIC) for plane in (cb, cr)]
    expected = np.asarray(Image.merge("YCbCr", planes).convert("RGB"))
    assert np.array_equal(luma.enlarged_as_published(network, pixels), expected)


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

    from maquette.evaluation.pictures import psnr
    from maquette.imaging.degrade import Degradation, degraded

    face = np.ascontiguousarray(np.asarray(Image.open(astronaut).convert("RGB"))[40:168, 160:288])
    small = Frame(degraded(face, factor, Degradation(), np.random.default_rng(0)))
    ours, cubic = (psnr(upscaled(small, factor, name).pixels, face) for name in (method, "bicubic"))
    assert ours > cubic + 0.2


@pytest.fixture
def written(tmp_path):
    def write(network, facts=None, change=None):
        path = tmp_path / "net.safetensors"
        tensors = change(dict(network.state_dict())) if change else dict(network.state_dict())
        save_file(tensors, path, metadata={"facts": json.dumps(network.facts() if facts is None else facts)})
        networks.load.cache_clear()
        return path

    return write


@pytest.mark.parametrize(
    "network", [ESPCN(4), ESPCN(2, "tanh3", True), SRCNN(2, "9-1-5"), SRCNN(4, "9-5-5", residual=True)]
)
def test_a_file_tells_its_network(network, written):
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
    for name in ("text.safetensors", "none.safetensors"):
        with pytest.raises(BadInput, match="cannot be read"):
            networks.load(tmp_path / name)


def test_wrong_words_are_refused(written):
    frame = Frame(noise(4, 4, 3))
    for words, message in (
        ((3, "espcn"), "factor 3: wanted 2 or 4"),
        ((2, "edsr"), "method 'edsr': wanted nearest, bilinear"),
        ((2, "bicubic", Path("x")), "takes no weights"),
        ((4, "espcn", written(ESPCN(2))), "is espcn for factor 2: wanted espcn for 4"),
        ((2, "srcnn", written(ESPCN(2))), "is espcn for factor 2: wanted srcnn for 2"),
    ):
        with pytest.raises(BadInput, match=message):
            upscaled(frame, *words)


def test_missing_weights_are_told(monkeypatch):
    def missing(name):
        raise WeightsMissing(f"weights {name}: not there")

    monkeypatch.setattr(networks, "fetch", missing)
    with pytest.raises(WeightsMissing, match="espcn-x2"):
        upscaled(Frame(noise(4, 4, 3)), 2)


def test_advice():
    assert [advised(width) for width in (300, 96, 95.9, 48, 47.9, 1)] == [1, 1, 2, 2, 4, 4]
