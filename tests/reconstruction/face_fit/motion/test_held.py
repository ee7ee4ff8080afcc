"""A network's words of lips, lids and frowns, held to what is seen."""

from dataclasses import replace

import numpy as np
import pytest

from maquette import morphable
from maquette.core.motion import HeadMotion
from maquette.reconstruction.face_fit.in_motion import INNER_LIPS
from maquette.reconstruction.face_fit.motion.held import held, parting

MODEL = morphable.load("maquette-head")
NAMES = list(MODEL.expression_names)
COUNT = 6


def motion(**weights):
    expression = np.zeros((COUNT, 52))
    for name, weight in weights.items():
        expression[:, NAMES.index(name)] = weight
    return HeadMotion(
        times=np.arange(COUNT) / 30,
        frames=np.arange(COUNT),
        rotations=np.tile([1.0, 0, 0, 0], (COUNT, 1)),
        translation=np.tile([0, 0, -0.6], (COUNT, 1)),
        expression=expression,
        gaze=np.zeros((COUNT, 2, 2)),
        focal=900.0,
        size=(640, 480),
        opening=np.full((COUNT, 2), np.nan),
        trust=np.ones(COUNT),
        reprojection=np.ones(COUNT),
    )


def gap(weights):
    """(3, 3) metres between the inner lips of the mean head."""
    points = MODEL.embeddings["mediapipe478"].points(MODEL.vertices(np.zeros(80), weights).astype(float), MODEL.faces)
    return points[list(INNER_LIPS[1])] - points[list(INNER_LIPS[0])]


def test_units_part_the_lips_as_the_model_does():
    weights = motion(jawOpen=0.5, mouthFunnel=0.4).expression[0]
    assert np.abs(np.tensordot(weights, parting(), 1) - 1000 * (gap(weights) - gap(np.zeros(52)))).max() < 0.01


def test_the_lips_are_as_far_apart_as_they_are_seen_and_the_other_units_the_networks():
    seen, said = (
        motion(jawOpen=0.3, mouthLowerDownLeft=0.5, mouthLowerDownRight=0.5),
        motion(jawOpen=0.8, mouthFunnel=0.2),
    )
    found = held(said, seen).expression[0]
    wide, wanted, was = (np.linalg.norm(gap(w), axis=1).mean() for w in (found, seen.expression[0], said.expression[0]))
    assert abs(wide - wanted) < 0.1 * abs(was - wanted)
    others = np.delete(np.arange(52), NAMES.index("jawOpen"))
    assert np.array_equal(found[others], said.expression[0][others])


def test_a_jaw_opens_no_farther_than_it_can():
    assert held(motion(), motion(jawOpen=1.0, mouthLowerDownLeft=1.0)).expression.max() == 1


def test_a_lid_that_is_seen_to_be_shut_is_shut_and_one_that_is_said_to_be_stays():
    left, right = NAMES.index("eyeBlinkLeft"), NAMES.index("eyeBlinkRight")
    found = held(motion(eyeBlinkLeft=0.9), motion(eyeBlinkRight=0.7)).expression
    assert found[:, left] == pytest.approx(0.9) and found[:, right] == pytest.approx(0.7)


def test_a_frown_that_never_ends_is_gone_and_one_that_comes_and_goes_stays():
    passing, fitted = np.array([0.2, 0.2, 0.25, 0.7, 0.2, 0.2]), np.array([0.05, 0.05, 0.05, 0.1, 0.05, 0.05])
    left, right = NAMES.index("browDownLeft"), NAMES.index("browDownRight")
    found = held(motion(browDownLeft=passing, browDownRight=0.03), motion(browDownLeft=fitted, browDownRight=0.3))
    assert found.expression[:, left] == pytest.approx(passing - 0.15), "at rest as it was fitted"
    assert found.expression[:, right] == pytest.approx(0.03), "nothing is added"


def test_nothing_that_is_given_is_changed():
    said, seen = motion(jawOpen=0.8), motion(jawOpen=0.2)
    kept = replace(said, expression=said.expression.copy())
    held(said, seen)
    assert np.array_equal(kept.expression, said.expression)
