"""The parts from which the head is built: cutting, subdividing, unwrapping, teeth. anny itself is not needed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import trimesh

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from head import teeth, topology

from maquette.geometry.mesh import boundary_loops

BALL = trimesh.creation.icosphere(subdivisions=3)


def test_cut_leaves_one_flat_rim():
    faces, weights = topology.cut(BALL.faces, BALL.vertices[:, 1] + 0.31)
    vertices = weights @ BALL.vertices
    loops = boundary_loops(faces)
    assert np.allclose(weights.sum(axis=1), 1)
    assert len(loops) == 1
    assert np.allclose(vertices[loops[0], 1], -0.31, atol=1e-9)
    assert vertices[:, 1].min() > -0.31 - 1e-9
    normals = np.cross(*(vertices[faces[:, k]] - vertices[faces[:, 0]] for k in (1, 2)))
    assert (np.einsum("fd,fd->f", normals, vertices[faces].mean(axis=1)) > -1e-12).all()


def test_subdivision_keeps_a_closed_surface_and_weights():
    cube = trimesh.creation.box()
    faces, weights = topology.subdivide(cube.faces, sp.eye(len(cube.vertices)).tocsr())
    fine = trimesh.Trimesh(weights @ cube.vertices, faces, process=False)
    assert fine.is_watertight and fine.is_winding_consistent and fine.volume > 0
    assert len(faces) == 4 * len(cube.faces)
    assert np.allclose(weights.sum(axis=1), 1)


def test_mirror_refuses_an_asymmetric_mesh():
    assert (topology.mirror_of(BALL.vertices)[topology.mirror_of(BALL.vertices)] == np.arange(len(BALL.vertices))).all()
    with pytest.raises(ValueError, match="not symmetric"):
        topology.mirror_of(BALL.vertices + np.array([0.01, 0, 0]))


def test_unwrap_has_no_flips_and_gives_the_wanted_area():
    pytest.importorskip("torch")
    from head import unwrap

    faces, weights = topology.cut(BALL.faces, BALL.vertices[:, 1] + 0.513)
    vertices = weights @ BALL.vertices
    front = vertices[:, 2] > 0.5
    uv = unwrap.unwrap_skin(vertices, faces, 1.0 + 2.0 * front, topology.mirror_of(vertices))
    area = unwrap.signed_areas(uv, faces)
    assert area.min() > 0
    assert uv.min() >= 0 and uv.max() <= 1
    shown = front[faces].all(axis=1)
    solid = np.linalg.norm(np.cross(*(vertices[faces[:, k]] - vertices[faces[:, 0]] for k in (1, 2))), axis=1)
    assert area[shown].sum() / area.sum() > 1.5 * solid[shown].sum() / solid.sum()


LIPS = np.array([0.0, -0.065, 0.03])


def test_teeth_are_sheets_that_look_outwards_behind_the_lips():
    for row in (teeth.UPPER, teeth.LOWER):
        places = teeth.sheet(row, LIPS)
        faces = teeth.grid_faces(teeth.SHEET, len(places) // teeth.SHEET)
        normals = np.cross(places[faces[:, 1]] - places[faces[:, 0]], places[faces[:, 2]] - places[faces[:, 0]])
        line = np.arange(len(places)) // (len(places) // teeth.SHEET)
        labial = (line >= 3 if row.up > 0 else line <= 3)[faces].all(axis=1)
        middle = np.abs(places[faces].mean(axis=1)[:, 0]) < 0.008
        assert (normals[labial & middle, 2] > 0).all() and (normals[~labial & middle][:, 2] < 0).mean() > 0.6
        assert places[:, 2].max() < LIPS[2] - 0.006
        assert np.allclose(np.sort(places[:, 0]), -np.sort(places[:, 0])[::-1]), "alike on both sides"
    assert teeth.sheet(teeth.UPPER, LIPS)[:, 1].mean() > teeth.sheet(teeth.LOWER, LIPS)[:, 1].mean()


def test_every_tooth_stands_out_between_its_gaps():
    places = teeth.sheet(teeth.UPPER, LIPS).reshape(teeth.SHEET, -1, 3)
    along, _, across = teeth.columns_of(teeth.UPPER)
    arch, normal = teeth.on_arch(along, teeth.UPPER)
    out = ((places[4][:, [0, 2]] - [0, LIPS[2] - teeth.UPPER.behind] - arch) * normal).sum(axis=1)
    gaps = np.flatnonzero(across == 0)
    assert len(gaps) == 2 * len(teeth.TOOTH_ENDS_M) + 1
    assert (out[gaps[:-1] + 2] - out[gaps[:-1]] > 0.0008).all(), "metres, half way up"
    assert np.allclose(np.sort(along[gaps][along[gaps] > 0]), teeth.TOOTH_ENDS_M)
    edge = places[3][:, 1]
    assert (edge[gaps[1:-1]] > edge[gaps[1:-1] + 2]).all(), "corners of the edges are cut"


def test_teeth_take_the_place_of_the_strips():
    strip, base = teeth.strips(LIPS), {}
    skin = np.array([[0.0, 0, 0], [0.1, 0, 0], [-0.1, 0, 0]])
    faces = teeth.grid_faces(teeth.ROWS, teeth.COLUMNS)
    faces = np.concatenate([[[0, 1, 2]], faces + 3, faces + 3 + len(strip) // 2])
    base = {
        "mean": np.concatenate([skin, strip]), "faces": faces, "uv_faces": faces, "uvs": np.zeros((len(strip) + 3, 2)),
        "mirror": np.append([0, 2, 1], np.arange(3, len(strip) + 3)), "part.skin": np.array([0]),
        "part.teeth": np.arange(1, len(faces)), "region.lips": np.arange(len(strip) + 3.0),
        "identity_basis": np.random.default_rng(0).normal(size=(2, len(strip) + 3, 3)),
        "expression_basis": np.zeros((1, len(strip) + 3, 3)),
    }  # fmt: skip
    fresh, origin = teeth.put_in(base, LIPS)
    count = 3 + len(teeth.places(LIPS))
    assert fresh["mean"].shape == (count, 3) and np.allclose(fresh["mean"][3:], teeth.places(LIPS))
    assert np.array_equal(fresh["identity_basis"], base["identity_basis"][:, origin])
    assert np.array_equal(origin[:3], [0, 1, 2]) and len(np.unique(fresh["faces"])) == count
    twin = fresh["mean"][fresh["mirror"]] * [-1, 1, 1]
    assert np.allclose(twin[3:], fresh["mean"][3:])
    with pytest.raises(ValueError, match="last in the head"):
        teeth.put_in(base | {"part.teeth": base["part.teeth"][:-1]}, LIPS)


def test_rows_move_like_their_guides():
    guides = [np.array([[0, 1, 2]]), np.array([[3, 4, 5]])]
    faces, weights = teeth.rows_like(guides, 6)
    moved = weights @ np.array([[0.0], [0], [0], [3], [6], [9]])
    half = teeth.ROWS * teeth.COLUMNS
    assert np.allclose(moved[:half], 0) and np.allclose(moved[half:], 6)
    assert faces.max() == 2 * half - 1
