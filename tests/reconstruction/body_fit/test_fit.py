"""A clip has one body and smooth motion."""

from __future__ import annotations

import numpy as np
import pytest

from known_bodies import MODEL, SKELETON, STANDING, STOUT, pose, seen
from maquette.geometry.camera import project
from maquette.reconstruction.body_fit.fit import SHARED, WINDOW, fit_clip
from maquette.reconstruction.body_fit.place import place


@pytest.mark.slow
def test_a_clip_has_one_shape_and_smooth_motion():
    rng = np.random.default_rng(3)
    count = WINDOW + SHARED

    def angle(k: int) -> float:
        return 40 * np.sin(2 * np.pi * k / count)

    poses = [STANDING + pose(shoulder_L=(0, 0, angle(k)), root=(0, angle(k) / 2, 0)) for k in range(count)]
    rows = [seen(p, STOUT, rng, noise=1.0, time=k / 30) for k, p in enumerate(poses)]
    progress: list[int] = []
    state, plane = fit_clip(rows, SKELETON, progress.append)
    placement = place(state, SKELETON, plane, None)
    assert progress[-1] == count and len(placement.rotations) == count
    assert np.ptp(placement.pitch) == 0 and np.isinf(placement.distance).all(), "one orthographic camera"
    points = np.stack([MODEL.rig.keypoints_of("mediapipe33", placement.vertices(k)) for k in range(count)])
    assert np.abs(np.diff(points, n=2, axis=0)).mean() < 0.01, "metres per frame squared"
    errors = []
    for k, row in enumerate(rows):
        pixels, _ = project(placement.camera(k, row), points[k].astype(float))
        errors.append(np.linalg.norm(pixels - row.landmarks[:, :2], axis=1).mean())
    assert np.mean(errors) < 4 and np.max(errors) < 8, "pixels"
