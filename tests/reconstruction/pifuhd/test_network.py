"""PIFuHD is the published network: parameters, keys, and the numbers of the published modules with the same weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

from maquette.reconstruction.pifuhd.hourglass import ConvBlock, FilterSize, HourGlass, ImageFilter
from maquette.reconstruction.pifuhd.mlp import PointSize
from maquette.reconstruction.pifuhd.network import PIFuHD, PIFuHDFeatures, PIFuHDSize, sampled
from maquette.reconstruction.pifuhd.normalnet import NormalNet
from pifuhd_by_key import SMALL, fill, occupancy, pictures, points, some

GOLDEN = Path(__file__).parents[2] / "golden" / "pifuhd.safetensors"
SIDES = {"small": (SMALL, 64), "published": (PIFuHDSize(), 128)}


def parameters(network: nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())


@pytest.fixture(scope="module")
def empty() -> PIFuHD:
    """The published size, without memory."""
    with torch.device("meta"):
        return PIFuHD()


def test_parameters_are_those_of_the_published_network(empty):
    parts = (empty.netG.netF, empty.netG.netB, empty.netG.image_filter, empty.netG.mlp, empty.image_filter, empty.mlp)
    wanted = [182_443_267, 182_443_267, 14_439_680, 1_052_290, 6_262_544, 408_577]
    assert [parameters(part) for part in parts] == wanted
    assert parameters(empty) == 387_049_625
    assert 4 * parameters(empty) == 1_548_198_500


def block_keys(before: int, after: int) -> set[str]:
    keys = {f"conv{k}.weight" for k in (1, 2, 3)} | {
        f"bn{k}.{part}" for k in range(1, 5) for part in ("weight", "bias")
    }
    more = {"downsample.0.weight", "downsample.0.bias", "downsample.2.weight"}
    return keys | (more if before != after else set())


def filter_keys(stacks: int, depth: int) -> set[str]:
    """Keys of a published filter, written down from the description of its file."""
    keys = {f"{name}.{part}" for name in ("conv1", "bn1") for part in ("weight", "bias")}
    blocks = {"conv2": (64, 128), "conv3": (128, 128), "conv4": (128, 256)}
    for k in range(stacks):
        levels = [f"b{j}_{level}" for j in (1, 2, 3) for level in range(1, depth + 1)] + ["b2_plus_1"]
        blocks |= {f"m{k}.{name}": (256, 256) for name in levels} | {f"top_m_{k}": (256, 256)}
        plain = [f"conv_last{k}", f"bn_end{k}", f"l{k}"] + ([f"bl{k}", f"al{k}"] if k < stacks - 1 else [])
        keys |= {f"{name}.{part}" for name in plain for part in ("weight", "bias")}
    return keys | {f"{name}.{key}" for name, widths in blocks.items() for key in block_keys(*widths)}


def test_keys_are_those_of_the_published_file(empty):
    places = [1, 4, 7, 10, 13, 25, 28, 31, 34, 38, *(f"{n}.conv_block.{k}" for n in range(16, 25) for k in (1, 5))]
    wanted = {f"image_filter.{key}" for key in filter_keys(1, 4)}
    wanted |= {f"netG.image_filter.{key}" for key in filter_keys(4, 2)}
    both = ("weight", "bias")
    wanted |= {f"netG.net{side}.model.{place}.{part}" for side in "FB" for place in places for part in both}
    wanted |= {f"mlp.filters.{k}.{part}" for k in range(4) for part in both}
    wanted |= {f"netG.mlp.filters.{k}.{part}" for k in range(5) for part in both}
    state = empty.state_dict()
    assert set(state) == wanted and len(state) == 764
    assert len(list(empty.parameters())) == 756
    assert state["netG.mlp.filters.2.weight"].shape == (256, 769, 1)
    assert state["mlp.filters.1.weight"].shape == (256, 784, 1)


@pytest.fixture(scope="module", params=["small", pytest.param("published", marks=pytest.mark.slow)])
def made(request) -> tuple[str, PIFuHD, PIFuHDFeatures]:
    """A network with the golden weights and the features of the golden picture, float64, in which processors agree."""
    size, side = SIDES[request.param]
    with torch.device("meta"):
        network = PIFuHD(size).eval()
    network.to_empty(device="cpu").requires_grad_(False)
    fill(network)
    network.double()
    return request.param, network, network.prepare(*(value.double() for value in pictures(side)))


def golden(name: str) -> dict[str, torch.Tensor]:
    with safe_open(GOLDEN, framework="pt") as file:
        assert "facebookresearch/pifuhd e47c4d9" in file.metadata()["source"]
        keys = [key for key in list(file.keys()) if key.startswith(f"{name}.")]
        return {key.split(".")[1]: file.get_tensor(key) for key in keys}


def test_it_gives_the_numbers_of_the_published_modules(made):
    name, network, features = made
    wanted = golden(name)
    where = points().double()
    found = vars(features) | {"merged": network.coarse_logits(features.coarse, where)[1]}
    found["occupancy"], found["coarse_occupancy"] = occupancy(network, features, where)
    for key, value in found.items():
        assert wanted[key].std() > 0.1, "constant numbers would prove nothing"
        assert (some(value) - wanted[key]).abs().max() < 1e-5, key


def test_occupancy_is_nothing_outside_of_the_box(made):
    _, network, features = made
    where = points(3000).double()
    fine, coarse = (values[0] for values in occupancy(network, features, where))
    outside = where[0].abs() > 1
    assert torch.equal(fine == 0, outside[:, :2].any(1))
    assert torch.equal(coarse == 0, outside.any(1))
    inside = fine[~outside.any(1)]
    assert inside.min() > 0 and inside.max() < 1


def test_shapes_of_the_features(made):
    name, network, features = made
    side = SIDES[name][1]
    size = network.size
    assert features.front.shape == features.back.shape == (1, 3, side, side)
    assert features.coarse.shape == (1, size.coarse.features, side // 4, side // 4)
    assert features.fine.shape == (1, size.fine.features, side, side)


def test_only_the_last_stack_counts(made):
    """Changing what an earlier stack gives out changes nothing but through the next one."""
    _, network, _ = made
    found = network.netG.image_filter(torch.zeros(1, 9, 64, 64, dtype=torch.float64))
    assert len(found) == network.size.coarse.stacks and not torch.equal(found[0], found[-1])


def test_sampling_keeps_corners_and_turns_y():
    ramp = torch.arange(5.0).expand(1, 1, 5, 5)
    rows = torch.tensor([[-1.0, 0, 0], [1, 0, 9], [0.5, 0, -3], [0, 0.5, 0]])[None]
    assert sampled(ramp, rows)[0, :, 0].tolist() == [0, 4, 3, 2]
    assert sampled(ramp.transpose(2, 3), rows)[0, :, 0].tolist() == [2, 2, 2, 1]
    assert sampled(ramp + 1, torch.tensor([[[2.0, 0, 0]]])).item() == 0


def test_depth_of_the_published_network():
    assert PIFuHDSize().depth_feature(torch.tensor(1.0)).item() == pytest.approx(1.28)


@pytest.mark.parametrize("width", [16, 24, 48, 256])
def test_blocks_have_any_width(width):
    x = torch.randn(2, width, 8, 12)
    assert ConvBlock(width, 2 * width)(x).shape == (2, 2 * width, 8, 12)
    assert HourGlass(2, width)(x).shape == x.shape


def test_a_filter_of_free_width():
    size = FilterSize(channels=12, stacks=2, depth=3, features=8, halved=False, width=32)
    found = ImageFilter(size)(torch.randn(1, 12, 64, 32))
    assert [tuple(value.shape) for value in found] == [(1, 8, 32, 16)] * 2
    assert parameters(ImageFilter(FilterSize(9, 1, 4, 16, False))) == 6_262_544


def test_wrong_pictures_are_refused_with_their_size():
    with pytest.raises(ValueError, match=r"multiples of 16, got \(1, 9, 40, 64\)"):
        ImageFilter(FilterSize(stacks=1, width=16))(torch.zeros(1, 9, 40, 64))
    with torch.device("meta"), pytest.raises(ValueError, match=r"\(N, 3, H, W\).*got \(1, 4, 64, 64\)"):
        NormalNet()(torch.zeros(1, 4, 64, 64))
    with pytest.raises(ValueError, match="fine points: wanted 272 channels, got 100"):
        PIFuHDSize(fine_points=PointSize((100, 1), (), -1))
