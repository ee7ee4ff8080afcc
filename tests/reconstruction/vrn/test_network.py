"""The volumetric network is the released one: sizes, keys, features, statistics, and the numbers of another port."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

from maquette.reconstruction.vrn.network import (
    SIZES,
    VRN,
    BatchNorm,
    Branches,
    MultitaskVRN,
    VRNSize,
    upsampled,
    use_statistics,
)
from seeded import fill, picture

GOLDEN = Path(__file__).parents[2] / "golden"
TINY = VRNSize(3, 16, 1, 2, 12)
PARAMETERS = {
    "unguided": 19_184_968,
    "guided": 24_975_944,
    "one-stack": 23_985_224,
    "three-stacks": 28_755_528,
    "four-stacks": 26_957_384,
    "heavy": 53_345_096,
    "light": 6_298_824,
    "lighter": 1_864_136,
}


def parameters(network: nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())


def modules(network: nn.Module, kind: type) -> list[nn.Module]:
    return [module for module in network.modules() if isinstance(module, kind)]


def empty(kind: type, *arguments) -> nn.Module:
    """A network without memory."""
    with torch.device("meta"):
        return kind(*arguments)


@pytest.fixture(scope="module")
def released() -> VRN:
    """The released size with seeded weights, as the golden numbers want it; float64, in which processors agree."""
    with torch.device("meta"):
        network = VRN().eval()
    network.to_empty(device="cpu")
    fill(network, 1703)
    return network.double()


@pytest.fixture
def tiny() -> VRN:
    network = VRN(TINY).eval()
    fill(network, 1)
    return network


@pytest.mark.parametrize("name", SIZES)
def test_sizes_have_the_parameters_of_the_thesis(name):
    assert parameters(empty(VRN, SIZES[name])) == PARAMETERS[name]


def test_the_released_size_has_the_parts_of_the_released_file():
    network = empty(VRN)
    assert len(modules(network, nn.Conv2d)) == 276
    assert len(modules(network, BatchNorm)) == 273
    assert len(modules(network, nn.MaxPool2d)) == 9
    assert len(modules(network, nn.Upsample)) == 8
    # Of the sums, 8 join the branches of a level and 2 go around a stack.
    assert len(modules(network, Branches)) - 8 - 2 == 89
    counters = [name for name, _ in network.named_buffers() if name.endswith("num_batches_tracked")]
    assert sum(value.numel() for _, value in network.named_buffers()) - len(counters) == 92_416
    assert len(network.state_dict()) == 1_917
    assert len(network.state_dict()) - len(counters) == 1_644


def published_keys() -> set[str]:
    """Keys of the released network, written down from the description of its file, level by level."""
    convolutions, norms = {"0", "11.0.0.0", "11.0.1"}, {"1", "11.0.0.1"}
    residuals = {"3", "5", "6"}
    for stack in ("7.1", "9.1"):
        for level in range(4):
            base = stack + ".0.0.3" * level
            residuals |= {f"{base}.0.0.{k}" for k in range(3)} | {f"{base}.2"}
            residuals |= {f"{base}.0.1.{k}" for k in range(1, 10 if level == 3 else 7)}
        convolutions |= {f"{stack}.3.0", f"{stack}.4.0"}
        norms |= {f"{stack}.3.1", f"{stack}.4.1"}
    convolutions |= {f"{base}.0.0.{k}" for base in residuals for k in (2, 5, 8)} | {"3.0.1.0", "6.0.1.0"}
    norms |= {f"{base}.0.0.{k}" for base in residuals for k in (0, 3, 6)}
    keys = {f"{base}.{name}" for base in convolutions | norms for name in ("weight", "bias")}
    return keys | {f"{base}.{name}" for base in norms for name in ("running_mean", "running_var")}


def test_keys_are_those_of_the_released_file():
    state = empty(VRN).state_dict()
    keys = {key for key in state if not key.endswith("num_batches_tracked")}
    assert keys == published_keys() and len(keys) == 1_644
    assert max(map(len, keys)) == 46
    shapes = {
        "0.weight": (64, 3, 7, 7),
        "3.0.0.0.weight": (64,),
        "3.0.0.2.weight": (64, 64, 1, 1),
        "3.0.1.0.weight": (128, 64, 1, 1),
        "11.0.1.weight": (200, 256, 1, 1),
    }
    assert {key: tuple(state[key].shape) for key in shapes} == shapes


@pytest.mark.parametrize("bn_stats", ["running", "image"])
def test_it_gives_the_numbers_of_another_port(released, bn_stats):
    """Sampled occupancies of the port that the file's metadata names, with the same seeded weights."""
    with safe_open(GOLDEN / "vrn-unguided.safetensors", framework="pt") as file:
        facts, index, wanted = file.metadata(), file.get_tensor("index"), file.get_tensor(bn_stats)
    assert facts["weights_seed"] == "1703", "the seed of the fixture"
    use_statistics(released, bn_stats)
    with torch.inference_mode():
        found = released(picture((1, 3, 192, 192), int(facts["picture_seed"])).double())
    assert found.shape == (1, 200, 192, 192)
    assert found.min() > 0 and found.max() < 1
    assert (found.flatten()[index] - wanted).abs().max() < 1e-5
    assert wanted.std() > 0.05, "a constant volume would prove nothing"


