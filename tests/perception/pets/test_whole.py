"""From a picture to observations of its whole animals."""

import numpy as np
import pytest
from skimage import data

from maquette.core.errors import NothingFound
from maquette.core.options import PerceptionOptions
from maquette.core.types import Frame, Subject
from maquette.perception.pets.schemes import NOSE, SCHEME
from maquette.perception.pets.whole import cut_sides, observe_whole_pets


@pytest.fixture(scope="module")
def cat():
    return np.ascontiguousarray(data.chelsea())


def test_a_cat_that_the_photo_cuts_is_seen_whole_and_said_so(cat):
    (one,) = observe_whole_pets(Frame(cat, origin="cat.png", focal=900.0))
    assert one.subject is Subject.PET and one.landmark_scheme == SCHEME and one.species["cat"] > 0.8
    nose = one.landmarks[NOSE, :2] * (one.box[2] - one.box[0]) / one.frame.size[0] + one.box[:2]
    assert np.linalg.norm(nose - [257, 245]) < 30 and one.landmark_confidence.max() > 0.5
    assert one.camera is not None and (one.mask > 0.5).mean() > 0.3
    assert any("the photo cuts the animal" in note for note in one.notes)


def test_small_and_absent_animals_are_one_line(cat):
    with pytest.raises(NothingFound, match="no animal found"):
        observe_whole_pets(Frame(np.full((200, 300, 3), 127, np.uint8)))
    with pytest.raises(NothingFound, match="a person"):
        observe_whole_pets(Frame(np.ascontiguousarray(data.astronaut())))
    with pytest.raises(NothingFound, match="too small: .* at least 2000 are needed"):
        observe_whole_pets(Frame(cat), PerceptionOptions(min_face=2000))


def test_no_more_than_asked(cat):
    pair = np.concatenate([cat, np.full((300, 120, 3), 110, np.uint8), cat], axis=1)
    (one,) = observe_whole_pets(Frame(pair), PerceptionOptions(max_faces=1))
    assert any("--max-faces" in note for note in one.notes)


def test_which_sides_cut():
    mask = np.zeros((100, 200), np.float32)
    mask[20:, 50:120] = 1
    box = np.array([0.0, 0, 200, 100])
    assert cut_sides(mask, box, (200, 100)) == ("bottom",)
    assert cut_sides(mask, box, (400, 300)) == ()
    mask[40:60, 100:] = 1
    assert cut_sides(mask, box, (200, 100)) == ("right", "bottom")
