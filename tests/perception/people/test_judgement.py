"""What is done to a picture of a person is what the judgements report."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from maquette.core.types import Frame, Observation, Subject
from maquette.perception.people import judgement, schemes
from maquette.perception.people.observe import observe_people

UPRIGHT = {
    "nose": (0, -0.65, -0.1),
    "left_shoulder": (0.18, -0.5, 0),
    "right_shoulder": (-0.18, -0.5, 0),
    "left_hip": (0.1, 0, 0),
    "right_hip": (-0.1, 0, 0),
    "left_knee": (0.1, 0.42, 0),
    "right_knee": (-0.1, 0.42, 0),
}


@pytest.fixture(scope="module")
def astronaut(sample) -> Observation:
    return observe_people(Frame(sample))[0]


def posed(**moved: tuple[float, float, float]) -> Observation:
    """A person of 33 key points at 100 pixels per metre, some joints elsewhere, in a full frame of 400 x 400."""
    metric, confidence = np.zeros((33, 3)), np.zeros(33)
    for name, place in {**UPRIGHT, **moved}.items():
        metric[schemes.MEDIAPIPE_33.index(name)] = place
        confidence[schemes.MEDIAPIPE_33.index(name)] = 1
    mask = np.zeros((200, 200), np.float32)
    mask[10:190, 70:130] = 1
    return Observation(
        frame=Frame(np.zeros((200, 200, 3), np.uint8)),
        box=np.array([100.0, 100, 300, 300]),
        subject=Subject.PERSON,
        landmarks=metric * 100 + [100, 100, 0],
        landmark_scheme="mediapipe33",
        landmark_confidence=confidence,
        mask=mask,
        full_size=(400, 400),
        landmarks_metric=metric,
    )


def test_blur_is_seen_and_grows_with_its_length(astronaut):
    height = judgement.body_height(astronaut)

    def moved(share: float) -> float:
        length = max(1, round(share * height)) | 1
        pixels = cv2.filter2D(astronaut.frame.pixels, -1, np.full((1, length), 1 / length))
        return judgement.sharpness(replace(astronaut, frame=Frame(pixels)))

    values = [moved(share) for share in (0, 0.01, 0.02, 0.04)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 1.2 * judgement.SHARP and values[2] < judgement.SHARP
    fainter = Frame((astronaut.frame.pixels // 2 + 60).astype(np.uint8))
    assert abs(judgement.sharpness(replace(astronaut, frame=fainter)) / values[0] - 1) < 0.3


def test_half_a_person_is_cropped_and_not_blurred(astronaut):
    found = judgement.flags(astronaut)
    assert "cropped" in found and "feet" in found["cropped"] and "blurred" not in found and "crowded" not in found


def test_neighbours_crowd():
    person = posed()
    aside = replace(person, box=person.box + np.array([30, 0, 30, 0]))
    assert judgement.crowding(person, [aside]) == pytest.approx(0.5)
    assert judgement.crowding(person, []) == 0
    assert "crowded" in judgement.flags(person, [aside])
    assert "crowded" not in judgement.flags(person, [replace(person, box=person.box + np.array([55, 0, 55, 0]))])


@pytest.mark.parametrize(
    "moved, words",
    [
        ({"left_knee": (0.1, -0.1, -0.4)}, "left thigh lifted"),
        ({"left_shoulder": (0.6, -0.2, 0), "right_shoulder": (0.3, -0.35, 0)}, "leaning"),
        ({n: (-UPRIGHT[n][0], *UPRIGHT[n][1:]) for n in UPRIGHT if n != "nose"}, "turned away by 180"),
    ],
)
def test_unusual_poses_are_named(moved, words):
    assert judgement.pose_oddness(posed())[0] < 0.1
    assert words in judgement.flags(posed(**moved))["unusual pose"]


def test_every_judgement_has_a_number_a_limit_and_words():
    judged = judgement.judge(posed())
    assert [one.name for one in judged] == ["blurred", "crowded", "unusual pose", "cropped", "tiny", "unsure"]
    assert all(np.isfinite([one.value, one.limit]).all() and one.words for one in judged)


def test_small_and_unsure_people_are_flagged():
    person = posed()
    scale = np.array([0.4, 0.4, 0.4, 0.4])
    small = replace(person, box=person.box * scale, full_size=(160, 160))
    assert "tiny" in judgement.flags(small) and "tiny" not in judgement.flags(person)
    assert "unsure" in judgement.flags(replace(person, landmark_confidence=np.full(33, 0.3)))
    empty = replace(person, mask=np.zeros_like(person.mask))
    assert judgement.sharpness(empty) == 1.0
