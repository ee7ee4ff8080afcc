"""People who touch: each keeps the own head, and who is near whom decides what is painted over."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.perception.people import apart
from maquette.perception.people.observe import observe_people
from maquette.perception.people.search import find_people
from maquette.sources import photos


def upright(x: float, height: float = 80.0) -> apart.Stick:
    """A straight stick from y = 10 down."""
    return apart.Stick(np.array([[[x, 10.0], [x, 10.0 + height]]]), height)


def test_the_picture_is_halved_between_two_sticks_and_painted_in_the_colour_of_its_edges():
    pixels = np.full((100, 100, 3), 40, np.uint8)
    pixels[5:, 5:95] = 200
    left = apart.alone(pixels, upright(45), [upright(55)], margin=0.0)
    assert (left[10:90, 10:48] == 200).all() and (left[10:90, 53:] == 40).all()
    mirrored = apart.alone(pixels, upright(55), [upright(45)], margin=0.0)
    assert (mirrored[10:90, 10:47] == 40).all() and (mirrored[10:90, 53:95] == 200).all()


def test_who_is_far_away_is_left_as_it_is():
    pixels = np.random.default_rng(0).integers(0, 255, (100, 300, 3), np.uint8)
    assert apart.alone(pixels, upright(40), [upright(250)]) is pixels
    assert apart.alone(pixels, upright(40), []) is pixels


def test_a_stick_has_the_limbs_that_are_seen_and_always_head_and_neck():
    points, seen = np.random.default_rng(1).uniform(0, 100, (33, 3)), np.ones(33)
    full = apart.stick_of(points, seen, 100.0)
    assert len(apart.stick_of(points, 0 * seen, 100.0).lines) == 2 < len(full.lines)
    assert full.distance((100, 100), 1.0).min() == 0


def test_a_body_under_a_face_is_eleven_faces_high():
    stick = apart.stick_below(np.array([100.0, 50, 200, 150]))
    assert stick.lines[0, 0].tolist() == [150, 100] and stick.lines[0, 1, 1] == pytest.approx(100 + 11.5 * 100)


def test_one_person_alone_stays_the_very_same(sample):
    people = find_people(sample)
    again, lost = apart.separated(sample, people)
    assert lost == 0 and len(again) == 1 and again[0] is people[0]


@pytest.mark.real_data
def test_three_women_arm_in_arm_are_three(real_data):
    seen = observe_people(photos.read(real_data / "reports/12_three_overlap.jpg"))
    noses = [one.landmarks[0, :2] + one.box[:2] for one in seen]
    assert np.allclose(noses, [[218, 229], [397, 228], [532, 235]], atol=22)
    inside = [one.mask[int(y - one.box[1]), int(x - one.box[0])] for one in seen for x, y in noses
              if one.box[0] < x < one.box[2]]  # fmt: skip
    assert sum(value > 0.5 for value in inside) == 3
    assert not any(one.notes for one in seen)


@pytest.mark.real_data
def test_a_face_over_another_ones_shoulder_gets_no_body(real_data):
    frame = photos.read(real_data / "reports/10_behind.png")
    found, lost = apart.separated(frame.pixels, find_people(frame.pixels))
    assert len(found) == lost == 1
    assert np.linalg.norm(found[0].landmarks[0, :2] - [400, 690]) < 60
