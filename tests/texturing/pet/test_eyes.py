"""Eyes: what is measured on drawn ones, and what is painted."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.texturing.pet import eyes


def drawn(iris, pupil, rim=0.9, count=4000, seed=0):
    """Colours and places of an eye: pupil half axes in radians."""
    places = np.random.default_rng(seed).uniform(-0.8, 0.8, (count, 2))
    places = places[np.linalg.norm(places, axis=1) < 0.8]
    colours = np.tile(np.array(iris, float), (len(places), 1))
    colours[np.linalg.norm(places / np.array(pupil), axis=1) < 1] = 8
    return colours, places


@pytest.mark.parametrize("pupil", [(0.12, 0.5), (0.3, 0.3)])
def test_iris_and_pupil_are_measured(pupil):
    colours, places = drawn((170, 180, 80), pupil)
    usual = eyes.PetEyes(np.array([100.0, 90, 80]), (0.2, 0.5), 0.95, 0.0)
    found = eyes._measured(colours, places, usual)
    assert np.abs(found.iris - [170, 180, 80]).max() < 6 and found.seen > 0.9
    assert np.allclose(found.pupil, pupil, rtol=0.35)
    assert (found.pupil[0] < 0.7 * found.pupil[1]) == (pupil[0] < pupil[1])


def test_a_dark_eye_that_mirrors_the_sky_is_brown_and_a_bright_blue_one_is_blue():
    usual = eyes.PetEyes(np.array([74.0, 48, 30]), (0.36, 0.36), 0.78, 0.0)
    mirrored, husky = (eyes._measured(*drawn(c, (0.2, 0.2)), usual).iris for c in ((58, 66, 78), (130, 165, 190)))
    assert mirrored[0] > 1.5 * mirrored[2] and mirrored.mean() < 70
    assert husky[2] > husky[0] + 40
    colours, places = drawn((60, 68, 80), (0.2, 0.2))
    colours[::3] = (88, 60, 40)  # what of it no sky lies on
    assert np.abs(eyes._measured(colours, places, usual).iris - [88, 60, 40]).max() < 6


def test_dark_eyes_keep_the_usual_pupil_and_few_samples_everything():
    usual = eyes.PetEyes(np.array([100.0, 90, 80]), (0.36, 0.36), 0.78, 0.0)
    colours, places = drawn((40, 26, 18), (0.3, 0.3))
    assert eyes._measured(colours, places, usual).pupil == usual.pupil
    assert eyes._measured(colours[:10], places[:10], usual) is usual


def test_a_painted_eye_has_pupil_iris_rim_and_a_glint():
    made = eyes.PetEyes(np.array([170.0, 180, 80]), (0.15, 0.5), 0.95, 1.0)

    def at(x, y):
        angle = np.hypot(x, y)
        flat = np.array([x, y]) / max(angle, 1e-9) * np.sin(angle)
        return eyes.painted_eyes(made, np.array([[*flat, np.cos(angle)]]))[0]

    assert at(0, 0).max() < 30 and at(0, 0.28).max() < 30  # a slit
    assert np.abs(at(0.45, 0) - [170, 180, 80]).max() < 60
    assert at(1.4, 0).max() < 60
    assert at(*eyes.GLINT_AT).min() > 230


def test_skin_takes_no_colour_from_an_open_eye(seen, cat, camera):
    _, observation = seen
    right = observation.landmarks[:2, :2]
    middle = right.mean(axis=0)
    half = np.linalg.norm(right[1] - right[0]) / 2
    places = np.array([middle, middle + np.array([0, 1.5 * half]), middle - np.array([2 * half, 0])])
    assert eyes.beside_eyes(observation, places, "cat").tolist() == [0, 1, 1]


def test_eyes_are_looked_at_through_the_lids(seen, cat):
    made, observation = seen
    found = eyes.measured_eyes([observation], made.cameras, [cat.mean], cat, "cat")
    assert 0 < found.seen <= 1
    assert 60 < found.iris[0] < 160  # of the stripes, not the usual green
