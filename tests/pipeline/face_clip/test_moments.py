"""Moments are clear frames in which something moves, spread over what it is."""

from dataclasses import replace

import numpy as np
import pytest

from maquette.morphable import load
from maquette.perception.tracking.face_sighting import FaceSightings
from maquette.pipeline.face_clip.moments import APART_S, MOST, at_rest, beside_seen, chosen_moments
from perception.tracking.test_face_sighting import sighting
from pipeline.face_clip.test_subject import motion

COUNT = 20
NAMES = list(load("maquette-head").expression_names)


@pytest.fixture
def sightings(tmp_path):
    rows = [replace(sighting(k, seed=0), sharpness=0.1 if k % 5 == 0 else 0.6) for k in range(COUNT)]
    path = tmp_path / "faces.bin"
    path.write_bytes(b"".join(one.record().tobytes() for one in rows))
    return FaceSightings(path, np.arange(COUNT))


def acted(**courses):
    """A motion of 20 frames in 2 seconds with these courses of units, first frame and last."""
    weights = np.zeros((COUNT, len(NAMES)))
    for unit, (first, last, strength) in courses.items():
        weights[first:last, NAMES.index(unit)] = strength
    return replace(motion(), times=np.arange(COUNT) / 10, expression=weights)


def test_each_mover_is_shown_by_clear_frames_that_lie_apart(sightings):
    moved = acted(browDownLeft=(0, 6, 0.8), noseSneerLeft=(10, 16, 0.5))
    found = chosen_moments(moved, sightings, NAMES)
    assert sum(k < 6 for k in found) == 2 and sum(10 <= k < 16 for k in found) == 2 and len(found) <= MOST
    assert not any(k % 5 == 0 for k in found), "blurred"
    assert np.diff(np.sort(moved.times[found])).min() >= APART_S


def test_frames_that_are_there_already_count(sightings):
    moved = acted(browDownLeft=(0, 6, 0.8))
    assert len(chosen_moments(moved, sightings, NAMES, [1, 4])) == 0


def test_an_even_clip_has_none(sightings):
    assert chosen_moments(acted(browDownLeft=(0, 6, 0.1)), sightings, NAMES) == []


def test_the_motion_says_which_frames_are_at_rest():
    moved = acted(browDownLeft=(0, 6, 0.8))
    assert at_rest([0.1, 0.9, 1.5], moved) == [False, True, True]
    assert at_rest([0.1, 0.2], moved) == [True, True], "none is"


def test_frames_that_are_covered_or_lost_are_none(sightings):
    moved = acted(browDownLeft=(0, 6, 0.8))
    assert chosen_moments(replace(moved, trust=np.full(COUNT, 0.3)), sightings, NAMES) == []


def test_a_head_beside_the_face_is_seen_to_be(sightings):
    seen = sightings[0].observation((640, 480))
    points = seen.landmarks[:, :2]
    size = np.ptp(points, axis=0).max()
    assert beside_seen(points, seen) == 0
    assert beside_seen(points + np.array([0.1 * size, 0]), seen) == pytest.approx(0.1)
