"""Finding faces: small, turned and dark ones, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from maquette.core.errors import NothingFound
from maquette.core.options import PerceptionOptions
from maquette.core.types import Frame
from maquette.perception.affine import apply
from maquette.perception.copies import Copy, turned
from maquette.perception.faces import search
from maquette.perception.faces.observe import observe
from maquette.perception.faces.search import find_faces

from ..conftest import disagreement, enlarged, to_full


@pytest.mark.parametrize("width", [41, 60])
def test_small_faces(sample, full_landmarks, width):
    factor = width / 92.0
    small = enlarged(sample, factor)
    found = observe(Frame(small), PerceptionOptions(min_face=38))
    assert len(found) == 1
    # The regressor is preferred on small faces, and its points are not quite those of the detector.
    assert disagreement(to_full(found[0]) * 512 / small.shape[1], full_landmarks) < 0.07
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
    assert disagreement(to_full(found[0]), full_landmarks) < 0.075
    assert found[0].reading.alone and any("the face is dark" in note for note in found[0].notes)


@pytest.mark.parametrize("name", ["chelsea", "coffee", "brick", "rocket"])
def test_pictures_without_faces(name):
    pixels = getattr(data, name)()
    pixels = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels
    with pytest.raises(NothingFound, match=r"^a\.png: no face found.*: use ") as caught:
        observe(Frame(pixels, origin="some/folder/a.png"))
    assert "\n" not in str(caught.value)


def test_a_good_photo_pays_for_no_rescue(sample, monkeypatch):
    def refuse(*_):
        raise AssertionError("a rescue was tried")

    monkeypatch.setattr(search, "brightened", refuse)
    monkeypatch.setattr(search, "turned", refuse)
    assert len(find_faces(sample)) == 1


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