def test_shapes(tiny):
    with torch.inference_mode():
        assert tiny.coarse(torch.rand(1, 3, 192, 192)).shape == (1, 12, 48, 48)
        assert tiny(torch.rand(1, 3, 256, 128)).shape == (1, 12, 256, 128)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((1, 3, 100, 96), "96 x 100 pixels"), ((1, 71, 96, 96), "got 71 channels"), ((3, 96, 96), "N, C, H, W")],
)
def test_wrong_pictures_are_refused_with_their_size(tiny, shape, message):
    with pytest.raises(ValueError, match=message):
        tiny.coarse(torch.zeros(shape))


def test_features_are_never_smaller_than_an_eighth(tiny):
    sides = set()
    for module in tiny.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda *given: sides.add(given[2].shape[-1]))
    tiny.coarse(torch.rand(1, 3, 192, 192))
    assert sides == {96, 48, 24}


@pytest.mark.parametrize("bn_stats", ["running", "image"])
def test_a_stack_whose_last_normalisation_is_zero_changes_nothing(tiny, bn_stats):
    use_statistics(tiny, bn_stats)
    stack = tiny.get_submodule("7")
    x = torch.rand(1, 16, 24, 24)
    with torch.no_grad():
        assert not torch.allclose(stack(x), x)
        last = tiny.get_submodule("7.1.4.1")
        last.weight.zero_()
        last.bias.zero_()
        assert torch.equal(stack(x), x)


def test_statistics_of_the_image_cancel_its_scale_and_know_no_batch(tiny):
    use_statistics(tiny, "image")
    two = picture((2, 3, 96, 96), 3)
    with torch.inference_mode():
        once = tiny(two[:1])
        # The eps of normalisation weighs more on the darker picture; between 255 and 510 nothing is left of it.
        assert (tiny(255 * two[:1]) - once).abs().max() < 5e-3
        assert (tiny(510 * two[:1]) - tiny(255 * two[:1])).abs().max() < 1e-4
        together = tiny(two)
        assert (together[:1] - once).abs().max() < 1e-5
        assert (together[1:] - tiny(two[1:])).abs().max() < 1e-5


def test_stored_statistics_feel_the_scale(tiny):
    use_statistics(tiny, "running")
    two = picture((2, 3, 96, 96), 3)
    with torch.inference_mode():
        once = tiny(two[:1])
        assert (tiny(255 * two[:1]) - once).abs().max() > 0.05
        assert (tiny(two)[:1] - once).abs().max() < 1e-5


def test_image_statistics_are_normalisation_over_height_and_width():
    norm, x = BatchNorm(5).eval(), torch.randn(2, 5, 6, 7)
    fill(nn.Sequential(norm), 2)
    norm.stats = "image"
    centred = x - x.mean((2, 3), keepdim=True)
    scaled = centred / (centred.square().mean((2, 3), keepdim=True) + norm.eps).sqrt()
    wanted = scaled * norm.weight[:, None, None] + norm.bias[:, None, None]
    assert torch.allclose(norm(x), wanted, atol=1e-6)


def test_training_takes_the_statistics_of_the_batch_in_both():
    x = torch.randn(3, 5, 6, 7)
    results = []
    for stats in ("image", "running"):
        norm = BatchNorm(5).train()
        norm.stats = stats
        results.append(norm(x))
        assert norm.num_batches_tracked == 1
    assert torch.equal(*results)


def test_another_kind_of_statistics_is_refused():
    with pytest.raises(ValueError, match="image or running"):
        VRN(TINY, "batch")


def test_upsampling_keeps_corners_and_constants():
    logits = torch.randn(2, 3, 12, 10)
    large = upsampled(logits)
    assert large.shape == (2, 3, 48, 40)
    for row in (0, -1):
        for column in (0, -1):
            assert torch.equal(large[..., row, column], logits[..., row, column])
    assert torch.allclose(upsampled(torch.full((1, 1, 6, 6), 0.7)), torch.tensor(0.7), atol=1e-6)


def test_upsampling_has_the_ratio_of_torch7():
    """Sample k lies at k (in - 1) / (out - 1)."""
    ramp = torch.arange(6.0).expand(1, 1, 6, 6)
    wanted = torch.arange(24) * 5 / 23
    assert torch.allclose(upsampled(ramp)[0, 0, 7], wanted, atol=1e-5)


def test_multitask_forks_into_landmarks_and_volume():
    network = MultitaskVRN(VRNSize(3, 16, 1, 1, 12)).eval()
    fill(network, 4)
    with torch.inference_mode():
        landmarks, volume = network(picture((2, 3, 96, 64), 5))
    assert landmarks.shape == (2, 68, 96, 64) and volume.shape == (2, 12, 96, 64)
    for values in (landmarks, volume):
        assert values.min() >= 0 and values.max() <= 1


def test_multitask_has_three_hourglasses_of_the_formula():
    """Stem, three stacks of 13 m + 4 residuals, and two heads, m = 4."""
    bottleneck, width = 214_528, 256
    unit = width * width + 3 * width
    stem = parameters(empty(VRN, VRNSize(3, width, 1, 0, 200))) - (unit + (width + 1) * 200)
    stack = (13 * 4 + 4) * bottleneck + 2 * unit
    heads = 2 * unit + (width + 1) * (68 + 200)
    assert parameters(empty(MultitaskVRN)) == stem + 3 * stack + heads == 36_992_652
