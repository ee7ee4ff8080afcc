"""What a photo shows of a surface: by rays, by drawn depth, and the colours there."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from maquette.core.types import Camera, Frame, Mesh, Observation, Subject
from maquette.geometry.camera import camera_centre
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import RayCaster, render_buffers
from maquette.texturing.projection import (
    HEAD,
    SURFACE,
    VERTICES,
    PhotoView,
    facing_weight,
    photo_view,
    pixels_of,
    sample_photo,
    view_directions,
    visible,
    within_picture,
)

SIDE = 240


def camera_of(projection: str = "perspective") -> Camera:
    """Half a metre before the origin, looking at it."""
    pose = np.diag([1.0, -1, -1, 1])
    pose[2, 3] = 0.5
    focal = 480.0 if projection == "perspective" else 960.0
    return Camera(np.array([[focal, 0, SIDE / 2], [0, focal, SIDE / 2], [0, 0, 1]]), pose, (SIDE, SIDE), projection)


@pytest.fixture(scope="module")
def two_balls() -> Mesh:
    """A small ball before a large one, which it hides in part."""
    near, far = trimesh.creation.icosphere(4, 0.02), trimesh.creation.icosphere(5, 0.07)
    vertices = np.vstack([near.vertices + np.array([0.02, 0, 0.12]), far.vertices]).astype(np.float32)
    return Mesh(vertices, np.vstack([near.faces, far.faces + len(near.vertices)]).astype(np.int32))


def view_of(mesh: Mesh, camera: Camera, doubt: float = 0.0) -> PhotoView:
    face = render_buffers(camera, mesh.vertices.astype(float), mesh.faces)[0]
    pixels = np.where((face >= 0)[..., None], [200, 150, 120], [10, 250, 10]).astype(np.uint8)
    seen = Observation(
        Frame(pixels), np.array([0.0, 0, SIDE, SIDE]), Subject.FACE, np.zeros((478, 3)), "mediapipe478", np.ones(478),
        (face >= 0).astype(np.float32),
    )  # fmt: skip
    return photo_view(seen, camera, mesh.vertices, mesh.faces, doubt=doubt)


@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
def test_rays_go_to_the_camera(projection):
    camera, points = camera_of(projection), np.random.default_rng(0).normal(size=(4, 5, 3)) * 0.05
    toward, eye = view_directions(camera, points)
    assert np.allclose(np.linalg.norm(toward, axis=-1), 1)
    if projection == "perspective":
        assert np.allclose(eye, camera_centre(camera))
        assert np.allclose(np.cross(toward, eye - points), 0, atol=1e-12)
    else:
        assert np.allclose(toward, [0, 0, 1]) and eye[2] > 10


def test_what_lies_behind_the_camera_is_far_outside_the_picture():
    pixels, depth = pixels_of(camera_of(), np.array([[0.0, 0, 0], [0, 0, 1.0]]))
    assert np.allclose(pixels[0], SIDE / 2) and depth[1] < 0 and (pixels[1] < -1000).all()
    assert within_picture(pixels.astype(np.float32), (SIDE, SIDE)).tolist() == [1, 0]


def test_a_picture_ends_softly():
    inside = within_picture(np.array([[0.0, 50], [1.2, 50], [2.4, 50], [239, 50], [50, 241]], np.float32), (SIDE, SIDE))
    assert inside[0] == 0 and 0 < inside[1] < 1 and inside[2] == 1 and 0 < inside[3] < 1 and inside[4] == 0


@pytest.mark.parametrize("limits", [HEAD, SURFACE])
def test_what_is_turned_away_is_not_believed(limits):
    believed = facing_weight(np.linspace(-1, 1, 201), limits)
    assert (np.diff(believed) >= 0).all() and believed[0] == 0 and believed[-1] == 1
    assert facing_weight(np.array(limits.facing), limits).tolist() == [0, 1]


def test_rays_find_what_stands_before(two_balls):
    """Against each ray's nearest hit from the camera."""
    vertices = two_balls.vertices.astype(float)
    camera, rays = camera_of(), RayCaster(vertices, two_balls.faces)
    normals = vertex_normals(vertices, two_balls.faces)
    toward, eye = view_directions(camera, vertices)
    facing = (normals * toward).sum(axis=1) > 0.3
    free = visible(rays, vertices[facing], normals[facing], eye, VERTICES)
    away = np.linalg.norm(vertices[facing] - eye, axis=1)
    _, _, distance = rays.first_hits(np.broadcast_to(eye, (len(away), 3)), -toward[facing])
    assert 0.02 < (~free).mean() < 0.5 and (free == (distance > away - 2e-3)).mean() > 0.99


