"""The published rule to its published numbers, and our own around what is seen and what is hidden."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.core.types import Frame, Observation, Subject
from maquette.perception.people import crop, schemes

# Key points x, y, confidence of the tallest person in PIFuHD's sample picture (512 x 512), as its json gives them.
SAMPLE = np.array(
    """251.14 70.0905 .920212 249.729 121.622 .848532 205.176 121.648 .783397 185.738 191.227 .800347 216.332 199.615
    .829802 294.238 120.247 .805623 306.9 189.876 .865557 324.944 223.301 .823568 251.178 263.668 .671555 226.047
    265.073 .633188 227.432 370.844 .798983 234.42 466.968 .718138 281.782 262.271 .647396 295.743 372.224 .780934
    316.553 472.555 .721108 244.17 60.3191 .876 260.855 60.3366 .937398 230.252 60.3082 .947452 271.992 60.2974 .922649
    354.182 494.776 .658449 356.96 489.211 .639241 306.767 485.045 .680462 226.043 483.654 .614895 216.363 480.89
    .687368 240.024 476.682 .642223""".split(),
    float,
).reshape(25, 3)
STANDING = {
    "nose": (0, -70),
    "left_shoulder": (20, -50),
    "right_shoulder": (-20, -50),
    "left_hip": (12, 0),
    "right_hip": (-12, 0),
    "left_knee": (12, 42),
    "right_knee": (-12, 42),
    "left_ankle": (12, 84),
    "right_ankle": (-12, 84),
    "left_heel": (12, 90),
    "right_heel": (-12, 90),
    "left_big_toe": (14, 90),
    "right_big_toe": (-14, 90),
}


def standing(hidden: str = "") -> tuple[np.ndarray, np.ndarray]:
    """(33, 2) points around (200, 200) and confidences; names that hold a word of `hidden` are not seen, and wrong."""
    points, confidence = np.full((33, 2), 200.0), np.zeros(33)
    for name, place in STANDING.items():
        gone = any(word in name for word in hidden.split())
        points[schemes.MEDIAPIPE_33.index(name)] = np.array(place) * (0.1 if gone else 1.0) + 200
        confidence[schemes.MEDIAPIPE_33.index(name)] = 0.1 if gone else 0.9
    return points, confidence


def observed(points: np.ndarray, confidence: np.ndarray, rows: slice) -> Observation:
    mask = np.zeros((400, 400), np.float32)
    mask[rows, 170:230] = 1
    return Observation(
        frame=Frame(np.zeros((400, 400, 3), np.uint8)),
        box=np.array([100.0, 50, 500, 450]),
        subject=Subject.PERSON,
        landmarks=np.column_stack([points, np.zeros(33)]),
        landmark_scheme="mediapipe33",
        landmark_confidence=confidence,
        mask=mask,
    )


def test_the_sample_picture_gives_the_published_numbers():
    rect = crop.published_rect(SAMPLE)
    assert rect.tolist() == [-11, -5, 564, 564]
    calib = crop.calib_world(rect, (512, 512))
    wanted = np.diag([0.90780142, 0.90780142, 0.90780142, 1])
    wanted[:2, 3] = -0.05319149, 0.07446809
    assert np.allclose(calib, wanted, atol=5e-9)


@pytest.mark.real_data
def test_the_sample_files_give_the_published_numbers(real_data):
    people = [points for points, scheme in schemes.read_openpose(real_data / "people" / "standing_keypoints.json")]
    assert len(people) == 3 and crop.tallest(people) == 0
    assert crop.published_rect(people[0]).tolist() == [-11, -5, 564, 564]


def test_calibration_is_what_it_says_and_comes_back():
    rng = np.random.default_rng(0)
    for _ in range(50):
        size = tuple(2 * rng.integers(50, 1000, 2))
        rect = np.append(rng.integers(-300, 300, 2), [2 * rng.integers(20, 600)] * 2)
        calib = crop.calib_world(rect, size)
        pixel = rng.uniform(0, 1000, 2)
        picture = (pixel - np.array(size) / 2) / (size[0] / 2) * [1, -1]
        seen = calib @ [*picture, 0.3, 1]
        wanted = (pixel - rect[:2] - rect[2:] / 2) / (rect[2] / 2) * [1, -1]
        assert np.allclose(seen[:2], wanted)
        assert np.abs(np.linalg.inv(calib) @ seen - [*picture, 0.3, 1]).max() < 1e-6


def test_without_feet_the_hips_tell():
    points = SAMPLE.copy()
    points[list(crop.FEET), 2] = 0.4
    rect = crop.published_rect(points)
    sure = points[points[:, 2] > 0.5, :2]
    radius = int(1.45 * max(np.hypot(*(p - [251, 263])) for p in sure))
    assert rect.tolist() == [251 - radius, 263 + int(0.05 * radius) - radius, 2 * radius, 2 * radius]


def test_the_published_test_of_the_feet_is_lopsided():
    points = SAMPLE.copy()
    points[list(crop.FEET_PUBLISHED), 2] = 0
    assert not crop.feet_seen(points) and crop.feet_seen(points, as_published=False)


def test_upper_body_and_face():
    upper = crop.published_rect(SAMPLE, "upper")
    assert upper.tolist() == [249 - 113, 121 - 113, 226, 226]
    hidden = SAMPLE.copy()
    hidden[8, 2] = 0
    reach = np.hypot(*(SAMPLE[2, :2] - SAMPLE[1, :2])) / 0.3
    assert crop.published_rect(hidden, "upper")[2] == 2 * int(0.8 * reach)
    face, mended = (crop.published_rect(SAMPLE, "face", published) for published in (True, False))
    middle = SAMPLE[list(crop.FACE), :2].mean(axis=0)
    away = SAMPLE[list(crop.FACE), :2] - middle
    assert mended[2] == 2 * int(1.4 * np.hypot(*away.T).max())
    assert face[2] == 2 * int(1.4 * np.sqrt((away**2).sum(axis=0)).max())


def test_notebook_rule():
    points, confidence = schemes.convert(SAMPLE[:, :2], SAMPLE[:, 2], "body25", "coco18")
    points = np.column_stack([points, confidence])
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    assert crop.colab_rect(points, (512, 512))[2] == 2 * int(0.65 * max(high - low))
    points[[10, 13], 2] = 0
    assert (
        crop.colab_rect(points, (512, 512))[0] == int((226.047 + 281.782) / 2) - crop.colab_rect(points, (1, 1))[2] // 2
    )
    assert crop.colab_rect(np.zeros((18, 3)), (640, 480)).tolist() == [0, -80, 640, 640]


def test_points_that_are_not_there_are_told():
    for kind in crop.KINDS:
        with pytest.raises(BadInput, match="key points"):
            crop.published_rect(np.zeros((25, 3)), kind)
    with pytest.raises(BadInput, match="'legs'"):
        crop.published_rect(SAMPLE, "legs")
    with pytest.raises(BadInput, match="nobody"):
        crop.tallest([np.zeros((25, 3))])


def test_our_square_holds_the_person_with_a_margin():
    seen = observed(*standing(), slice(115, 295))
    rect = crop.person_rect(seen)
    assert rect[2] == rect[3] and abs(rect[2] - 1.3 * 180) <= 2
    assert np.allclose(rect[:2] + rect[2:] / 2, [300, 255], atol=1)


@pytest.mark.parametrize("hidden", ["ankle heel toe", "knee ankle heel toe", "hip knee ankle heel toe"])
def test_hidden_feet_are_where_a_standing_person_has_them(hidden):
    wanted, _ = standing()
    points, guessed = crop.with_hidden_legs(*standing(hidden))
    feet = schemes.indices("left_ankle", "right_ankle", "left_heel", "right_big_toe")
    assert guessed[feet].all() and np.abs(points[feet, 1] - wanted[feet, 1]).max() < 12
    whole = crop.person_rect(observed(*standing(), slice(115, 295)))
    cropped = crop.person_rect(observed(*standing(hidden), slice(115, 240)))
    assert abs(cropped[2] / whole[2] - 1) < 0.08


def test_cutting_pads_what_lies_beyond():
    pixels = np.random.default_rng(0).integers(1, 255, (20, 30, 3), dtype=np.uint8)
    out = crop.cut(pixels, np.array([-5, -3, 40, 40]))
    assert out.shape == (40, 40, 3) and np.array_equal(out[3:23, 5:35], pixels)
    assert out[:3].max() == 0 == out[:, :5].max() and out[23:].max() == 0 == out[:, 35:].max()
    assert (crop.cut(pixels, np.array([100, 100, 4, 4]), 128) == 128).all()
    assert crop.cut(pixels[..., 0], np.array([2, 2, 5, 5])).shape == (5, 5)


def test_transparency_is_laid_on_grey_without_wrapping():
    rgba = np.array([[[255, 255, 255, 128], [10, 20, 30, 255], [200, 0, 0, 0]]], np.uint8)
    out = crop.flattened(rgba)
    assert out.tolist() == [[[192, 192, 192], [10, 20, 30], [128, 128, 128]]]
    assert crop.flattened(rgba, premultiplied=True)[0, 0].tolist() == [255, 255, 255]
