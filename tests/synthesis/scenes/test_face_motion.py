"""Heads that act: blinks shut, speech shuts the lips, and film and truth belong together."""

import numpy as np

from maquette.geometry.camera import project
from maquette.synthesis.scenes.face_motion import act, film
from maquette.synthesis.scenes.head_scene import draw_person, head_model

NAMES = list(head_model().expression_names)


def acting(seed=0, count=90):
    return act(NAMES, count, 30.0, np.random.default_rng(seed))


def test_weights_are_weights_and_eyes_blink_both():
    found = acting()
    assert found.expression.shape == (90, 52) and found.expression.min() >= 0 and found.expression.max() <= 1
    blinks = found.expression[:, [NAMES.index(f"eyeBlink{side}") for side in ("Left", "Right")]]
    assert blinks.max() > 0.95 and (blinks[:, 0] > 0.9).mean() < 0.3
    assert np.ptp(found.expression[:, NAMES.index("jawOpen")]) > 0.2


def test_the_same_seed_acts_the_same_and_eyes_look_together():
    assert np.array_equal(acting(3).expression, acting(3).expression)
    found = acting(3).expression
    left = found[:, NAMES.index("eyeLookOutLeft")] - found[:, NAMES.index("eyeLookInLeft")]
    right = found[:, NAMES.index("eyeLookInRight")] - found[:, NAMES.index("eyeLookOutRight")]
    assert np.allclose(left, right) and np.ptp(left) > 0.3


def test_film_and_truth_belong_together():
    person = draw_person((5, 1, 0), 128, "test")
    first, last = list(film(person, acting(1, 2), (5, 9), 96))
    assert first.image.shape == (96, 96, 3) and first.image.dtype == np.uint8
    again, _ = film(person, acting(1, 2), (5, 9), 96)
    assert np.array_equal(first.image, again.image)
    pixels, depth = project(last.camera, last.vertices.astype(float))
    assert (depth > 0.3).all() and ((pixels > -20) & (pixels < 116)).all(axis=1).mean() > 0.9