@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
def test_the_drawn_depth_sees_what_rays_see(two_balls, projection):
    camera = camera_of(projection)
    view = view_of(two_balls, camera)
    trust, vertices = view.trust(), two_balls.vertices.astype(float)
    toward, eye = view_directions(camera, vertices)
    free = visible(RayCaster(vertices, two_balls.faces), vertices, view.normals, eye, SURFACE)
    assert trust.max() == 1 and free[trust > 0].all(), "nothing hidden is believed"
    assert (trust[(view.normals * toward).sum(axis=1) < SURFACE.facing[0]] == 0).all()
    # The rest is given up beside the rims: of the picture of the near ball on the far one, and of the mask.
    square = free & (view.points.cosine > SURFACE.facing[1])
    assert (trust[square] > 0.9).mean() > 0.75


def test_doubt_believes_less_beside_every_rim(two_balls):
    sure, doubtful = (view_of(two_balls, camera_of(), doubt).trust() for doubt in (0.0, 0.01))
    assert (doubtful <= sure + 1e-6).all() and doubtful.sum() < 0.8 * sure.sum()


def test_through_the_subject_the_back_lies_behind_the_front(two_balls):
    view = view_of(two_balls, camera_of())
    through = view.trust_through()
    assert (through[view.points.cosine > 0] == 0).all()
    far = np.arange(len(through)) >= 2562
    behind = far & (view.points.cosine < -SURFACE.facing[1]) & (two_balls.vertices[:, 0] < -0.01)
    assert (through[behind] > 0.5).mean() > 0.9


def test_shares_and_ranks_weigh_a_photo(two_balls):
    view = view_of(two_balls, camera_of())
    count = len(two_balls.vertices)
    half = view.weighted(np.full(count, 0.5), np.full(count, 3.0))
    assert np.allclose(half.trust(), view.trust() / 2) and (half.points.rank == 3).all()
    assert view.points.share.min() == 1


def test_colours_are_the_subjects_and_never_the_background(two_balls):
    view = view_of(two_balls, camera_of())
    for step in (0.5, 1.0, 4.0):
        assert np.abs(view.colours(view.points, step).astype(int) - [200, 150, 120]).max() <= 1


def test_what_hides_the_subject_is_neither_trusted_nor_taken(two_balls):
    """The small ball is another's, and blue."""
    camera = camera_of()
    face = render_buffers(camera, two_balls.vertices.astype(float), two_balls.faces)[0]
    other = (face >= 0) & (face < 5120)
    pixels = np.where((face >= 0)[..., None], [200, 150, 120], [10, 250, 10])
    pixels = np.where(other[..., None], [20, 60, 220], pixels).astype(np.uint8)
    seen = Observation(
        Frame(pixels), np.array([0.0, 0, SIDE, SIDE]), Subject.FACE, np.zeros((478, 3)), "mediapipe478", np.ones(478),
        (face >= 0).astype(np.float32), covered=other.astype(np.float32),
    )  # fmt: skip
    view = photo_view(seen, camera, two_balls.vertices, two_balls.faces)
    trust = view.trust()
    assert trust[:2562].max() < 0.05 and trust[2562:].max() > 0.9
    assert np.abs(view.colours(view.points, 1.0).astype(int) - [200, 150, 120]).max() <= 1


@pytest.mark.parametrize(("step", "largest"), [(1.0, 1.0), (0.3, 1.0), (0.3, 3.0), (4.0, 1.0)])
def test_a_ramp_is_sampled_where_it_is(step, largest):
    """Linear colours survive any resizing: a pure scale, the first pixel centred on a half."""
    x, y = np.meshgrid(np.arange(96) + 0.5, np.arange(64) + 0.5)
    photo = np.stack([2 * x, 3 * y, 0 * x + 9], axis=2).astype(np.uint8)
    at = np.random.default_rng(1).uniform([12, 12], [84, 52], (5000, 2)).astype(np.float32)
    found = sample_photo(photo, at, step, largest).astype(float)
    assert np.abs(found[:, :2] - at * [2, 3]).max() < 2.5 and (found[:, 2] == 9).all()
    assert np.array_equal(sample_photo(photo, at.reshape(50, 100, 2), step, largest).reshape(-1, 3), found)


def test_stripes_finer_than_the_step_are_averaged():
    photo = np.zeros((80, 80, 3), np.uint8)
    photo[:, ::2] = 200
    at = np.random.default_rng(2).uniform(10, 70, (500, 2)).astype(np.float32)
    assert np.abs(sample_photo(photo, at, 8.0).astype(int) - 100).max() < 12
    assert sample_photo(photo, at, 1.0).std() > 40
