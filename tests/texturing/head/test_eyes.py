"""Eyeballs: shaded below the upper lid, flesh in the inner corner, a gaze that is forward in the neutral head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from maquette.morphable import load
from maquette.perception.faces import topology
from maquette.texturing.head.eyes import (
    CARUNCLE,
    LARGEST_GAZE,
    EyeColours,
    eye_colours,
    gaze_offset,
    measure_eye,
    painted_eye,
    with_caruncle,
)
from maquette.texturing.head.fill import Palette
from maquette.texturing.head.layers import layers_of

COLOURS = EyeColours(np.array([90.0, 60.0, 40.0]), np.array([210.0, 205.0, 200.0]), 0.36)
MODEL = load("maquette-head")


def directions(*places: tuple[float, float]) -> np.ndarray:
    """(1, n, 3) unit directions on an eyeball by x and y."""
    flat = np.array(places, np.float32)
    return np.column_stack([flat, np.sqrt(1 - (flat**2).sum(axis=1))])[None]


def test_flesh_lies_in_the_inner_corner_only():
    eye = np.full((1, 3, 3), 200.0)
    flesh = np.array([190.0, 110.0, 100.0])
    found = with_caruncle(eye, np.array([[-0.9, CARUNCLE[0], CARUNCLE[1]]]), flesh)
    assert np.array_equal(found[0, :2], eye[0, :2]) and np.allclose(found[0, 2], flesh)


def test_an_iris_has_a_dark_rim_and_a_pupil():
    radius = 0.36
    line = directions(*((np.sin(radius * rho), 0.0) for rho in (0.1, 0.6, 0.95, 1.5)))
    pupil, iris, rim, white = painted_eye(line, Rotation.identity(), radius, COLOURS)[0].mean(axis=1)
    assert pupil < 0.5 * iris and rim < 0.9 * iris and white > 1.5 * iris


def test_eyes_that_look_aside_are_painted_nearly_forward(photograph):
    """Their gaze is in the weights of the units; painted, they would look aside in the neutral head too."""
    seen, camera = photograph(0.0)
    layers = layers_of(MODEL.name, 256)
    landmarks = seen.landmarks.copy()
    for iris in (topology.RIGHT_IRIS, topology.LEFT_IRIS):
        landmarks[list(iris), 0] += 0.25 * np.ptp(landmarks[list(topology.RIGHT_EYE), 0])
    turn = gaze_offset(replace(seen, landmarks=landmarks), camera, MODEL.mean, layers)
    assert 0.5 * LARGEST_GAZE < turn.magnitude() <= LARGEST_GAZE + 1e-6 < np.radians(6)


def test_eyes_of_a_half_profile_are_not_of_the_nose(photograph):
    """A landmark that lies on skin finds no white beside the iris."""
    seen, _ = photograph(0.0)
    assert measure_eye(seen, "eyeLeft") is not None
    flat = replace(seen.frame, pixels=np.full_like(seen.frame.pixels, 170))
    blind = measure_eye(replace(seen, frame=flat), "eyeLeft")
    assert blind is not None and blind.weight == 0


def test_where_no_eye_says_anything_the_colours_are_likely_ones(photograph):
    seen, _ = photograph(0.0)
    flat = replace(seen, frame=replace(seen.frame, pixels=np.full_like(seen.frame.pixels, 170)))
    palette = Palette(np.full(3, 170.0), np.full(3, 60.0), 0.5)
    found, likely = eye_colours([flat], palette), eye_colours([], palette)
    assert np.array_equal(found.iris, likely.iris) and np.array_equal(found.sclera, likely.sclera)


def test_lenses_make_an_eye_less_sure(photograph):
    seen, _ = photograph(0.0)
    bare = measure_eye(seen, "eyeLeft")
    none, frame = (replace(seen, glasses=np.full(seen.mask.shape, k, np.float32)) for k in (0.01, 1))
    free, worn = measure_eye(none, "eyeLeft"), measure_eye(frame, "eyeLeft")
    assert bare is not None and free is not None and bare.weight == free.weight
    assert worn is None or worn.weight < 0.9 * bare.weight
