"""A stream answers as a clip that is read with the same reach, and in time."""

import numpy as np
import pytest
import torch

from maquette.reconstruction.face_fit.motion.evidence import WIDTH
from maquette.reconstruction.face_fit.motion.network import MotionNet, said
from maquette.reconstruction.face_fit.motion.stream import MotionStream

FRAMES = 9


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    made = MotionNet(16).eval()
    for value in made.parameters():
        torch.nn.init.normal_(value, 0, 0.2)
    return made


@pytest.mark.parametrize("reach", [0, 1, 2, 20])
def test_a_stream_is_the_clip_read_with_its_reach(network, reach):
    rng = np.random.default_rng(0)
    evidence = rng.random((FRAMES, WIDTH)).astype(np.float32)
    times = np.cumsum(rng.uniform(0.02, 0.05, FRAMES))
    stream, answers = MotionStream(network, reach), []
    for k, (row, time) in enumerate(zip(evidence, times)):
        answer = stream.push(row, time)
        assert (answer is None) == (k < stream.delay)
        answers += [] if answer is None else [answer]
    answers += stream.finish()
    rows = torch.from_numpy(evidence)[None]
    steps = torch.from_numpy(np.diff(times, prepend=times[:1]).astype(np.float32))[None]
    seen = torch.ones_like(steps)
    with torch.inference_mode():
        weights, gaze, pose, scale = said(network(rows, steps, seen, reach), rows, seen, reach)
    assert [one.number for one in answers] == list(range(FRAMES))
    assert np.abs(np.array([one.expression for one in answers]) - weights[0].clamp(0, 1).numpy()).max() < 1e-4
    assert np.abs(np.array([one.gaze.ravel() for one in answers]) - gaze[0].numpy()).max() < 1e-4
    assert np.abs(np.array([one.pose for one in answers]) - pose[0].numpy()).max() < 1e-4
    assert np.allclose(np.log([one.sigma for one in answers]), scale[0].numpy(), atol=1e-3)


def test_memory_does_not_grow(network):
    stream = MotionStream(network, 1)
    row = np.zeros(WIDTH, np.float32)
    held = []
    for k in range(12):
        stream.push(row, k / 30)
        held.append(sum(len(kept) for kept in (stream._rows, stream._own, stream._flow, stream._halfway)))
    assert max(held) == held[4] == held[-1]


def test_a_reach_into_the_past_is_refused(network):
    with pytest.raises(ValueError, match="reach -1"):
        MotionStream(network, -1)
