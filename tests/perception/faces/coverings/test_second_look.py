"""Faces behind masks are found and read well; what only looks like one is not believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from skimage import data

from coverings import COLOURS, with_mask
from maquette.core.errors import NothingFound
from maquette.core.types import Frame
from maquette.perception.copies import Search, search_copy
from maquette.perception.faces import detect, search, verify
from maquette.perception.faces.coverings import second_look
from maquette.perception.faces.landmarker import find_landmarks
from maquette.perception.faces.observe import observe
from maquette.sources import photos


def first_seen(pixels):
    candidate = detect.candidates(Search(search_copy(pixels), 1, detect.SURE))[0]
    return candidate, find_landmarks(pixels, candidate)


def apart(face, landmarks):
    """Mean distance to other landmarks as share of the face's size."""
    return float(np.linalg.norm(face.landmarks[:, :2] - landmarks[:, :2], axis=1).mean() / face.size)


@pytest.fixture(scope="module")
def masked(sample):
    """The landmarks of the bare face, and the picture with a mask of each colour."""
    _, face = first_seen(sample)
    return face.landmarks, {name: with_mask(sample, face.landmarks, colour)[0] for name, colour in COLOURS.items()}


def test_landmarks_over_a_mask_are_read_in_a_larger_square(masked):
    landmarks, pictures = masked
    before, after = [], []
    for pixels in pictures.values():
        candidate, first = first_seen(pixels)
        before.append(apart(first, landmarks))
        after.append(apart(second_look.read_again(pixels, first, candidate), landmarks))
    assert max(after) < 0.04 and np.mean(after) < 0.9 * np.mean(before)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_refused_face_is_believed_by_its_eyes(masked, colour, monkeypatch):
    landmarks, pictures = masked
    monkeypatch.setattr(verify, "is_face", lambda *_: False)
    found = search.find_faces(pictures[colour])
    assert len(found) == 1 and apart(found[0], landmarks) < 0.05
    assert found[0].note == second_look.NOTE
    monkeypatch.setattr(second_look, "is_covered_face", lambda *_: False)
    candidate, first = first_seen(pictures[colour])
    assert search._believed(pictures[colour], first, candidate, "cpu") is None


def test_a_bare_face_is_not_covered(sample):
    _, face = first_seen(sample)
    assert not second_look.is_covered(sample, face)
    assert not second_look.is_covered(sample, replace(face, landmarks=face.landmarks + 5000))


def test_a_mask_on_nothing_is_no_face():
    """A cat's coat and cloth with a mask drawn where a face would have it."""
    cat = np.ascontiguousarray(data.chelsea())
    _, face = first_seen(np.ascontiguousarray(data.astronaut()))
    landmarks = (face.landmarks - face.landmarks.mean(axis=0)) * 1.5 + [cat.shape[1] / 2, cat.shape[0] / 2, 0]
    for colour in COLOURS.values():
        pixels, _ = with_mask(cat, landmarks, colour)
        assert not second_look.is_covered_face(pixels, replace(face, landmarks=landmarks), "cpu")
        with pytest.raises(NothingFound):
            observe(Frame(pixels))


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["05_mask_min.png", "05_mask_0129.jpg"])
def test_reported_masks_are_found(real_data, name):
    found = observe(photos.read(real_data / "reports" / name))
    assert len(found) == 1 and found[0].covered is not None


@pytest.mark.real_data
@pytest.mark.slow
def test_masks_of_four_colours_on_real_photos_are_found(real_data):
    """All but a profile whose other eye is behind a fringe."""
    missed, off = [], []
    for path in sorted((real_data / "faces").iterdir()):
        pixels = photos.read(path).pixels
        face = max(search.find_faces(pixels), key=lambda one: one.size)
        for colour in COLOURS.values():
            found = search.find_faces(with_mask(pixels, face.landmarks, colour)[0])
            close = [apart(one, face.landmarks) for one in found if one.lies_at(face.box)]
            missed += [] if close else [path.name]
            off += close
    assert set(missed) <= {"deca_exp_1.jpg"}
    # One of 56, red before burnt-out skin, is refused upright and then found on the copy that stands on its head.
    assert np.median(off) < 0.035 and np.mean(np.array(off) > 0.12) < 0.02


@pytest.mark.real_data
@pytest.mark.slow
def test_animals_stay_unfound(real_data):
    for path in sorted((real_data / "pets").glob("*.jpg")):
        assert not search.find_faces(photos.read(path).pixels), path.name
