"""A clip of a real face: it is followed, leaves, comes back, and is found again behind a cut."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from clips import write_clip
from maquette.core.options import PerceptionOptions
from maquette.core.types import Frame
from maquette.perception.faces.search import find_faces
from maquette.perception.tracking import face_watch
from maquette.perception.tracking.face_follow import follow, sighted
from maquette.perception.tracking.face_watch import watch_faces
from maquette.sources.video import open_clip

SIZE = (320, 256)


@pytest.fixture(scope="module")
def portrait(astronaut):
    return np.asarray(Image.open(astronaut).convert("RGB"))


def shown(portrait, x, y=0.0, scale=0.5):
    """(256, 320, 3): the portrait in a grey room, its corner at (x, y)."""
    matrix = np.array([[scale, 0, x], [0, scale, y]])
    return cv2.warpAffine(portrait, matrix, SIZE, flags=cv2.INTER_AREA, borderValue=(90, 100, 110))


def watched(tmp_path, pictures):
    path = write_clip(tmp_path / "clip.mp4", pictures)
    return watch_faces(open_clip(path), tmp_path / "faces.bin", PerceptionOptions())


def test_a_moving_face_is_one_track_and_searched_for_seldom(tmp_path, portrait, monkeypatch):
    searches = []
    real = face_watch.faces_in
    monkeypatch.setattr(face_watch, "faces_in", lambda *given: searches.append(1) or real(*given))
    seen = watched(tmp_path, [shown(portrait, 2 * k) for k in range(12)])
    assert list(seen.tracks) == [1] and len(seen.tracks[1]) == 12 and not seen.empty
    assert len(searches) <= 4 < 12
    middles = seen.sightings(1).column("landmarks")[:, :, 0].mean(axis=1)
    assert np.abs(np.diff(middles) - 2).max() < 0.7, "as the picture moves, so the face"


def test_who_leaves_and_comes_back_behind_a_cut_is_the_same(tmp_path, portrait):
    empty = np.full((*SIZE[::-1], 3), 100, np.uint8)
    pictures = [shown(portrait, 0)] * 6 + [empty] * 5 + [shown(portrait, 80)] * 6
    seen = watched(tmp_path, pictures)
    assert list(seen.tracks) == [1] and len(seen.tracks[1]) >= 10
    assert set(seen.empty) >= {6, 7, 8} and seen.count == 17


def test_nothing_is_lost_of_a_clip_without_a_face(tmp_path):
    seen = watched(tmp_path, [np.full((*SIZE[::-1], 3), 100, np.uint8)] * 4)
    assert not seen.tracks and sorted(seen.empty) == [0, 1, 2, 3]


def test_a_face_is_followed_where_it_is_and_lost_where_it_is_not(portrait):
    first = Frame(shown(portrait, 0), 0.0)
    (face,) = find_faces(first.pixels)
    one = sighted(first, face, 0)
    assert one.detected > 0.9 and not any(one.shut) and one.width > 40
    here = follow(Frame(shown(portrait, 3), 0.04), replace(one, track=5), 1)
    assert here.track == 5 and here.frame == 1
    assert np.median(here.landmarks[:, 0] - one.landmarks[:, 0]) == pytest.approx(3, abs=0.5)
    assert follow(Frame(np.full_like(first.pixels, 100), 0.04), one, 1) is None
