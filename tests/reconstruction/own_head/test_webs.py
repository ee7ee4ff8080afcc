"""Arms that lie at the trunk, and feet that touch, come off it; skirts and what grows together stay whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from maquette import morphable
from maquette.core.types import Mesh
from maquette.geometry.mesh import boundary_loops
from maquette.geometry.surfaces.clean import is_closed, pieces
from maquette.geometry.surfaces.isosurface import marching_cubes
from maquette.morphable.posing import rig_of
from maquette.reconstruction.own_head import bones
from maquette.reconstruction.own_head.webs import limb_of_vertices, parted

CELL, THICK = 0.02, 0.03  # metres: of the grid, and from the body to the surface


@pytest.fixture(scope="module")
def rig():
    return rig_of(morphable.load("maquette-body"))


def body_with(rig, **turns: tuple[float, float, float]):
    """The body in a pose of turns about x, y, z, and at rest with arms out, and what brings one to the other."""
    body = morphable.load("maquette-body")
    rest = bones.arms_out(rig, rig.joints(np.zeros(1)))
    vector = np.zeros((len(rig.bones), 3))
    for name, turn in turns.items():
        bone, _, side = name.rpartition("_")
        vector[rig.bones.index(f"{bone}.{side}")] = turn
    own = Rotation.from_rotvec(vector).as_matrix()
    moves = rig.transforms(rest.joints.astype(float), rest.rotations(rig, bones.total_turns(rig, own)))
    weights = bones.strongest(np.asarray(bones.whole_weights(rig).todense(), np.float32))
    posed = rig.pose(body.mean.astype(float), rig.joints(np.zeros(1)).astype(float), own, np.zeros(3))[0]
    return posed, bones.unposed(posed, *weights, moves), moves


def thick_surface(points) -> Mesh:
    """What lies THICK from points: one surface where they are less than twice that apart."""
    low = points.min(axis=0) - 3 * THICK
    size = np.ceil((points.max(axis=0) + 3 * THICK - low) / CELL).astype(int)
    grid = np.stack(np.meshgrid(*map(np.arange, size), indexing="ij"), axis=-1) * CELL + low
    away = np.asarray(cKDTree(points).query(grid.reshape(-1, 3), distance_upper_bound=3 * THICK)[0])
    vertices, faces = marching_cubes((THICK - np.minimum(away, 3 * THICK)).reshape(size).astype(np.float32))
    _, piece = pieces(faces)
    used, faces = np.unique(faces[piece == np.bincount(piece).argmax()], return_inverse=True)
    faces, flat = faces.reshape(-1, 3).astype(np.int32), np.random.default_rng(0).random((len(used), 2))
    return Mesh((vertices[used] * CELL + low).astype(np.float32), faces, flat.astype(np.float32), faces)


def at_rest(left, moves):
    weights = bones.sturdy(*bones.strongest(left.weight), moves)
    return bones.unposed(left.mesh.vertices.astype(float), *weights, moves)


def longest(vertices, faces) -> float:
    corners = vertices[faces]
    return float(np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max())


ARMS_DOWN = {"upperarm01_L": (0, 0, -0.7), "upperarm01_R": (0, 0, 0.7)}


@pytest.fixture(scope="module")
def standing(rig):
    """Somebody whose arms hang down, and the surface around them."""
    posed, still, moves = body_with(rig, **ARMS_DOWN)
    return thick_surface(posed), posed, still, moves


def test_arms_that_hang_down_come_off(standing, rig):
    mesh, posed, still, moves = standing
    whole = bones.inherited(mesh.vertices, mesh.faces, posed, rig)
    before = bones.unposed(mesh.vertices.astype(float), *bones.sturdy(*bones.strongest(whole), moves), moves)
    left = parted(mesh, posed, still, rig)
    after = at_rest(left, moves)
    assert longest(before, mesh.faces) > 0.3, "else nothing was one piece"
    assert longest(after, left.mesh.faces) < 0.15
    assert len(left.rims) >= 2
    assert len(left.mesh.faces) > 0.9 * len(mesh.faces)


def test_what_was_cut_is_closed_and_has_its_colours_beside_it(standing, rig):
    mesh, posed, still, moves = standing
    left = parted(mesh, posed, still, rig)
    closed = left.closed(at_rest(left, moves))
    assert is_closed(mesh.faces) and not is_closed(left.mesh.faces) and is_closed(closed.faces)
    assert len(closed.faces) == len(closed.uv_faces)
    added = closed.uv_faces[len(left.mesh.faces) :]
    beside = np.isin(left.mesh.faces, np.concatenate(left.rims))
    assert set(added.ravel()) <= set(left.mesh.uv_faces[beside].tolist())
    moved = np.asarray(cKDTree(mesh.vertices).query(closed.vertices)[0])
    assert moved.max() < 2 * CELL, "in the photo it looks as before"
    inner = np.setdiff1d(np.arange(len(closed.vertices)), np.concatenate(left.rims))
    assert moved[inner].max() == 0
    for rim in (rim for rim in left.rims if len(rim) > 100):
        step = np.diff(left.mesh.vertices[rim].astype(float), axis=0)
        turn = (
            np.sum(step[1:] * step[:-1], axis=1) / np.linalg.norm(step[1:], axis=1) / np.linalg.norm(step[:-1], axis=1)
        )
        assert np.mean(turn) > 0.8, "no zigzag"


def test_arms_held_out_stay(rig):
    posed, still, _ = body_with(rig)
    mesh = thick_surface(posed)
    left = parted(mesh, posed, still, rig)
    touching = len(mesh.faces) - len(left.mesh.faces)
    assert touching <= 0.02 * len(mesh.faces), "fingers at most"


def test_rims_that_were_there_stay_open(standing, rig):
    mesh, posed, still, _ = standing
    low = (mesh.vertices[mesh.faces][..., 1] > 0.5).all(axis=1)
    half = replace(mesh, faces=mesh.faces[low], uv_faces=mesh.uv_faces[low])
    left = parted(half, posed, still, rig)
    closed = left.closed(left.mesh.vertices.astype(float))
    assert len(boundary_loops(closed.faces)) == len(boundary_loops(half.faces))


def test_crossed_shins_come_off_and_a_skirt_over_them_does_not(rig):
    crossed = {"upperleg01_L": (0.25, 0, -0.28), "upperleg01_R": (-0.25, 0, 0.28)}
    posed, still, _ = body_with(rig, **crossed)
    left = parted(thick_surface(posed), posed, still, rig)
    hips = posed[limb_of_vertices(rig) == 0][:, 1].min()
    legs = posed[(limb_of_vertices(rig) > 2) & (posed[:, 1] < hips - 0.05)]
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    wide = np.abs(legs[:, [0, 2]] - legs[:, [0, 2]].mean(axis=0)).max(axis=0) + 0.1
    middle = legs[:, [0, 2]].mean(axis=0)
    skirt = [
        [middle[0] + wide[0] * np.sin(t), y, middle[1] + wide[1] * np.cos(t)]
        for t in turn
        for y in np.arange(legs[:, 1].min() - 0.05, hips + 0.1, 0.02)
    ]
    covered = parted(thick_surface(np.concatenate([posed, skirt])), posed, still, rig)
    below = [rim for rim in covered.rims if (covered.mesh.vertices[rim, 1] < hips - 0.2).any()]
    assert left.rims, "the shins touched"
    assert not any(below), "the skirt is whole"


def test_what_follows_the_neck_does_not_follow_the_shoulders(rig):
    weight = np.asarray(bones.whole_weights(rig).todense(), np.float32)
    out = bones.without_shoulders(weight, rig)
    shoulders = np.array([name.startswith(bones.SHOULDERS) for name in rig.bones])
    neck = weight[:, [name.startswith(bones.NECK) for name in rig.bones]].sum(axis=1)
    assert np.allclose(out.sum(axis=1), weight.sum(axis=1), atol=1e-6)
    assert out[neck > bones.NECK_SHARE][:, shoulders].max() == 0
    assert np.array_equal(out[neck == 0], weight[neck == 0])


def test_a_limb_that_hangs_on_a_cut_alone_is_not_lost(standing, rig):
    mesh, posed, still, _ = standing
    arm = rig.bones.index("upperarm01.L")
    near = np.asarray(cKDTree(posed).query(mesh.vertices)[1])
    upper = np.asarray(bones.whole_weights(rig).todense())[near][:, arm] > 0.2
    gone = upper[mesh.faces].any(axis=1)
    hanging = replace(mesh, faces=mesh.faces[~gone], uv_faces=mesh.uv_faces[~gone])
    left = parted(hanging, posed, still, rig)
    assert len(left.mesh.faces) > 0.97 * len(hanging.faces), "the forearm held on to the trunk alone"
