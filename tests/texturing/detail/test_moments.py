"""Wrinkles that move are kept apart from those that stay by what several frames of one face show."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from maquette.texturing.detail import moments
from maquette.texturing.detail.chart import detail_chart
from maquette.texturing.detail.evidence import Evidence
from maquette.texturing.detail.heights import Folds
from maquette.texturing.detail.moments import (
    MOVERS,
    Moments,
    believed,
    moving_folds,
    resolved,
    stillness,
    strength,
    units_of,
    zone,
)

DEEP_M = 3e-4


@pytest.fixture(scope="module")
def chart(model):
    return detail_chart(model.name)


def lines(chart, mover):
    """(h, w) metres: lines across the places of a mover, and nothing around them."""
    rows = np.arange(chart.free.shape[0])[:, None]
    return (DEEP_M * np.sin(rows / 3) * (zone(mover, chart) > 0.9)).astype(np.float32)


def frame_of(enlarged=1.0):
    """An observation as far as its pixels are asked for."""
    return SimpleNamespace(frame=SimpleNamespace(size=(100 * enlarged, 100)), box=np.array([0, 0, 100.0, 100.0]))


def evidence(chart, pixel=5e-4):
    shape = chart.free.shape
    flat, seen = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    return Evidence(flat, np.zeros((*shape, 2)), seen, flat, 0.0, np.zeros((*shape, 2)), pixel * seen, 1.0)


def solved(monkeypatch, model, chart, courses, still, moves, pixel=5e-4):
    """What is made of frames in which units have these weights, (N,) each, and movers these folds."""
    names = list(model.expression_names)
    count = len(next(iter(courses.values())))
    expression = np.zeros((count, len(names)))
    for unit, course in courses.items():
        expression[:, names.index(unit)] = course
    heights = [
        still + sum(float(strength(expression[k : k + 1], mover, names)[0]) * fold for mover, fold in moves)
        for k in range(count)
    ]
    photos = tuple(evidence(chart, pixel) for _ in heights)
    flat = np.zeros_like(still)
    monkeypatch.setattr(moments, "stillness", lambda photos, _: np.ones(len(photos), np.float32))
    folds = Folds(chart, flat, np.ones_like(flat), flat, photos, tuple(heights))
    return moving_folds(believed(folds, [frame_of()] * count), Moments(expression, ()), names)


RAISE, FROWN, SMILE = MOVERS[0], MOVERS[1], MOVERS[3]
BROWS = ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")


def test_what_stays_and_what_comes_with_the_brows_are_kept_apart(monkeypatch, model, chart):
    still, fold = lines(chart, SMILE), lines(chart, RAISE)
    course = np.array([0.0, 0.1, 0.4, 0.8])
    kept, moving = solved(monkeypatch, model, chart, dict.fromkeys(BROWS, course), still, [(RAISE, fold)])
    assert set(moving) == set(BROWS)
    worn = sum(moving.values())
    assert np.abs(worn).max() == pytest.approx(DEEP_M, rel=0.2)
    assert np.abs(kept.height - still)[zone(SMILE, chart) > 0.95].max() < 0.1 * DEEP_M
    assert np.abs(kept.height)[zone(RAISE, chart) > 0.95].max() < 0.15 * DEEP_M, "nothing of it stays"


def test_one_side_smiles_and_only_that_side_folds(monkeypatch, model, chart):
    course = np.array([0.0, 0.0, 0.5, 0.9])
    _, moving = solved(
        monkeypatch, model, chart, {"mouthSmileLeft": course}, 0 * lines(chart, SMILE), [(SMILE, lines(chart, SMILE))]
    )
    assert set(moving) == {"mouthSmileLeft"}


def test_what_no_frame_shows_has_nothing(monkeypatch, model, chart):
    fold = lines(chart, FROWN)
    kept, moving = solved(monkeypatch, model, chart, {"browDownLeft": np.zeros(3)}, fold, [])
    assert moving == {}
    assert np.abs(kept.height - fold).max() < 0.05 * DEEP_M


def test_coarse_frames_say_nothing(monkeypatch, model, chart):
    courses = dict.fromkeys(BROWS, np.array([0.0, 0.8]))
    kept, moving = solved(
        monkeypatch, model, chart, courses, lines(chart, SMILE), [(RAISE, lines(chart, RAISE))], 2.2e-3
    )
    assert moving == {} and not kept.height.any() and not any(height.any() for height in kept.heights)


def test_an_enlargement_is_as_coarse_as_its_frame(chart):
    assert resolved(evidence(chart, 5e-4), frame_of()) == 1
    assert resolved(evidence(chart, 5e-4), frame_of(4)) == 0
    nothing = evidence(chart)
    assert resolved(Evidence(**{**vars(nothing), "weight": 0 * nothing.weight}), frame_of()) == 0


def test_movers_name_units_of_the_model_and_places_on_the_face(model, chart):
    for mover in MOVERS:
        assert units_of(mover, "Left", model.expression_names) and zone(mover, chart).max() == 1


def test_rough_skin_has_no_folds_that_move(monkeypatch, model, chart):
    hairs = 2e-4 * np.random.default_rng(0).standard_normal(chart.free.shape).astype(np.float32)
    course = np.array([0.0, 0.1, 0.4, 0.8])
    for still, moves in ((0 * hairs, True), (hairs, False)):
        _, moving = solved(
            monkeypatch, model, chart, dict.fromkeys(BROWS, course), still, [(RAISE, lines(chart, RAISE))]
        )
        assert bool(moving) == moves


def test_photos_that_act_do_not_say_what_lasts_if_others_are_at_rest(model):
    names = list(model.expression_names)
    expression = np.zeros((3, len(names)))
    expression[1, names.index("noseSneerLeft")] = 0.9
    assert stillness(expression, names).tolist() == [1, 0, 1]
    assert stillness(expression[1:2], names).tolist() == [1]
