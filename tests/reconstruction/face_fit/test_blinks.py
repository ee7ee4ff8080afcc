"""Blinks: an eye is measured by itself."""

import numpy as np

from maquette import morphable
from maquette.reconstruction.face_fit.blinks import (
    OPENING,
    SHUT,
    SHUTTING,
    between_blinks,
    levelled,
    lid_weights,
    openings,
)

MODEL = morphable.load("maquette-head")
NAMES = list(MODEL.expression_names)


def opening_of(**weights):
    """(2,) of the model's own landmarks, seen from the front."""
    expression = np.zeros(len(NAMES))
    for name, weight in weights.items():
        for side in ("Left", "Right"):
            expression[NAMES.index(name + side)] = weight
    vertices = MODEL.vertices(np.zeros(1), expression).astype(float)
    return openings(MODEL.embeddings["mediapipe478"].points(vertices, MODEL.faces) * [1, -1, 1])


def test_what_lids_do_is_what_the_model_does():
    usual = opening_of()
    assert np.allclose(opening_of(eyeBlink=1) / usual, SHUT, atol=0.04)
    for unit, share in SHUTTING.items():
        assert np.allclose((1 - opening_of(**{unit: 1}) / usual) / (1 - SHUT), share, atol=0.06), unit
    assert np.allclose((opening_of(eyeWide=1) / usual - 1) / (1 - SHUT), OPENING, atol=0.05)


def test_a_blink_of_one_frame_is_whole_and_narrow_eyes_do_not_blink():
    seen = np.full((40, 2), 0.2)
    seen[20] = 0.2 * SHUT
    found = lid_weights(seen, np.zeros((40, len(NAMES))), NAMES)[:, NAMES.index("eyeBlinkLeft")]
    assert found[20] > 0.95 and found[:20].max() == 0


def test_a_glance_down_is_no_blink():
    expression = np.zeros((40, len(NAMES)))
    expression[20:30, NAMES.index("eyeLookDownLeft")] = 1
    seen = np.full((40, 2), 0.35)
    seen[20:30] = 0.35 * (1 - SHUTTING["eyeLookDown"] * (1 - SHUT))
    assert lid_weights(seen, expression, NAMES)[:, NAMES.index("eyeBlinkLeft")].max() < 0.05


def test_what_was_not_seen_stays():
    expression = np.full((5, len(NAMES)), 0.2)
    assert np.array_equal(lid_weights(np.full((5, 2), np.nan), expression, NAMES), expression)


def test_turned_heads_are_levelled():
    assert np.allclose(levelled(np.array([[0.4, 0.4]]), np.array([np.pi / 3]), np.array([0.0])), 0.2)


def test_the_gaze_goes_on_behind_shut_lids():
    gaze = np.zeros((9, 2, 2))
    gaze[:, :, 1] = np.linspace(0, 0.08, 9)[:, None]
    seen, wrong = np.full((9, 2), 0.35), gaze.copy()
    seen[4], wrong[4] = 0.05, -0.4
    assert np.allclose(between_blinks(wrong, seen), gaze)
