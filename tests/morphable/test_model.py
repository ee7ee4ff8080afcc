"""What every model offers: weights as shapes take them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette import morphable

MODEL = morphable.load("maquette-head")
NAMES = list(MODEL.expression_names)
UPPER_LID = {"Left": 386, "Right": 159}
SIDES = ("Left", "Right")


def weights(**units: float) -> np.ndarray:
    """(52,) of the units by name."""
    return np.array([units.get(name, 0.0) for name in NAMES])


def lid(model: morphable.MorphableModel, expression: np.ndarray, side: str) -> float:
    """Metres: how high the rim of the upper lid lies."""
    vertices = model.vertices(np.zeros(1), expression).astype(float)
    return float(model.embeddings["mediapipe478"].points(vertices, model.faces)[UPPER_LID[side], 1])


@pytest.mark.parametrize("side", SIDES)
def test_the_lid_of_an_eye_that_looks_down_ends_where_a_blink_does(side):
    """Added up, both units drew it 7.5 mm below."""
    shut = weights(**{f"eyeBlink{side}": 1})
    both = weights(**{f"eyeBlink{side}": 1, f"eyeLookDown{side}": 1})
    assert -0.0045 < lid(MODEL, both, side) - lid(MODEL, shut, side) < 0
    assert lid(replace(MODEL, lid_share=0.0), both, side) - lid(MODEL, shut, side) < -0.007


@pytest.mark.parametrize("side", SIDES)
def test_the_less_an_eye_looks_down_the_more_of_a_blink_it_takes(side):
    blink, down = NAMES.index(f"eyeBlink{side}"), NAMES.index(f"eyeLookDown{side}")
    many = np.zeros((21, 52))
    many[:, blink], many[:, down] = 1.0, np.linspace(0, 1, 21)
    held = MODEL.held(many)
    assert np.array_equal(np.delete(held, blink, axis=1), np.delete(many, blink, axis=1)), "nothing else is touched"
    assert held[0, blink] == 1 and (np.diff(held[:, blink]) <= 0).all() and 0.4 < held[-1, blink] < 0.7
    assert np.abs(np.diff(held[:, blink])).max() < 0.05, "without a jump"
    assert np.array_equal(MODEL.held(held), held), "once held, it stays"


def test_eyes_that_are_not_shut_are_as_their_weights_say():
    """Fits are linear: what they say of open and half-open eyes is not touched."""
    expression = np.random.default_rng(3).uniform(0, 0.6, (50, 52))
    assert np.array_equal(MODEL.held(expression), expression)
    body = morphable.load("maquette-body")
    assert np.array_equal(body.held(np.ones(52)), np.ones(52)), "its units are others"


@pytest.mark.parametrize("number, side", list(enumerate(SIDES)))
def test_a_blink_goes_farther_on_wide_eyes_and_never_less_far(number, side):
    blink, wide = weights(**{f"eyeBlink{side}": 1.0}), 2 * MODEL.lid_gap[number] / np.abs(MODEL.lid_gap[number]).max()
    reach = MODEL.lid_reach(wide)[number]
    assert 1.1 < reach <= 1.4 and MODEL.held(blink, wide).max() == pytest.approx(reach)
    assert MODEL.held(blink, -wide).max() == 1, "narrow eyes shut earlier, and lids meet"
    assert np.array_equal(MODEL.held(0.7 * blink, wide), 0.7 * blink), "of half-open eyes weights say what they said"


def test_the_opening_of_eyes_is_that_of_their_lids():
    vertices = MODEL.vertices(MODEL.lid_gap[0], np.zeros(52)).astype(float)
    points = [
        MODEL.embeddings["mediapipe478"].points(v.astype(float), MODEL.faces)[:, 1] for v in (MODEL.mean, vertices)
    ]
    before, after = (one[[386, 385, 387]].mean() - one[[374, 380, 373]].mean() for one in points)
    assert after / before - 1 == pytest.approx((MODEL.lid_gap[0] ** 2).sum(), rel=1e-3)


def test_weights_are_not_written_to():
    expression = np.ones(52)
    MODEL.held(expression)
    assert (expression == 1).all()
