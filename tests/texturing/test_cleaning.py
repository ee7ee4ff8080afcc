"""Cleaning a surface that a network drew."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from maquette.core.errors import NothingFound
from maquette.core.types import Mesh
from maquette.texturing.cleaning import clean_surface


def mesh_of(*shapes: trimesh.Trimesh) -> Mesh:
    whole = trimesh.util.concatenate(shapes)
    return Mesh(whole.vertices.astype(np.float32), whole.faces.astype(np.int32))


def ball(radius: float, *centre: float) -> trimesh.Trimesh:
    shape = trimesh.creation.icosphere(3, radius)
    shape.apply_translation(centre)
    return shape


def test_floaters_go_and_loose_limbs_stay():
    mesh = mesh_of(ball(0.2, 0, 1, 0), ball(0.04, 0.3, 1, 0), ball(0.06, 0.9, 1, 0), ball(0.005, 0, 1.4, 0))
    body = np.concatenate([ball(0.19, 0, 1, 0).vertices, ball(0.03, 0.3, 1, 0).vertices])
    alone, guided = clean_surface(mesh, rounds=0), clean_surface(mesh, body, rounds=0)
    assert (alone.pieces, alone.kept, guided.kept) == (4, 1, 2)
    assert np.abs(alone.mesh.vertices[:, 0]).max() < 0.21 and np.abs(guided.mesh.vertices[:, 0]).max() < 0.35
    assert alone.closed and guided.closed


def test_a_larger_floater_is_not_taken_for_the_person():
    mesh = mesh_of(ball(0.2, 0, 1, 0), ball(0.3, 2, 1, 0))
    kept = clean_surface(mesh, ball(0.2, 0, 1, 0).vertices, rounds=0)
    assert kept.mesh.vertices[:, 0].max() < 0.3


def test_inside_out_with_a_hole_becomes_closed_and_outward():
    shape = ball(0.2, 0, 1, 0)
    kept = shape.faces[shape.triangles_center[:, 2] < 0.19]
    mesh = Mesh(shape.vertices.astype(np.float32), np.ascontiguousarray(kept[:, ::-1], np.int32))
    done = clean_surface(mesh)
    assert done.closed and done.volume_cm3 == pytest.approx(33_500, rel=0.03)


def test_few_faces_keep_the_shape():
    done = clean_surface(mesh_of(trimesh.creation.icosphere(5, 0.3)), faces=2000)
    assert done.faces_before == 20480 and len(done.mesh.faces) <= 2000 and done.closed
    assert np.abs(np.linalg.norm(done.mesh.vertices, axis=1) - 0.3).max() < 2e-3


def test_crumbs_are_no_solid():
    with pytest.raises(NothingFound, match="no solid"):
        clean_surface(mesh_of(ball(0.01, 0, 1, 0)))
