"""Which smoother a clip's options name."""

from types import SimpleNamespace

import numpy as np
import pytest

from maquette.core.motion import HeadMotion
from maquette.core.options import VideoOptions
from maquette.morphable import load
from maquette.pipeline.face_clip.subject import smoother_of, textured
from maquette.reconstruction.face_fit.motion.evidence import WIDTH

COUNT = 20


def motion():
    rng = np.random.default_rng(0)
    turns = np.tile([1.0, 0, 0, 0], (COUNT, 1)) + rng.normal(0, 0.002, (COUNT, 4))
    evidence = rng.uniform(0, 0.1, (COUNT, WIDTH)).astype(np.float32)
    return HeadMotion(
        times=np.arange(COUNT) / 30,
        frames=np.arange(COUNT),
        rotations=turns / np.linalg.norm(turns, axis=1)[:, None],
        translation=np.array([0, 0, -0.6]) + rng.normal(0, 0.001, (COUNT, 3)),
        expression=rng.uniform(0, 0.1, (COUNT, 52)),
        gaze=np.zeros((COUNT, 2, 2)),
        focal=900.0,
        size=(640, 480),
        opening=np.full((COUNT, 2), 0.3),
        trust=np.ones(COUNT),
        reprojection=np.ones(COUNT),
        evidence=evidence,
    )


def shake(motion):
    return np.abs(np.diff(motion.translation, 2, axis=0)).mean()


@pytest.mark.parametrize("smoother", ["tuned", "network"])
def test_zero_seconds_change_nothing(smoother):
    raw = motion()
    even = smoother_of(VideoOptions(smoother=smoother, smoothing=0.0))(raw, np.zeros(COUNT, int))
    assert np.allclose(even.expression, raw.expression) and np.allclose(even.rotations, raw.rotations)


def test_each_name_is_another_smoother_and_both_are_steadier():
    raw, shots = motion(), np.zeros(COUNT, int)
    even = {name: smoother_of(VideoOptions(smoother=name))(raw, shots) for name in ("tuned", "network")}
    assert np.isfinite(even["tuned"].opening).all() and np.isnan(even["network"].opening).all()
    assert all(shake(one) < 0.7 * shake(raw) for one in even.values())


def test_the_texture_is_taken_from_frames_at_rest_first():
    names = list(load("maquette-head").expression_names)
    weights = np.zeros((6, len(names)))
    weights[:3, names.index("noseSneerLeft")] = 0.9
    assert textured(SimpleNamespace(expression=weights), 6) == [0, 3, 4, 5]
    assert (
        textured(SimpleNamespace(expression=weights[:2]), 2) == [0, 1] == textured(SimpleNamespace(expression=None), 2)
    )
