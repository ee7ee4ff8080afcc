"""The texture of a face's mesh that belongs to no parametric model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from maquette.core.options import TextureOptions
from maquette.core.types import Camera, Frame, Mesh, Observation, Reconstruction, Subject
from maquette.geometry.camera import project
from maquette.geometry.raycast import render_buffers
from maquette.texturing import finish_surface
from maquette.texturing.texels import UNSEEN
from maquette.texturing.unwrap import unwrap

from .conftest import SIDE, camera_at

AXES = np.array([0.075, 0.105, 0.09])  # metres
SMALL = TextureOptions(texture_size=256)


def true_colour(points: np.ndarray) -> np.ndarray:
    """(..., 3) float: smooth colours of places on the head."""
    return 150 + 60 * np.sin(points * 25 + [0.0, 1.0, 2.0])


def photograph(mesh: Mesh, camera: Camera, offset: float = 0.0) -> Observation:
    """The mesh in its colours, `offset` metres to its left, before green; landmarks of a face somewhere on it."""
    vertices = mesh.vertices.astype(float)
    moved = vertices + np.array([offset, 0, 0])
    face, weights, _ = render_buffers(camera, moved, mesh.faces)
    place = np.einsum("hwk,hwkd->hwd", weights, vertices[mesh.faces[np.maximum(face, 0)]])
    pixels = true_colour(place)
    pixels[face < 0] = [10, 250, 10]
    points = np.zeros((478, 3))
    points[:, :2] = project(camera, moved[np.linspace(0, len(moved) - 1, 478).astype(int)])[0]
    box = np.array([0.0, 0, SIDE, SIDE])
    mask = (face >= 0).astype(np.float32)
    frame = Frame(np.clip(pixels, 0, 255).astype(np.uint8))
    return Observation(frame, box, Subject.FACE, points, "mediapipe478", np.ones(478), mask)


@pytest.fixture(scope="module")
def head() -> Mesh:
    solid = trimesh.creation.icosphere(4, 1.0)
    return Mesh((solid.vertices * AXES).astype(np.float32), solid.faces.astype(np.int32))


def at_faces(mesh: Mesh, picture: np.ndarray) -> np.ndarray:
    """(F, ...) float: the texture in the middle of each face."""
    place = mesh.uvs[mesh.uv_faces].mean(axis=1) * len(picture)
    return picture[(len(picture) - place[:, 1]).astype(int), place[:, 0].astype(int)].astype(float)


def error_of(mesh: Mesh, true: Mesh) -> np.ndarray:
    """(F,) 8-bit levels between the texture and the colours of the place that is meant."""
    return np.abs(at_faces(mesh, mesh.texture) - true_colour(true.vertices[true.faces].mean(axis=1))).max(axis=1)


def test_a_face_without_a_model_is_cleaned_unwrapped_and_textured(head):
    camera = camera_at(0.3)
    done = finish_surface(Reconstruction(head, (camera,)), [photograph(head, camera)], SMALL)
    mesh, facts = done.shape, done.provenance["surface"]
    assert mesh.texture.shape == (256, 256, 3) and mesh.uvs is not None and facts["closed"] and facts["kept"] == 1
    sure = at_faces(mesh, mesh.texture_confidence) > 250
    assert 0.1 < sure.mean() < 0.5 and np.quantile(error_of(mesh, mesh)[sure], 0.95) < 15
    assert at_faces(mesh, mesh.texture)[:, 1].max() < 215, "the background is 250 green"
    ahead = mesh.vertices[mesh.faces].mean(axis=1) @ -camera.world_to_camera[2, :3] > 0.08
    assert sure[ahead].mean() > 0.9


def test_what_no_photo_shows_goes_on_and_is_not_the_face_again(head):
    camera = camera_at(0.0)
    seen = photograph(head, camera)
    done = finish_surface(Reconstruction(head, (camera,)), [seen], SMALL).shape
    behind = done.vertices[done.faces].mean(axis=1)[:, 2] < -0.06
    got = at_faces(done, done.texture)[behind]
    assert at_faces(done, done.texture_confidence)[behind].max() == 0
    shown = seen.frame.pixels[seen.mask > 0.5].astype(float)
    assert (got.min(axis=0) > shown.min(axis=0) - 5).all() and (got.max(axis=0) < shown.max(axis=0) + 5).all()
    middle = seen.frame.pixels[SIDE // 2, SIDE // 2]
    assert got[:, 2].min() > middle[2] + 15, "the rim's blue goes on, the front's less is not seen through the head"


def test_given_uvs_and_vertices_stay(head):
    camera = camera_at(0.0)
    given = unwrap(head)
    done = finish_surface(Reconstruction(given, (camera,)), [photograph(head, camera)], SMALL).shape
    assert done.vertices is given.vertices and done.faces is given.faces
    assert done.uvs is given.uvs and done.uv_faces is given.uv_faces
    sure = at_faces(done, done.texture_confidence) > 250
    assert np.quantile(error_of(done, done)[sure], 0.95) < 15


def test_motion_says_where_the_surface_is_in_each_photo(head):
    """The vertices that motion follows are not cleaned away."""
    cameras = (camera_at(0.0), camera_at(1.2), camera_at(-1.2))
    offsets = (0.0, 0.02, -0.02)
    photos = [photograph(head, camera, offset) for camera, offset in zip(cameras, offsets)]
    motion = np.stack([head.vertices + np.float32([offset, 0, 0]) for offset in offsets])
    done = finish_surface(Reconstruction(head, cameras, motion), photos, SMALL).shape
    assert done.vertices is head.vertices and done.faces is head.faces
    sure = at_faces(done, done.texture_confidence) > 250
    one = finish_surface(Reconstruction(unwrap(head), cameras[:1]), photos[:1], SMALL).shape
    assert sure.mean() > 1.5 * (at_faces(one, one.texture_confidence) > 250).mean()
    assert np.quantile(error_of(done, head)[sure], 0.9) < 20


def test_without_fill_only_the_photo_is_there(head):
    camera = camera_at(0.0)
    seen = photograph(head, camera)
    done = finish_surface(Reconstruction(unwrap(head), (camera,)), [seen], replace(SMALL, fill=False)).shape
    nothing = done.texture_confidence == 0
    assert nothing.mean() > 0.4 and (done.texture[nothing] == UNSEEN).all(axis=1).mean() > 0.97


def test_a_subject_that_no_mask_shows_is_plain(head):
    camera = camera_at(0.0)
    seen = replace(photograph(head, camera), mask=np.zeros((SIDE, SIDE), np.float32))
    done = finish_surface(Reconstruction(unwrap(head), (camera,)), [seen], SMALL).shape
    assert done.texture_confidence.max() == 0 and (done.texture == done.texture[0, 0]).all()


def test_wrong_input_says_so(head):
    camera = camera_at(0.0)
    seen = photograph(head, camera)
    with pytest.raises(ValueError, match="one camera per observation"):
        finish_surface(Reconstruction(head, (camera,)), [seen, seen], SMALL)
    with pytest.raises(ValueError, match="0 cameras for 0 observations"):
        finish_surface(Reconstruction(head, ()), [], SMALL)
