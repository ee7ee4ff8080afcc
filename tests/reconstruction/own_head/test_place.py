"""A head lies where the photo shows it, as deep as the neck; the camera of a crop shows a face where the photo does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maquette.core.types import Camera
from maquette.geometry.camera import project
from maquette.reconstruction.own_head.place import PIVOT, place_head

AWAY = np.array([0, 1.47, 0.09])


def camera(projection: str) -> Camera:
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("yx", [4, 10], degrees=True).as_matrix() @ np.diag([1.0, -1, -1])
    pose[:3, 3] = [0, 0.8, 2.4]
    flat = np.array([[614.0, 0, 148], [0, 614, 251], [0, 0, 1]])
    return Camera(flat, pose, (297, 512), projection)


@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
def test_a_head_is_put_back_on_its_pixels_and_as_deep_as_the_neck(projection):
    points = np.random.default_rng(0).uniform(-0.07, 0.07, (400, 3))
    turn = Rotation.from_euler("yxz", [10, 20, 5], degrees=True).as_matrix()
    world = 0.93 * points @ turn.T + AWAY
    seen, neck = camera(projection), 0.93 * turn @ PIVOT + AWAY
    nearly = seen.world_to_camera[:3, :3] @ turn @ Rotation.from_euler("y", 8, degrees=True).as_matrix()
    place = place_head(points, project(seen, world)[0], seen, nearly, (PIVOT, neck))
    assert place.error < 1e-5
    assert place.scale == pytest.approx(0.93, rel=1e-4)
    assert np.abs(place.to_world(points) - world).max() < 1e-4


def test_a_face_that_fits_badly_says_so():
    points = np.random.default_rng(0).uniform(-0.07, 0.07, (400, 3))
    seen = camera("perspective")
    pixels = project(seen, points + AWAY)[0]
    noisy = pixels + np.random.default_rng(1).normal(size=pixels.shape)
    place = place_head(points, noisy, seen, seen.world_to_camera[:3, :3], (PIVOT, PIVOT + AWAY))
    assert 0.01 < place.error < 0.1
