"""Where the solid lies."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from maquette.reconstruction.pet_volume.space import places, projection_of, slice_at, slices


def camera():
    turn = np.diag([1.0, -1, -1]) @ Rotation.from_euler("yx", [25, 10], degrees=True).as_matrix()
    return np.array([[420.0, 0, 80], [0, 420, 70], [0, 0, 1]]) @ np.column_stack([turn, [0.1, -0.2, 9.0]])


def test_slices_run_towards_the_camera_and_back():
    depth = slices(40, 64.0)
    assert depth[0] > 0 > depth[-1] and np.allclose(np.diff(depth), -64 / 40)
    assert np.allclose(slice_at(depth, 40, 64.0), np.arange(40), atol=1e-9)


def test_a_camera_and_its_projection_see_the_same():
    points = np.random.default_rng(0).normal(size=(30, 3))
    seen = np.column_stack([points, np.ones(30)]) @ camera().T
    found = projection_of(camera()).project(points)
    assert np.allclose(found[:, :2], seen[:, :2] / seen[:, 2:], atol=1e-6)
    # Depth is in pixels at the eyes: an eye distance away from the camera is one of the picture's there.
    assert np.allclose(found[:, 2], (seen[:, 2] / 9.0 - 1) * 420, atol=1e-6)


def test_places_are_where_the_lattice_sees_them():
    projection, across, down, depths = (
        projection_of(camera()),
        np.array([20.0, 90]),
        np.array([30.0, 60, 99]),
        slices(5, 64.0),
    )
    there = places(projection, across, down, depths)
    assert there.shape == (5, 3, 2, 3)
    seen = projection.project(there.reshape(-1, 3)).reshape(5, 3, 2, 3)
    assert np.allclose(seen[..., 0], across) and np.allclose(seen[..., 1], down[:, None])
    assert np.allclose(seen[..., 2], depths[:, None, None])
