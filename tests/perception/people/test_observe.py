"""People are found, one observation each, and what is no person is reported in one line."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from maquette.core.errors import NothingFound
from maquette.core.options import PerceptionOptions
from maquette.core.types import Frame, Observation, Subject
from maquette.perception.people import detect, schemes
from maquette.perception.people.observe import observe_near, observe_people


@pytest.fixture(scope="module")
def two(sample) -> np.ndarray:
    """(512, 860, 3) the astronaut, and in a mirror to the right."""
    return np.ascontiguousarray(np.concatenate([sample[:, :430], sample[:, 429::-1]], axis=1))


@pytest.fixture(scope="module")
def both(two) -> list[Observation]:
    return observe_people(Frame(two, origin="two.png"))


def in_full(observation: Observation) -> tuple[np.ndarray, np.ndarray]:
    """(33, 2) key points and (H, W) mask in the full frame."""
    width, height = observation.full_size
    out = np.zeros((height, width), np.float32)
    x0, y0, x1, y1 = observation.box.astype(int)
    out[y0:y1, x0:x1] = observation.mask
    return observation.landmarks[:, :2] + observation.box[:2], out


@pytest.mark.parametrize("pixels", [np.zeros((300, 400, 3)), np.full((40, 60, 3), 255), np.zeros((1, 1, 3))])
def test_a_picture_without_people_is_reported_in_one_line(pixels):
    with pytest.raises(NothingFound, match=r"^wall\.png: no person found") as raised:
        observe_people(Frame(pixels.astype(np.uint8), origin="wall.png"))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["chelsea", "coffee"])
def test_cats_and_cups_are_no_people(name):
    with pytest.raises(NothingFound, match=r"no person found|too little of a person"):
        observe_people(Frame(getattr(data, name)()))


def test_the_astronaut_is_one_person(sample):
    (seen,) = observe_people(Frame(sample, origin="astronaut.png"))
    assert seen.subject is Subject.PERSON and seen.landmarks.shape == (33, 3) == seen.landmarks_metric.shape
    points, whole = in_full(seen)
    assert np.linalg.norm(points[0] - [222, 120]) < 25
    assert whole[300, 220] > 0.9 and whole[60, 100] < 0.1 and whole[100, 330] < 0.1
    shoulders = schemes.indices("left_shoulder", "right_shoulder")
    assert seen.landmark_confidence[shoulders].min() > 0.9
    assert seen.landmarks[shoulders[0], 0] > seen.landmarks[shoulders[1], 0]
    beyond = points[:, 1] >= 512
    assert beyond.any() and seen.landmark_confidence[beyond].max() <= 0.1


def test_two_people_are_two_from_left_to_right_and_keep_apart(both):
    assert len(both) == 2
    (first, left), (second, right) = map(in_full, both)
    assert first[0, 0] < 430 < second[0, 0]
    assert ((left > 0.5) & (right > 0.5)).mean() < 0.002
    mirrored = left[:, ::-1]
    assert ((mirrored > 0.5) & (right > 0.5)).sum() > 0.93 * ((mirrored > 0.5) | (right > 0.5)).sum()


def test_the_next_frame_needs_no_search(two, both, monkeypatch):
    monkeypatch.setattr(detect, "candidates", None)
    moved = np.roll(two, 6, axis=1)
    again = observe_near(Frame(moved), both)
    assert len(again) == 2
    for old, new in zip(both, again):
        (points, before), (followed, after) = in_full(old), in_full(new)
        seen = old.landmark_confidence > 0.5
        assert np.abs(np.median((followed - points)[seen], axis=0) - [6, 0]).max() < 3
        before = np.roll(before, 6, axis=1)
        assert ((before > 0.5) & (after > 0.5)).sum() > 0.93 * ((before > 0.5) | (after > 0.5)).sum()
    assert observe_near(Frame(np.zeros_like(two)), both) == []


def test_small_people_are_reported_with_their_height(sample):
    small = cv2.resize(sample, (80, 80), interpolation=cv2.INTER_AREA)
    with pytest.raises(NothingFound, match=r"person too small: .* px high, at least 100 are needed"):
        observe_people(Frame(small), PerceptionOptions(min_person=100))


def test_who_is_seen_and_left_out_is_counted(two, both, monkeypatch):
    from maquette.perception.people import observe

    heights = iter([500.0, 20.0] * 9)
    monkeypatch.setattr(observe, "height_in", lambda *_: next(heights))
    (one,) = observe_people(Frame(two))
    assert one.notes[-1] == "2 people seen, 1 taken: left out 1 too small (--min-person)"
    assert not any("seen" in note for seen in both for note in seen.notes)


@pytest.mark.real_data
def test_the_mask_is_that_of_the_colours(real_data):
    """The sample photo shows a coloured man before a grey picture: his saturation is the true mask."""
    pixels = cv2.imread(str(real_data / "people" / "standing.png"))[..., ::-1]
    (seen,) = observe_people(Frame(np.ascontiguousarray(pixels)))
    colour = (pixels.max(axis=2).astype(float) - pixels.min(axis=2)).astype(np.float32)
    true = (cv2.GaussianBlur(colour, (0, 0), 1) > 9).astype(np.uint8)
    true = cv2.morphologyEx(true, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    true = cv2.morphologyEx(true, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    found = in_full(seen)[1] > 0.5
    assert (found & true).sum() > 0.95 * (found | true).sum()
