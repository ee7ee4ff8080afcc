"""Colours of vertices: from the photos that see them, and plausible elsewhere."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import trimesh

from maquette.core.types import Camera, Frame, Mesh, Observation, Subject
from maquette.geometry.camera import pixel_rays
from maquette.geometry.raycast import RayCaster
from maquette.texturing.colours import photo_colours

SIDE, RADIUS = 200, 0.08


def true_colour(points: np.ndarray) -> np.ndarray:
    """(N, 3) float: smooth colours of places on the ball."""
    return 140 + 70 * np.sin(points * 30 + [0.0, 1.0, 2.0])


def camera_at(yaw: float, projection: str = "perspective") -> Camera:
    c, s = np.cos(yaw), np.sin(yaw)
    z = -np.array([s, 0, c])
    x = np.cross([0.0, -1.0, 0.0], z)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([x, np.cross(z, x), z])
    pose[2, 3] = 0.6
    focal = 550.0 if projection == "perspective" else 900.0
    return Camera(np.array([[focal, 0, SIDE / 2], [0, focal, SIDE / 2], [0, 0, 1.0]]), pose, (SIDE, SIDE), projection)


def photograph(mesh: Mesh, camera: Camera, gain: float = 1.0) -> Observation:
    """The mesh with its true colours in front of green."""
    x, y = np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5)
    origins, directions = pixel_rays(camera, np.stack([x.ravel(), y.ravel()], axis=1))
    face, _, distance = RayCaster(mesh.vertices, mesh.faces).first_hits(origins, directions)
    hit = face >= 0
    pixels = np.tile([10.0, 250, 10], (SIDE * SIDE, 1))
    pixels[hit] = gain * true_colour(origins[hit] + distance[hit, None] * directions[hit])
    mask = hit.reshape(SIDE, SIDE).astype(np.float32)
    frame = Frame(np.clip(np.rint(pixels), 0, 255).astype(np.uint8).reshape(SIDE, SIDE, 3))
    box, points = np.array([0.0, 0, SIDE, SIDE]), np.zeros((478, 3))
    return Observation(frame, box, Subject.FACE, points, "mediapipe478", np.ones(478), mask)


@pytest.fixture(scope="module")
def ball() -> Mesh:
    solid = trimesh.creation.icosphere(5, RADIUS)
    return Mesh(solid.vertices.astype(np.float32), solid.faces.astype(np.int32))


def colours_from(mesh: Mesh, *yaws: float, gain=None):
    cameras = [camera_at(yaw) for yaw in yaws]
    gains = gain or [1.0] * len(yaws)
    return photo_colours(mesh, [photograph(mesh, c, g) for c, g in zip(cameras, gains)], cameras)


@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
def test_a_photo_colours_what_it_sees(ball, projection):
    camera = camera_at(0.4, projection)
    found = photo_colours(ball, [photograph(ball, camera)], [camera])
    error = np.abs(found.colours - true_colour(ball.vertices.astype(float))).max(axis=1)
    assert error[found.seen > 0.9].max() < 8 and np.median(error[found.seen > 0.9]) < 2
    toward = ball.vertices @ -camera.world_to_camera[2, :3] / RADIUS
    assert (found.seen[toward < 0.1] == 0).all() and (found.seen[toward > 0.7] > 0.9).all()
    assert 0.2 < found.share < 0.45 and found.area_share(ball) == pytest.approx(found.share, abs=0.03)


def test_what_no_photo_shows_is_neither_black_nor_background(ball):
    found = colours_from(ball, 0.0)
    hidden = found.colours[found.seen == 0].astype(int)
    shown = found.colours[found.seen > 0].astype(int)
    assert (hidden.min(axis=0) >= shown.min(axis=0) - 3).all() and (hidden.max(axis=0) <= shown.max(axis=0) + 3).all()
    links = ball.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    steps = np.abs(np.diff(found.colours[links].astype(int), axis=1)).max(axis=(1, 2))
    assert steps.max() < 25, "no seam"


def test_the_background_does_not_bleed_in(ball):
    found = colours_from(ball, 0.0)
    own = true_colour(ball.vertices.astype(float))
    assert (found.colours[:, 1] < own[:, 1].max() + 5).all(), "the background is 250 there"


def test_photos_from_around_leave_little_to_invent(ball):
    found = colours_from(ball, 0.0, 2.1, -2.1)
    error = np.abs(found.colours - true_colour(ball.vertices.astype(float))).max(axis=1)
    assert found.share > 0.75 and np.median(error) < 3 and np.percentile(error[found.seen > 0.9], 99) < 8


def test_the_photo_that_sees_more_squarely_counts_more(ball):
    """The second photo is twice as bright, and only where both see is there anything to compare."""
    cameras = [camera_at(-0.6), camera_at(0.6)]
    photos = [photograph(ball, c) for c in cameras]
    one = photo_colours(ball, photos[:1], cameras[:1]).colours.astype(float)
    both = photo_colours(ball, photos, cameras).colours.astype(float)
    left = ball.vertices @ -cameras[0].world_to_camera[2, :3] > 0.97 * RADIUS
    assert np.abs(one[left] - both[left]).max() < 3


def test_exposure_is_evened_out(ball):
    found = colours_from(ball, -0.5, 0.5, gain=[0.75, 1.1])
    ratio = found.colours / true_colour(ball.vertices.astype(float))
    sure = found.seen > 0.9
    assert ratio[sure].std() < 0.05


def test_the_order_of_photos_does_not_matter(ball):
    cameras = [camera_at(yaw) for yaw in (0.0, 0.7, -0.9)]
    photos = [photograph(ball, c, g) for c, g in zip(cameras, (1.0, 0.8, 1.1))]
    forth = photo_colours(ball, photos, cameras)
    back = photo_colours(ball, photos[::-1], cameras[::-1])
    assert np.abs(forth.colours.astype(int) - back.colours).max() <= 1 and np.array_equal(forth.seen, back.seen)


def test_what_stands_before_hides():
    near, far = trimesh.creation.icosphere(3, 0.02), trimesh.creation.icosphere(4, 0.05)
    vertices = np.vstack([near.vertices + np.array([0, 0, 0.1]), far.vertices])
    mesh = Mesh(vertices.astype(np.float32), np.vstack([near.faces, far.faces + len(near.vertices)]).astype(np.int32))
    camera = camera_at(0.0)
    seen = photo_colours(mesh, [photograph(mesh, camera)], [camera]).seen[len(near.vertices) :]
    behind = (np.hypot(far.vertices[:, 0], far.vertices[:, 1]) < 0.015) & (far.vertices[:, 2] > 0)
    beside = (np.abs(np.hypot(far.vertices[:, 0], far.vertices[:, 1]) - 0.03) < 0.004) & (far.vertices[:, 2] > 0)
    assert (seen[behind] == 0).all() and (seen[beside] > 0.9).all()


def test_nothing_seen_is_skin_coloured(ball):
    for observations, cameras in (([], []), ([photograph(ball, camera_at(0.0))], [camera_at(0.0)])):
        if observations:
            observations[0].mask[...] = 0
        found = photo_colours(ball, observations, cameras)
        assert found.share == 0 and (found.colours == found.colours[0]).all() and found.colours[0, 0] > 150


def test_each_photo_needs_its_camera(ball):
    with pytest.raises(ValueError):
        photo_colours(ball, [photograph(ball, camera_at(0.0))], [])


def test_what_hides_the_subject_colours_nothing(ball):
    """A disc before the middle: its colour is nowhere, whichever it is."""
    camera, found = camera_at(0.0), []
    for colour in ((20, 220, 230), (90, 20, 120)):
        seen = photograph(ball, camera)
        disc = cv2.circle(np.zeros((SIDE, SIDE), np.uint8), (SIDE // 2, SIDE // 2), SIDE // 8, (1,), -1)
        pixels = np.where(disc[..., None] > 0, np.uint8(colour), seen.frame.pixels)
        hidden = replace(seen, frame=Frame(pixels), covered=disc.astype(np.float32))
        found.append(photo_colours(ball, [hidden], [camera]).colours.astype(int))
    assert np.abs(found[0] - found[1]).max() <= 1
