"""The prepared network gives the network's numbers, whatever its normalisations hold."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from maquette.reconstruction.vrn import fast
from maquette.reconstruction.vrn.network import VRN, BatchNorm, VRNSize
from seeded import fill, picture

SMALL = VRNSize(5, 32, 2, 2, 12)
WAYS = ["packed", "plain"]


@pytest.fixture
def small() -> VRN:
    network = VRN(SMALL, "running").eval()
    fill(network, 6)
    return network


@pytest.fixture(params=WAYS)
def way(request, monkeypatch, small) -> str:
    """With oneDNN's packed convolutions, where this build of torch has them, and without."""
    if request.param == "plain":
        monkeypatch.setattr(fast, "packable", lambda _: False)
    elif not fast.packable(small):
        pytest.skip("this build of torch has no packed convolutions")
    return request.param


def apart(network: VRN, found, x: torch.Tensor) -> float:
    """Largest difference of logits."""
    with torch.no_grad():
        return (network.coarse(x) - found(x)).abs().max().item()


@pytest.mark.usefixtures("way")
def test_logits_are_those_of_the_network(small):
    x = picture((1, 5, 96, 96), 7)
    found = fast.prepared(small, 96)
    assert found(x).shape == (1, 12, 24, 24) and found(x).is_contiguous()
    assert apart(small, found, x) < 1e-4
    assert found(x).std() > 0.1, "constant logits would prove nothing"


@pytest.mark.parametrize(
    "size", [VRNSize(3, 64, 1, 1, 7), VRNSize(71, 128, 1, 1, 4), VRNSize(3, 16, 3, 0, 5)], ids=lambda size: str(size)
)
@pytest.mark.usefixtures("way")
def test_other_sizes(size):
    """Features of 128 have a residual block without a skip of its own; no stack at all is a network too."""
    network = VRN(size, "running").eval()
    fill(network, 8)
    assert apart(network, fast.prepared(network, 64), picture((1, size.channels, 64, 64), 7)) < 1e-4


@pytest.mark.usefixtures("way")
def test_batches_and_other_sides(small):
    found = fast.prepared(small, 96)
    for shape in ((3, 5, 96, 96), (1, 5, 64, 128), (2, 5, 120, 16), (1, 5, 8, 8)):
        assert apart(small, found, picture(shape, 9)) < 1e-4


@pytest.mark.usefixtures("way")
def test_the_picture_is_left_alone(small):
    found = fast.prepared(small, 64)
    x = picture((1, 5, 64, 64), 7).contiguous(memory_format=torch.channels_last)
    before = x.clone()
    first = found(x)
    assert torch.equal(x, before)
    assert torch.equal(found(x), first)
    assert not first.requires_grad


@pytest.mark.parametrize("gain", ["falling", "none", "mixed", "tiny"])
@pytest.mark.usefixtures("way")
def test_gains_of_any_sign(small, gain):
    """Trained gains may be negative or die; max(x, -h / g) would be wrong or infinite."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for module in small.modules():
            if isinstance(module, BatchNorm):
                value = module.weight
                factors = {"falling": -1.0, "none": 0.0, "tiny": 1e-12}
                mixed = torch.randint(-1, 2, value.shape, generator=generator)
                value.mul_(mixed if gain == "mixed" else factors[gain])
    assert apart(small, fast.prepared(small, 64), picture((1, 5, 64, 64), 7)) < 1e-4


@pytest.mark.usefixtures("way")
def test_later_changes_of_the_network_do_not_reach_it(small):
    found = fast.prepared(small, 64)
    x = picture((1, 5, 64, 64), 7)
    before = found(x)
    fill(small, 99)
    assert torch.equal(found(x), before)


def test_statistics_of_the_image_run_the_network_itself(small):
    network = VRN(SMALL, "image")
    fill(network, 6)
    x = picture((2, 5, 64, 64), 7)
    found = fast.prepared(network, 64)
    assert apart(network.eval(), found, x) == 0
    assert not found(x).requires_grad
    assert apart(small.eval(), found, x) > 1e-3, "which are other numbers than those of running statistics"


@pytest.mark.usefixtures("way")
def test_wrong_pictures_are_refused(small):
    with pytest.raises(ValueError, match="wanted 5 channels"):
        fast.prepared(small, 64)(torch.zeros(1, 3, 64, 64))


def test_nearest_upsampling_is_added():
    x = torch.rand(2, 3, 8, 6).contiguous(memory_format=torch.channels_last)
    small = torch.rand(2, 3, 4, 3).contiguous(memory_format=torch.channels_last)
    wanted = x + nn.functional.interpolate(small, scale_factor=2)
    assert torch.equal(fast._plus_nearest(x, small), wanted)
