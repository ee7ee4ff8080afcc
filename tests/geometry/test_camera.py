"""Cameras: projecting and casting back agree, crops and resizes move pixels and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from maquette.core.types import Camera
from maquette.geometry.camera import camera_centre, cropped, pixel_rays, pixels_per_metre, project, resized


def make_camera(projection: str, seed: int = 0, size: tuple[int, int] = (640, 480)) -> Camera:
    """A camera somewhere, with skew-free but unequal focal lengths, or pixels per metre."""
    rng = np.random.default_rng(seed)
    pose = np.eye(4)
    pose[:3, :3] = Rotation.random(random_state=seed).as_matrix()
    pose[:3, 3] = rng.normal(size=3)
    focal = rng.uniform(300, 900, 2)
    intrinsics = np.array([[focal[0], 0, 310.0], [0, focal[1], 255.0], [0, 0, 1]])
    return Camera(intrinsics, pose, size, projection)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), projection=st.sampled_from(["perspective", "orthographic"]))
def test_rays_come_back_to_their_pixels(seed, projection):
    camera, rng = make_camera(projection, seed), np.random.default_rng(seed)
    pixels, reach = rng.uniform(0, 480, (20, 2)), rng.uniform(0.2, 5, 20)
    origins, directions = pixel_rays(camera, pixels)
    assert np.allclose(np.linalg.norm(directions, axis=1), 1)
    back, depth = project(camera, origins + reach[:, None] * directions)
    assert np.allclose(back, pixels, atol=1e-7)
    if projection == "perspective":
        assert np.allclose(origins, camera_centre(camera)) and (depth > 0).all()
    else:
        assert np.allclose(depth, reach - 10)


@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
def test_project_equals_the_slow_twin(projection):
    camera = make_camera(projection, 3)
    points = np.random.default_rng(1).normal(size=(4, 5, 3))
    pixels, depth = project(camera, points)
    assert pixels.shape == (4, 5, 2) and depth.shape == (4, 5)
    for i in np.ndindex(4, 5):
        x, y, z, _ = camera.world_to_camera @ np.append(points[i], 1)
        by = z if projection == "perspective" else 1.0
        K = camera.intrinsics
        assert np.allclose(pixels[i], [K[0, 0] * x / by + K[0, 2], K[1, 1] * y / by + K[1, 2]])
        assert np.isclose(depth[i], z)


def test_x_goes_right_y_goes_down_and_z_away():
    camera = Camera(np.array([[100.0, 0, 32], [0, 100, 24], [0, 0, 1]]), np.eye(4), (64, 48))
    pixels, depth = project(camera, np.array([[0.1, 0.2, 2.0], [0, 0, -1.0]]))
    assert np.allclose(pixels[0], [37, 34])
    assert depth.tolist() == [2.0, -1.0], "behind the camera is not positive"


def test_the_centre_is_where_all_rays_meet():
    camera = make_camera("perspective", 5)
    assert np.allclose(camera.world_to_camera @ np.append(camera_centre(camera), 1), [0, 0, 0, 1])


@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
def test_pixels_per_metre_are_those_of_a_stick_across_the_view(projection):
    camera = make_camera(projection, 5)
    rotation, move = camera.world_to_camera[:3, :3], camera.world_to_camera[:3, 3]
    stick = (np.array([[0.1, 0.2, 3.0], [0.3, 0.2, 3.0]]) - move) @ rotation
    assert np.linalg.norm(np.diff(project(camera, stick)[0], axis=0)) == pytest.approx(
        0.2 * pixels_per_metre(camera, 3.0)
    )


@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
def test_resized_scales_pixels(projection):
    camera, points = make_camera(projection, 7), np.random.default_rng(2).normal(size=(9, 3))
    small = resized(camera, (320, 120))
    before, after = project(camera, points), project(small, points)
    assert small.size == (320, 120) and small.projection == projection
    assert np.allclose(after[0], before[0] * [0.5, 0.25]) and np.allclose(after[1], before[1])
    again = resized(small, camera.size)
    assert np.allclose(again.intrinsics, camera.intrinsics)


@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
def test_cropped_shifts_pixels(projection):
    camera, points = make_camera(projection, 8), np.random.default_rng(2).normal(size=(9, 3))
    part = cropped(camera, np.array([20.5, -10.0, 120.5, 60.0]))
    assert part.size == (100, 70) and part.projection == projection
    assert np.allclose(project(part, points)[0], project(camera, points)[0] - [20.5, -10])
    assert np.array_equal(part.world_to_camera, camera.world_to_camera)


def test_nothing_is_written_into_the_arguments():
    camera = make_camera("perspective", 9)
    before = camera.intrinsics.copy()
    cropped(camera, np.array([1.0, 2, 30, 40]))
    resized(camera, (10, 10))
    assert np.array_equal(camera.intrinsics, before)
