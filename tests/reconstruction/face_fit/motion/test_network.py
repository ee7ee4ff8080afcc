"""The motion network: what each mode may see, and what its numbers mean."""

from copy import deepcopy

import pytest
import torch

from maquette.reconstruction.face_fit.motion.evidence import UNITS, WIDTH, group
from maquette.reconstruction.face_fit.motion.network import OUTPUT, PASSING, SAID, MotionNet, lowpassed, said

FRAMES = 11


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    made = MotionNet(16).eval()
    for value in made.parameters():
        torch.nn.init.normal_(value, 0, 0.2)
    return made


def inputs(seed=0, frames=FRAMES):
    evidence = torch.rand(1, frames, WIDTH, generator=torch.Generator().manual_seed(seed))
    return evidence, torch.full((1, frames), 1 / 30), torch.ones(1, frames)


@torch.inference_mode()
def changed(network, at, reach):
    """Frames whose answer changes when the evidence of one frame does."""
    evidence, steps, seen = inputs()
    other = evidence.clone()
    other[:, at] += 1
    apart = (network(evidence, steps, seen, reach) - network(other, steps, seen, reach)).abs().amax(dim=(0, 2))
    return [k for k in range(FRAMES) if apart[k] > 1e-6]


@pytest.mark.parametrize("reach", [0, 1, 2])
def test_a_stream_sees_twice_its_reach_ahead_and_no_more(network, reach):
    assert changed(network, 6, reach)[0] == 6 - 2 * reach
    assert changed(network, 6, reach)[-1] == FRAMES - 1


def test_a_whole_clip_is_seen_from_both_ends(network):
    assert changed(network, 6, -1) == list(range(FRAMES))


@torch.inference_mode()
@pytest.mark.parametrize("reach", [-1, 1])
def test_frames_behind_the_end_change_nothing(network, reach):
    evidence, steps, seen = inputs()
    padded = torch.cat([evidence, torch.rand(1, 3, WIDTH)], dim=1), torch.cat([steps, torch.ones(1, 3)], dim=1)
    long = network(*padded, torch.cat([seen, torch.zeros(1, 3)], dim=1), reach)
    assert (long[:, :FRAMES] - network(evidence, steps, seen, reach)).abs().max() < 1e-3


@torch.inference_mode()
@pytest.mark.parametrize("reach", [-1, 2])
def test_a_long_clip_never_grows_beyond_bounds(network, reach):
    network = deepcopy(network)
    for branch in map(network.branch, range(4)):
        torch.nn.init.constant_(branch.align.bias, 3.0)  # each frame makes the state three times as long
        torch.nn.init.constant_(branch.enter.bias, -9.0)  # which no gate lets forget
    evidence, steps, seen = inputs(frames=400)
    short, long = (network(evidence[:, :n], steps[:, :n], seen[:, :n], reach) for n in (40, 400))
    assert torch.isfinite(long).all() and long.abs().max() < 2 * short.abs().max()


@torch.inference_mode()
def test_one_frame_is_a_clip(network):
    evidence, steps, seen = inputs(frames=1)
    whole, stream = network(evidence, steps, seen), network(evidence, steps, seen, 2)
    assert whole.shape == (1, 1, OUTPUT) and (whole - stream).abs().max() < 1e-5


@torch.inference_mode()
def test_an_untrained_network_says_what_was_fitted():
    evidence, steps, seen = inputs()
    weights, gaze, pose, scale = said(MotionNet(16).eval()(evidence, steps, seen), evidence, seen)
    fitted, slow = evidence[..., group("fitted")], lowpassed(evidence[..., group("fitted")], seen)
    assert torch.allclose(weights, slow + torch.sigmoid(torch.tensor(PASSING)) * (fitted - slow)) and not pose.any()
    assert torch.allclose(4 * gaze, evidence[..., group("gaze")]) and scale.shape[-1] == SAID


def test_weights_hardly_leave_their_range_and_can_come_back():
    output = torch.zeros(1, 1, OUTPUT, requires_grad=True)
    far = output + torch.cat([torch.full((UNITS,), 3.0), torch.zeros(OUTPUT - UNITS)])
    weights = said(far, torch.zeros(1, 1, WIDTH), torch.ones(1, 1))[0]
    assert 1 < weights.max() < 1.2
    weights.sum().backward()
    assert (output.grad[..., :UNITS] > 0).all()


def test_the_shipped_size_keeps_its_promise():
    count = sum(value.numel() for value in MotionNet().parameters())
    assert 2 * count < 8e6  # bytes in float16, and as many operations a frame: far below 6 GMAC
