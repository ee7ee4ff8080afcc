"""What is shaped after the modes are found: ears, nostrils, the oval of an open mouth, landmarks that stay."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from head import details, jaw, tongue
from head.lining import FOLD, FOLD_LIPS, LAP_M, TUCK_M, Seal, corners_sunk, corners_tucked
from head.nostrils import FREE, LIP, RIM, Nostril, spline

from maquette import morphable
from maquette.geometry.mesh import face_normals
from maquette.geometry.raycast import RayCaster
from maquette.morphable import Embedding

MODEL = morphable.load("maquette-head")
MEAN, SKIN = MODEL.mean.astype(float), MODEL.faces[MODEL.parts["skin"]]
RNG = np.random.default_rng(4)
MOVE, TURN = RNG.normal(size=3), RNG.normal(size=(3, 3))
FLIP = np.array([-1, 1, 1])


@pytest.fixture(scope="module")
def ears() -> details.Ears:
    return details.Ears(SKIN, MODEL.regions["ears"].astype(float), MODEL.mirror)


def test_ears_go_along_with_a_shift_are_smoothed_linearly_and_alike_on_both_sides(ears):
    field, other = RNG.normal(size=(2, *MEAN.shape))
    assert np.allclose(ears.rounded(field + MOVE), ears.rounded(field) + MOVE)
    assert np.allclose(ears.rounded(2 * field - other), 2 * ears.rounded(field) - ears.rounded(other))
    assert np.allclose(ears.rounded(field[MODEL.mirror] * FLIP), ears.rounded(field)[MODEL.mirror] * FLIP)
    rest = np.setdiff1d(np.arange(len(MEAN)), ears.own)
    assert np.array_equal(ears.rounded(field)[rest], field[rest])
    assert np.abs(ears.rounded(field)[ears.own]).mean() < 0.6 * np.abs(field[ears.own]).mean(), "noise goes"


def test_units_fade_before_the_ears_and_only_there(ears):
    assert not ears.moves[MODEL.regions["ears"] > 0.5].any()
    from_middle = np.abs(MEAN[:, 0]) < 0.04
    assert ears.moves[from_middle & (MEAN[:, 2] > -0.02)].min() > 0.999
    assert ears.moves[MODEL.part_vertices("mouth")].min() > 0.999


def test_a_nostril_goes_along_with_what_turns_and_stretches_the_nose():
    for side in (None, MODEL.mirror):
        nostril = Nostril(MEAN, MODEL.faces, MODEL.part_vertices("skin"), side)
        affine = MEAN @ TURN + MOVE
        assert len(nostril.own) == len(set(nostril.own)) and not np.isin(nostril.own, nostril.around).any()
        assert np.allclose(nostril.led(affine)[nostril.own], nostril.places @ TURN + MOVE)
        assert np.array_equal(np.delete(nostril.led(affine), nostril.own, axis=0), np.delete(affine, nostril.own, 0))


def test_the_walls_of_a_nostril_rise_from_an_oval_rim():
    nostril = Nostril(MEAN, MODEL.faces, MODEL.part_vertices("skin"))
    inner = len(nostril.own) - len(RIM) - len(LIP) - len(FREE)
    rim = nostril.places[inner : inner + len(RIM)]
    assert (nostril.places[:inner, 1] > rim[:, 1].min()).all() and np.ptp(nostril.places[:inner, 1]) > 0.008
    long, wide = 2 * np.sqrt(2 * np.linalg.eigvalsh(np.cov((rim - rim.mean(0)).T, bias=True))[::-1][:2])
    assert 0.009 < long < 0.013 and 0.005 < wide < 0.007, "metres: as long and wide as nostrils are"


def test_a_spline_passes_through_what_it_knows():
    known = RNG.normal(size=(30, 3))
    values = RNG.normal(size=(30, 2))
    assert np.allclose(spline(known, known) @ values, values)
    assert np.allclose(spline(known, RNG.normal(size=(5, 3))).sum(axis=1), 1)


def test_an_open_mouth_lies_on_an_ellipse():
    x = np.linspace(-0.022, 0.022, 23)
    rest = np.concatenate([np.column_stack([x, 0 * x, 0 * x]), np.column_stack([x, 0 * x, 0 * x])])
    notch = np.concatenate([-0.002 - 0.3 * np.abs(x), -0.03 + 0.8 * np.abs(x)])  # flat above, pointed below
    unit = np.column_stack([0 * notch, notch, 0.5 * notch])
    after = (rest + unit + jaw.on_oval(rest, unit))[:, 1]
    middle = np.abs(rest[:, 0]) < 0.0195
    ends = np.abs(rest[:, 0]) > 0.0215
    level, half = after[ends].mean(), np.abs(rest[:, 0]).max() + jaw.OUTSIDE_M
    tall = np.where(np.arange(46) < 23, after[:23].max() - level, after[23:].min() - level)
    assert np.allclose(((after - level) / tall)[middle] ** 2 + (rest[middle, 0] / half) ** 2, 1, atol=1e-6)
    assert np.ptp(after[ends]) < np.ptp((rest + unit)[ends, 1]), "corners are drawn together"


def test_only_what_a_local_change_moves_is_put_back():
    ball = trimesh.creation.icosphere(subdivisions=3)
    faces, before = np.asarray(ball.faces), np.asarray(ball.vertices)
    points = Embedding(np.arange(0, 600, 7), RNG.dirichlet(np.ones(3), 86))
    after = before + 0.05 * (before[:, 2:] > 0.5) * np.roll(before, 1, axis=1)
    new = details.held(points, before, after, faces, np.arange(len(faces)))
    old, gap = points.points(before, faces), new.points(after, faces) - points.points(before, faces)
    still = np.linalg.norm(points.points(after, faces) - old, axis=1) < 1e-9
    assert still.any() and not still.all()
    assert np.array_equal(new.faces[still], points.faces[still])
    left, gap = (np.linalg.norm(x, axis=1)[~still] for x in (points.points(after, faces) - old, gap))
    assert (gap <= left + 1e-9).all() and gap.mean() < 0.6 * left.mean()
    assert np.allclose(new.barycentric.sum(axis=1), 1) and new.barycentric.min() >= 0


def test_rims_lap_and_corners_sink():
    mouth = MODEL.part_vertices("mouth")
    rim = np.intersect1d(MODEL.part_vertices("skin"), mouth)
    unit = MODEL.expression_basis[MODEL.expression_names.index("jawOpen")].astype(float)
    seal = Seal(MEAN, rim, unit, np.union1d(MODEL.part_vertices("skin"), mouth))
    moved = (seal.lapped(MEAN) - MEAN)[:, 1]
    assert moved.min() == pytest.approx(-LAP_M) and moved.max() == pytest.approx(LAP_M)
    assert not np.delete(moved, rim).any() and not moved[rim[np.abs(MEAN[rim, 0]) < 0.01]].any()
    lips = MEAN[rim[np.abs(MEAN[rim, 0]) < 0.003]].mean(axis=0)
    sunk = np.linalg.norm(corners_sunk(MEAN, mouth, rim, lips) - MEAN, axis=1)
    assert sunk[rim[np.abs(MEAN[rim, 0]).argmax()]] > 0.002 and sunk[rim[np.abs(MEAN[rim, 0]).argmin()]] < 1e-5
    assert not np.delete(sunk, mouth).any()


def test_the_fold_in_a_corner_of_the_mouth_lies_behind_lips_that_meet():
    """It hung out before them as a hook."""
    tucked = corners_tucked(MEAN, MODEL.mirror)
    for side in (np.arange(len(MEAN)), MODEL.mirror):
        lower, upper = tucked[side[list(FOLD_LIPS)]], tucked[side[list(FOLD_LIPS.values())]]
        assert np.abs(lower[:, 1] - upper[:, 1]).max() < 2e-4
        fold = tucked[side[list(FOLD)]]
        before = np.interp(np.abs(fold[:, 0]), np.abs(upper[:, 0]), upper[:, 2])
        assert (fold[:, 2] <= before - TUCK_M + 1e-9).all()
    moved = np.flatnonzero(np.any(tucked != MEAN, axis=1))
    assert len(moved) <= 2 * (len(FOLD) + len(FOLD_LIPS))


def test_no_back_of_a_triangle_is_seen_around_the_nostrils():
    """One of the wing's was, as a bright line before the left or right nostril of half of all heads."""
    x, y = np.meshgrid(np.arange(-0.022, 0.022, 0.0004), np.arange(-0.012, 0.012, 0.0004))
    for number in range(-1, 8):
        vertices = MEAN
        if number >= 0:
            identity = np.random.default_rng([9, number]).normal(size=len(MODEL.identity_basis))
            vertices = MODEL.vertices(identity, np.zeros(52)).astype(float)
        for ray in (np.array([0, 0, -1.0]), np.array([0, 0.57, -0.82])):
            starts = np.column_stack([x.ravel(), y.ravel() - 0.042, np.full(x.size, 0.03)]) - 0.2 * ray
            hit = RayCaster(vertices, SKIN).first_hits(starts, np.tile(ray, (len(starts), 1)))[0]
            seen = face_normals(vertices, SKIN[hit[hit >= 0]]) @ ray
            assert (seen <= 1e-12).all(), number


def test_the_tongue_lies_low_and_comes_out_between_the_teeth():
    own = MODEL.part_vertices("tongue")
    unit = MODEL.expression_basis[MODEL.expression_names.index("tongueOut")].astype(float)
    moved = tongue.out(MEAN, own)
    assert np.allclose(moved[own], unit[own], atol=1e-4) and not np.delete(moved, own, axis=0).any()
    lips = MEAN[np.intersect1d(MODEL.part_vertices("skin"), MODEL.part_vertices("mouth"))][:, 1].mean()
    assert MEAN[own, 1].max() < lips - 0.003, "metres below the line of the lips"
    assert np.ptp((MEAN + moved)[own][MEAN[own, 2] > 0, 1]) < 0.012
