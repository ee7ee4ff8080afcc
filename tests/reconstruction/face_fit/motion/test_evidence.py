"""What a frame says of a face: the same in every tilt and place, and turned over by a mirror."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maquette.core.types import Frame, Observation, Reading, Subject
from maquette.perception.faces import topology
from maquette.reconstruction.face_fit.method import landmark_term
from maquette.reconstruction.face_fit.motion.evidence import (
    GROUPS,
    PLACES,
    UNITS,
    WIDTH,
    evidence_of,
    group,
    mirror,
    mirrored_units,
)  # fmt: skip
from maquette.reconstruction.face_fit.state import OPENCV, FaceView
from maquette.weights.store import fetch

SIZE = (640, 480)


@pytest.fixture(scope="module")
def term():
    whole = landmark_term(fetch)
    count = whole.basis.shape[2] - UNITS
    return replace(whole, basis=whole.basis[:, :, count:])


def shown(term, roll=0.0, place=(0.0, 0.0, 0.7), reading=True, **weights):
    expression = np.zeros(UNITS)
    for name, weight in weights.items():
        expression[term.names.index(name)] = weight
    rotation = OPENCV @ Rotation.from_rotvec([0, 0, -roll]).as_matrix()
    view = FaceView(rotation, np.array(place), 700.0, np.array(SIZE) / 2, expression, 700.0)
    marks = np.column_stack([view.pixels(term.mean + term.basis @ expression), np.zeros(478)])
    read = Reading(
        landmarks=marks + 1.0, sigma=np.ones(478), identity=np.zeros(0), identity_sigma=np.zeros(0),
        expression=expression / 2, expression_sigma=np.ones(UNITS), presence=1.0, disagreement=0.01,
    )  # fmt: skip
    seen = Observation(
        frame=Frame(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), 0.0), box=np.array([0, 0, *SIZE], float),
        subject=Subject.FACE, landmarks=marks, landmark_scheme="mediapipe478", landmark_confidence=np.ones(478),
        mask=np.ones((SIZE[1], SIZE[0]), np.float32), full_size=SIZE, reading=read if reading else None,
        expression_scores=np.linspace(0, 1, 52),
    )  # fmt: skip
    return evidence_of(term, view, np.full((2, 2), 0.1), 0.9, seen)


def test_every_number_has_its_group():
    ends = [group(name) for name in GROUPS]
    assert ends[0].start == 0 and ends[-1].stop == WIDTH
    assert all(a.stop == b.start for a, b in pairwise(ends))
    with pytest.raises(KeyError):
        group("hair")


def test_landmarks_say_what_moved_and_nothing_of_tilt_and_place(term):
    plain = shown(term, jawOpen=0.6)
    tilted = shown(term, roll=0.4, place=(0.0, 0.0, 0.7), jawOpen=0.6)
    assert np.abs(plain[group("marks")] - tilted[group("marks")]).max() < 1e-4
    moved = plain[group("marks")].reshape(-1, 2)
    chin, brow = PLACES.index(topology.IBUG68[8]), PLACES.index(topology.LEFT_BROW[0])
    assert moved[chin, 1] > 0.5 > 0.05 > abs(moved[brow, 1])
    assert np.abs(shown(term)[group("marks")]).max() < 1e-6


def test_fitted_and_read_weights_stand_in_the_models_order(term):
    row = shown(term, mouthSmileLeft=0.5)
    place = term.names.index("mouthSmileLeft")
    assert row[group("fitted")][place] == pytest.approx(0.5) and row[group("network")][place] == pytest.approx(0.25)


def test_without_a_reading_its_numbers_are_none(term):
    row = shown(term, reading=False)
    assert not row[group("read")].any() and not row[group("network")].any() and not row[group("opening")].any()


def test_a_mirror_swaps_sides_and_twice_is_nothing(term):
    places, signs = mirror(term.names)
    row = shown(term, mouthSmileLeft=0.5, browInnerUp=0.3)
    turned = row[places] * signs
    assert np.array_equal(turned[places] * signs, row)
    assert turned[group("fitted")][term.names.index("mouthSmileRight")] == pytest.approx(0.5)
    other = shown(term, mouthSmileRight=0.5, browInnerUp=0.3)
    assert np.abs(turned[group("marks")] - other[group("marks")]).max() < 0.15
    assert mirrored_units(("jawLeft", "jawOpen", "jawRight")) == [2, 1, 0]
