"""Finding faces and cutting them out: counts, geometry, rescues, refusals."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from coverings import with_mask
from maquette.core.errors import NothingFound
from maquette.core.options import PerceptionOptions
from maquette.core.types import Frame, Subject
from maquette.perception.affine import warp
from maquette.perception.faces import observe as module
from maquette.perception.faces import topology
from maquette.perception.faces.observe import observe

from ..conftest import disagreement, enlarged, eye_distance, to_full


def test_one_face_completely_described(sample, seen):
    frame = Frame(sample)
    assert len(observe(frame)) == 1
    height, width = seen.frame.pixels.shape[:2]
    assert seen.subject is Subject.FACE and seen.landmark_scheme == "mediapipe478"
    assert seen.landmarks.shape == (478, 3) and seen.full_size == (512, 512)
    assert seen.frame.origin == "astronaut.png" and seen.notes == () and seen.camera is None
    assert seen.mask.shape == seen.skin.shape == (height, width)
    assert 0.8 < seen.confidence <= 1
    assert (seen.landmark_confidence >= 0).all() and (seen.landmark_confidence <= 1).all()
    x0, y0, x1, y1 = seen.box.astype(int)
    assert np.array_equal(seen.frame.pixels, sample[y0:y1, x0:x1])


def test_landmarks_lie_on_the_features(full_landmarks):
    """Positions read off the enlarged picture by eye, within a tenth of the eye distance."""
    by_eye = {468: (203, 101), 473: (246.5, 103), 4: (224, 127), 61: (203, 140), 291: (245, 141), 152: (225, 179)}
    for index, place in by_eye.items():
        off = np.linalg.norm(full_landmarks[index] - place)
        assert off < eye_distance(full_landmarks) / 10, (index, full_landmarks[index])


def test_depth_is_in_crop_pixels_with_the_nose_in_front(seen):
    z = seen.landmarks[:, 2]
    relief = z[[topology.RIGHT_CHEEKBONE, topology.LEFT_CHEEKBONE]].mean() - z[1]
    assert 0.4 < relief / eye_distance(seen.landmarks) < 2.0


def test_crop_holds_hair_ears_and_neck(seen, full_landmarks):
    extent = np.ptp(full_landmarks, axis=0).max()
    sides = seen.box[2:] - seen.box[:2]
    assert (sides <= 2.4 * extent).all() and sides[0] >= 2.1 * extent
    assert seen.box[3] - full_landmarks[:, 1].max() > 0.4 * extent


def test_what_covers_a_face_is_looked_for_once(sample, full_landmarks, monkeypatch):
    """A face that was found bare is not asked again when it is cut out; a covered one is."""
    asked, original = [], module.covered_region
    monkeypatch.setattr(module, "covered_region", lambda *given: (asked.append(1), original(*given))[1])
    assert observe(Frame(sample))[0].covered is None and not asked
    masked = with_mask(sample, np.column_stack([full_landmarks, np.zeros(478)]), (110, 205, 190))[0]
    assert observe(Frame(masked))[0].covered is not None and asked


def test_large_crops_are_capped(portrait):
    factor = 12.0
    frame = Frame(enlarged(portrait, factor))
    small, large = observe(Frame(portrait))[0], observe(frame)[0]
    assert max(large.frame.size) == 2048
    assert np.ptp(large.box[[0, 2]]) > 2048
    assert disagreement(to_full(large) / factor, to_full(small)) < 0.01


def test_focal_length_becomes_the_camera_of_the_crop(sample):
    seen = observe(Frame(sample, focal=700.0))[0]
    camera = seen.camera
    assert camera.size == seen.frame.size and np.array_equal(camera.world_to_camera, np.eye(4))
    assert camera.intrinsics[0, 0] == camera.intrinsics[1, 1] == 700
    assert np.allclose(camera.intrinsics[:2, 2] + seen.box[:2], [256, 256])


def test_mirrored_photo_gives_mirrored_landmarks(sample, full_landmarks):
    found = observe(Frame(np.ascontiguousarray(sample[:, ::-1])))[0]
    back = to_full(found)[topology.mirror()]
    back[:, 0] = 512 - back[:, 0]
    assert disagreement(back, full_landmarks) < 0.02


def test_moving_the_photo_moves_the_landmarks(sample, full_landmarks):
    """Jitter: sub-pixel shifts of the photo may not show as noise."""
    strays = []
    for shift in ([0.3, 0.7], [5.5, 2.5], [-7.3, 4.9]):
        matrix = np.column_stack([np.eye(2), shift])
        moved = observe(Frame(warp(sample, matrix, (512, 512))))[0]
        strays.append(disagreement(to_full(moved) - shift, full_landmarks))
    assert np.median(strays) < 0.012


def test_group_from_left_to_right(portrait):
    """Three of different size, the largest in the middle; all are found and ordered, each mask holds only its own."""
    group = np.full((420, 1000, 3), (120, 140, 150), np.uint8)
    for x, factor in ((20, 0.8), (300, 1.3), (720, 0.9)):
        copy = enlarged(portrait, factor)
        group[: len(copy), x : x + copy.shape[1]] = copy
    found = observe(Frame(group))
    assert len(found) == 3
    centres = [np.mean(one.box[[0, 2]]) for one in found]
    assert centres == sorted(centres)
    for one, others in ((found[0], found[1:]), (found[1], [found[0], found[2]])):
        for other in others:
            x, y = (to_full(other)[1] - one.box[:2]).astype(int)
            if 0 <= x < one.mask.shape[1] and 0 <= y < one.mask.shape[0]:
                assert one.mask[y, x] < 0.3
    limited = observe(Frame(group), PerceptionOptions(max_faces=1))
    assert len(limited) == 1 and abs(np.mean(limited[0].box[[0, 2]]) - centres[1]) < 2


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 300, 3), (64, 64, 3)])
def test_degenerate_pictures(shape):
    with pytest.raises(NothingFound):
        observe(Frame(np.zeros(shape, np.uint8)))


def test_too_small_says_how_small(sample):
    with pytest.raises(NothingFound, match=r"face too small: 2\d px wide, at least 40 are needed: use"):
        observe(Frame(enlarged(sample, 24 / 92)))


def test_covered_landmarks_count_less(sample, seen, full_landmarks):
    covered = sample.copy()
    x, y = full_landmarks[list(topology.LEFT_CHEEK)].mean(axis=0).astype(int)
    cv2.circle(covered, (int(x), int(y)), 14, (30, 90, 40), -1)
    hidden = observe(Frame(covered))[0]
    inner = [280, 352, 411, 425]
    assert hidden.landmark_confidence[inner].mean() < 0.8 * seen.landmark_confidence[inner].mean()


def test_a_covering_and_other_people_are_neither_skin_nor_shown(sample, seen, full_landmarks):
    """A mask, and a second head before the first one's body: neither is the subject's."""
    assert seen.covered is None and seen.shown is seen.mask
    landmarks = np.column_stack([full_landmarks, np.zeros(478)])
    masked = observe(Frame(with_mask(sample, landmarks, (110, 205, 190))[0]))[0]
    mouth = masked.landmarks[13, :2].astype(int)
    assert masked.covered[mouth[1], mouth[0]] == 1 and masked.shown[mouth[1], mouth[0]] == 0
    assert masked.skin[masked.covered > 0.9].max() < 0.1
    head = np.zeros((512, 512, 1), np.float32)
    cv2.ellipse(head, ((222.0, 112.0), (150.0, 230.0), 0.0), (1,), -1)
    both, shift = sample.astype(np.float32), 130
    both[shift:] += head[:-shift] * (sample[:-shift] - both[shift:])
    found = observe(Frame(both.astype(np.uint8)))
    assert len(found) == 2
    upper, lower = sorted(found, key=lambda one: one.box[1] + one.landmarks[:, 1].mean())
    known = 0
    for one, other in ((upper, lower), (lower, upper)):
        points = other.landmarks[list(topology.FOREHEAD + topology.NOSE), :2] + other.box[:2] - one.box[:2]
        x, y = points[((points >= 0) & (points < one.frame.size)).all(axis=1)].astype(int).T
        known += len(x)
        assert one.shown[y, x].max(initial=0) < 0.1 and one.skin[y, x].max(initial=0) < 0.1
        own = one.landmarks[list(topology.FOREHEAD + topology.NOSE), :2].astype(int)
        assert np.median(one.shown[own[:, 1], own[:, 0]]) > 0.9
    assert known > 0, "each other's faces are in the crops"
