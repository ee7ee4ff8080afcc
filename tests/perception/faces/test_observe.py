"""Finding faces and cutting them out: counts, geometry, rescues, refusals."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from maquette.core.errors import NothingFound
from maquette.core.options import PerceptionOptions
from maquette.core.types import Frame, Subject
from maquette.perception.affine import apply, warp
from maquette.perception.copies import Copy, turned
from maquette.perception.faces import search, topology
from maquette.perception.faces.observe import facing, observe
from maquette.perception.faces.search import find_faces

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


@pytest.mark.parametrize("width", [41, 60])
def test_small_faces(sample, full_landmarks, width):
    factor = width / 92.0
    small = enlarged(sample, factor)
    found = observe(Frame(small), PerceptionOptions(min_face=38))
    assert len(found) == 1
    # The regressor is preferred on small faces, and its points are not quite the detector's.
    assert disagreement(to_full(found[0]) * 512 / small.shape[1], full_landmarks) < 0.06
    assert found[0].reading.alone == any("pixels across" in note for note in found[0].notes) == (width == 41)


def test_needle_in_a_haystack(sample, full_landmarks):
    hay = np.full((1500, 2000, 3), 90, np.uint8)
    small = enlarged(sample, 0.6)
    hay[700 : 700 + len(small), 1100 : 1100 + len(small)] = small
    found = observe(Frame(hay))
    assert len(found) == 1
    assert disagreement((to_full(found[0]) - [1100, 700]) * 512 / len(small), full_landmarks) < 0.03


@pytest.mark.parametrize("degrees", [30, -90, 180])
def test_turned_photos(sample, full_landmarks, degrees):
    copy = turned(Copy(sample, np.eye(2, 3)), degrees)
    found = observe(Frame(copy.pixels))
    assert len(found) == 1
    assert disagreement(apply(copy.to_full, to_full(found[0])), full_landmarks) < 0.04
    if degrees == 180:
        assert found[0].notes == ("found on a copy that was turned by 180 degrees",)


@pytest.mark.parametrize("light", [0.1, 0.04])
def test_dark_photos(sample, full_landmarks, light):
    found = observe(Frame((sample * light).astype(np.uint8)))
    assert len(found) == 1
    assert disagreement(to_full(found[0]), full_landmarks) < 0.065
    assert found[0].reading.alone and any("the face is dark" in note for note in found[0].notes)


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


@pytest.mark.parametrize("name", ["chelsea", "coffee", "brick", "rocket"])
def test_pictures_without_faces(name):
    pixels = getattr(data, name)()
    pixels = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels
    with pytest.raises(NothingFound, match=r"^a\.png: no face found.*: use ") as caught:
        observe(Frame(pixels, origin="some/folder/a.png"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 300, 3), (64, 64, 3)])
def test_degenerate_pictures(shape):
    with pytest.raises(NothingFound):
        observe(Frame(np.zeros(shape, np.uint8)))


def test_too_small_says_how_small(sample):
    with pytest.raises(NothingFound, match=r"face too small: 2\d px wide, at least 40 are needed: use"):
        observe(Frame(enlarged(sample, 24 / 92)))


def test_a_good_photo_pays_for_no_rescue(sample, monkeypatch):
    def refuse(*_):
        raise AssertionError("a rescue was tried")

    monkeypatch.setattr(search, "brightened", refuse)
    monkeypatch.setattr(search, "turned", refuse)
    assert len(find_faces(sample)) == 1


def test_facing_falls_on_the_side_that_turns_away(seen):
    """Turn the mesh of landmarks itself by 60 degrees: the far cheek faces away, the near one does not."""
    landmarks = seen.landmarks - seen.landmarks.mean(axis=0)
    c, s = np.cos(np.radians(60)), np.sin(np.radians(60))
    turned = facing(landmarks @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]))
    right, left = turned[list(topology.RIGHT_CHEEK)].mean(), turned[list(topology.LEFT_CHEEK)].mean()
    assert min(right, left) < 0.25 and max(right, left) > 0.7
    straight = facing(landmarks)
    assert straight[list(topology.RIGHT_CHEEK + topology.LEFT_CHEEK)].min() > 0.2


def test_covered_landmarks_count_less(sample, seen, full_landmarks):
    covered = sample.copy()
    x, y = full_landmarks[list(topology.LEFT_CHEEK)].mean(axis=0).astype(int)
    cv2.circle(covered, (int(x), int(y)), 14, (30, 90, 40), -1)
    hidden = observe(Frame(covered))[0]
    inner = [280, 352, 411, 425]
    assert hidden.landmark_confidence[inner].mean() < 0.8 * seen.landmark_confidence[inner].mean()


COUNTS = {"group/two.jpg": 2, "group/three.jpg": 3}


@pytest.mark.real_data
def test_real_photos_show_the_right_number_of_faces(real_data):
    from maquette.sources.photos import read

    wrong = {}
    photos = [p for folder in ("faces", "group", "multiview") for p in sorted((real_data / folder).iterdir())]
    assert len(photos) > 15
    for path in photos:
        found = find_faces(read(path).pixels)
        wanted = COUNTS.get(f"{path.parent.name}/{path.name}", 1)
        if len(found) != wanted or any(face.note for face in found):
            wrong[path.name] = [face.note for face in found]
    assert not wrong


@pytest.mark.real_data
@pytest.mark.slow
def test_real_pets_have_no_human_face(real_data):
    from maquette.sources.photos import read

    human = [p.name for p in sorted((real_data / "pets").glob("*.jpg")) if find_faces(read(p).pixels)]
    assert not human
