"""The parts from which the pets' head is built: places on a head, strips of triangles, the two halves."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import build_pet_model
from pet import carriages, heads, places

from maquette.geometry.mesh import boundary_loops
from maquette.perception.pets.schemes import SPECIES
from maquette.synthesis.animals.head_field import LID, bare_distance, mouth_height
from maquette.synthesis.animals.head_shape import EARS, MEANS, draw_shape


@pytest.fixture(params=SPECIES)
def shape(request):
    return MEANS[request.param]


def test_rays_end_on_the_bare_head(shape):
    ways = np.random.default_rng(0).standard_normal((200, 3))
    starts = np.broadcast_to([0, -0.2, -0.9], ways.shape)
    assert np.abs(bare_distance(places.leaving(starts, ways, shape), shape)).max() < 1e-3


def test_the_rim_lies_on_the_lids(shape):
    rim = places.lid_rim(shape)
    away = np.linalg.norm(rim - [0.5, 0, shape.eye_z], axis=1)
    np.testing.assert_allclose(away, LID * shape.eye_radius, rtol=1e-6)
    step = np.linalg.norm(np.roll(rim, -1, axis=0) - rim, axis=1)
    assert step.max() < 1.6 * step.min()


def test_lips_meet_on_the_skin(shape):
    line = places.mouth_line(shape)
    assert line[0, 0] == 0 and (np.diff(line[:, 0])[:5] > 0).all()
    assert np.abs(bare_distance(line, shape)).max() < 0.05
    assert np.abs(line[:, 1] - mouth_height(line, shape)).max() < 0.02


def test_heads_have_the_same_places():
    counts = {len(places.anchors(draw_shape(s, np.random.default_rng(k)))) for s in SPECIES for k in range(3)}
    assert len(counts) == 1
    assert np.isfinite(places.anchors(MEANS["dog"])).all()


def test_an_ear_begins_on_the_head(shape):
    root = places.ear_sheet(shape, places.ear_root(shape)[None])[0]
    assert np.abs(bare_distance(root, shape)).max() < 0.08
    across, face = places.ear_columns()
    assert len(across) == places.EAR and np.abs(across[face == 0]).min() == 1


def test_strips_and_fans_close_a_tube():
    low, high = np.arange(6), 6 + np.arange(6)
    faces = np.concatenate([heads.strip(low, high, True), heads.fan(high, 12, True)])
    assert [sorted(loop) for loop in boundary_loops(faces)] == [list(range(6))]


def test_two_halves_share_the_middle():
    half = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], float)
    vertices, faces, mirror = heads.whole(half, np.array([[0, 1, 2]]))
    assert vertices.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0], [-1, 0, 0]]
    assert faces.tolist() == [[0, 1, 2], [2, 3, 0]] and mirror.tolist() == [0, 3, 2, 1]


def test_balls_and_teeth_look_outward(shape):
    ball = heads.eyeball(shape)
    np.testing.assert_allclose(np.linalg.norm(ball - [0.5, 0, shape.eye_z], axis=1), shape.eye_radius)
    assert ball[0, 2] == ball[:, 2].max()
    teeth = heads.teeth(shape).reshape(len(heads.tooth_rows()), -1, 3)
    tips, roots = teeth[:, -1, 1], teeth[:, : heads.TOOTH, 1].mean(axis=1)
    upper = np.array([row[0] for row in heads.tooth_rows()])
    assert (tips[upper] < roots[upper]).all() and (tips[~upper] > roots[~upper]).all()


def test_modes_are_of_unit_spread():
    rng = np.random.default_rng(0)
    ways = np.linalg.qr(rng.standard_normal((12, 3)))[0].T.reshape(3, 4, 3)
    drawn = rng.standard_normal((400, 3)) * [0.5, 0.3, 0.1]
    mean, modes, scores = build_pet_model.modes_of(np.einsum("nk,kvd->nvd", drawn, ways) + 2)
    assert np.abs(mean - 2).max() < 0.1 and len(modes) == 3
    np.testing.assert_allclose(scores.T @ scores / 399, np.eye(3), atol=1e-9)
    sizes = np.sqrt((modes**2).sum(axis=(1, 2)))
    np.testing.assert_allclose(sizes, [0.5, 0.3, 0.1], rtol=0.15)
    assert abs(np.einsum("vd,vd->", modes[0] / sizes[0], ways[0])) > 0.97


def test_landmarks_are_fixed_on_both_sides():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [-1, 0, 0]], float)
    faces = np.array([[0, 1, 2], [2, 3, 0]])
    left = np.array([0.3, 0.3, 0.1])
    points = np.array([left * [-1, 1, 1] if k < build_pet_model.FLIPPED[k] else left for k in range(20)])
    middle = [k for k, other in enumerate(build_pet_model.FLIPPED) if k == other]
    points[middle] = [0, 0.5, 0.2]
    marks, shares = build_pet_model.fixed_points(vertices, faces, points, np.array([0, 1]))
    found = np.einsum("nk,nkd->nd", shares, vertices[faces[marks]])
    np.testing.assert_allclose(found, points * [1, 1, 0], atol=1e-12)


def test_a_dog_has_one_length_of_ears_however_they_are_carried():
    long, short = 3, 4  # numbers of ears
    sizes = {
        name: [
            np.ptp(carriages._ear(carriages.with_ears_of(MEANS["dog"], name, k)), axis=0).max() for k in (long, short)
        ]
        for name in EARS
    }
    assert len({one > other for one, other in sizes.values()}) == 1
    assert sizes["hanging"][0] > sizes["tipped"][0]
