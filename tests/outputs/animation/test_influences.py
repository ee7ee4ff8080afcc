"""What lies between vertices follows the bones that they follow."""

from __future__ import annotations

import numpy as np

from maquette.outputs.animation.influences import Influences, anchored


def test_a_point_between_vertices_follows_their_bones():
    joints = np.array([[0, 1, 0, 0], [1, 0, 0, 0], [2, 0, 0, 0]])
    weights = np.array([[0.75, 0.25, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]], np.float32)
    found = anchored(Influences(joints, weights), np.array([[0, 1, 2]]), np.array([[0.5, 0.3, 0.2]], np.float32), 4)
    assert found.joints[0, :3].tolist() == [1, 0, 2]
    assert np.allclose(found.weights[0], [0.425, 0.375, 0.2, 0])
