"""Cleaning keeps closed what is closed."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from maquette.geometry.surfaces.clean import (
    decimated,
    filled,
    is_closed,
    largest_piece,
    pieces,
    signed_volume,
    smoothed,
)
from maquette.geometry.surfaces.isosurface import marching_cubes


def field_of(*balls, side: int = 36) -> np.ndarray:
    at = np.stack(np.meshgrid(*[np.arange(float(side))] * 3, indexing="ij"), axis=-1)
    return np.max([radius - np.linalg.norm(at - centre, axis=-1) for *centre, radius in balls], axis=0)


@pytest.fixture(scope="module")
def dense():
    return marching_cubes(field_of((17.3, 17.6, 17.1, 14)))


def test_volume_has_the_sign_of_the_winding():
    box = trimesh.creation.box((1, 2, 3))
    assert signed_volume(box.vertices + 5, box.faces) == pytest.approx(6)
    assert signed_volume(box.vertices, box.faces[:, ::-1]) == pytest.approx(-6)
    assert signed_volume(np.zeros((0, 3)), np.zeros((0, 3), int)) == 0


def test_a_surface_is_closed_or_not():
    faces = trimesh.creation.box().faces
    assert is_closed(faces)
    assert not is_closed(faces[1:]) and not is_closed(np.zeros((0, 3), int))
    turned = faces.copy()
    turned[0] = turned[0, ::-1]
    assert not is_closed(turned), "one face is inside out"


def test_the_largest_piece_stays_and_cavities_go():
    field = field_of((12, 12, 12, 10), (29, 29, 29, 4), (5, 30, 30, 2))
    hollow = np.minimum(field, -field_of((12, 12, 12, 5)))
    vertices, faces = marching_cubes(hollow)
    assert pieces(faces)[0] == 4
    vertices, faces, count = largest_piece(vertices, faces)
    assert count == 3 and pieces(faces)[0] == 1 and len(np.unique(faces)) == len(vertices)
    assert signed_volume(vertices, faces) == pytest.approx(4 / 3 * np.pi * 1000, rel=0.02), "the cavity is filled"


def test_nothing_has_no_piece():
    nothing = np.zeros((0, 3)), np.zeros((0, 3), int)
    assert largest_piece(*nothing)[2] == 0 and pieces(nothing[1])[0] == 0


@pytest.mark.parametrize("target", [6000, 2000, 300, 40])
def test_fewer_faces_are_still_the_ball(dense, target):
    vertices, faces = decimated(*dense, target)
    assert 0.5 * target <= len(faces) <= target and is_closed(faces)
    assert signed_volume(vertices, faces) == pytest.approx(signed_volume(*dense), rel=0.002 if target > 1000 else 0.2)
    away = np.linalg.norm(vertices - [17.3, 17.6, 17.1], axis=1) - 14
    assert np.abs(away).max() < (0.05 if target > 1000 else 1.5)


def test_a_torus_keeps_its_hole():
    at = np.stack(np.meshgrid(*[np.arange(40.0)] * 3, indexing="ij"), axis=-1) - 19.3
    vertices, faces = marching_cubes(5 - np.hypot(np.hypot(at[..., 0], at[..., 1]) - 12, at[..., 2]))
    vertices, faces = decimated(vertices, faces, 1500)
    assert is_closed(faces) and trimesh.Trimesh(vertices, faces, process=False).euler_number == 0


def test_size_and_place_do_not_matter_and_it_is_the_same_each_time(dense):
    vertices, faces = dense
    first, second = decimated(vertices, faces, 1500), decimated(vertices, faces, 1500)
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])
    small = decimated(vertices * 1e-3 + 7, faces, 1500)
    assert is_closed(small[1])
    assert signed_volume(*small) * 1e9 == pytest.approx(signed_volume(*first), rel=1e-3)


def test_hard_noise_stays_closed():
    solid = np.random.default_rng(3).random((16, 16, 16)) < 0.4
    vertices, faces, _ = largest_piece(*marching_cubes(solid.astype(float), level=0.5))
    target = len(faces) // 2
    _, fewer = decimated(vertices, faces, target)
    assert is_closed(fewer) and len(fewer) <= target


def test_few_faces_stay_as_they_are(dense):
    assert decimated(*dense, 10**6)[1] is dense[1]


def test_terraces_go_and_nothing_shrinks():
    field = (field_of((17.3, 17.6, 17.1, 14)) > 0).astype(np.float32)
    vertices, faces = marching_cubes(field, 0.5)
    error = lambda at: np.abs(np.linalg.norm(at - [17.3, 17.6, 17.1], axis=1) - 14)  # noqa: E731
    smooth = smoothed(vertices, faces, 8)
    assert np.sqrt((error(smooth) ** 2).mean()) < 0.6 * np.sqrt((error(vertices) ** 2).mean())
    assert signed_volume(smooth, faces) == pytest.approx(signed_volume(vertices, faces), rel=0.005)


def test_smoothing_moves_a_true_surface_little(dense):
    vertices, faces = dense
    away = np.linalg.norm(smoothed(vertices, faces, 8) - [17.3, 17.6, 17.1], axis=1) - 14
    assert abs(away.mean()) < 0.02 and np.abs(away).max() < 0.15, "voxels off the sphere, however far along it"


def test_holes_are_closed_outwards(dense):
    vertices, faces = dense
    mended = filled(vertices, faces[40:])
    assert is_closed(mended[1])
    assert signed_volume(*mended) == pytest.approx(signed_volume(vertices, faces), rel=0.01)
    assert filled(vertices, faces)[1] is faces, "nothing to do"
