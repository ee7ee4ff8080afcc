"""Small faces observed again, enlarged: what is enlarged, and that everything stays in pixels of the photo."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage import data

from maquette.core.errors import BadInput, NothingFound
from maquette.core.options import PerceptionOptions, options_from
from maquette.core.result import Result
from maquette.core.types import Frame, Subject
from maquette.imaging.upscale.method import advised
from maquette.outputs.reports.landmarks import to_photo
from maquette.perception.faces import enlarge
from maquette.perception.faces.observe import observe as perceive
from maquette.pipeline import photo

FACE = 92.0  # pixels across the sample's face
TOLERANCE = 0.04  # of the face's width: landmarks of the same face read at two sizes


def small(width: float) -> np.ndarray:
    """The sample's head and shoulders with a face of about so many pixels."""
    part = data.astronaut()[0:300, 80:380]
    side = round(300 * width / FACE)
    return cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA)


def points(face):
    """(468, 2) landmarks in pixels of the photo."""
    return to_photo(face, face.landmarks[:468, :2])


@pytest.fixture(scope="module")
def frame() -> Frame:
    return Frame(small(60), origin="astronaut.png", focal=200.0)


@pytest.fixture(scope="module")
def far(frame):
    return enlarge.observe_enlarged(frame, PerceptionOptions(upscale="off"))[0]


@pytest.fixture(scope="module")
def near(frame):
    return enlarge.observe_enlarged(frame, PerceptionOptions(upscale="4"))[0]


def enlargement(face) -> list[str]:
    return [note for note in face.notes if "enlarge" in note]


def test_off_is_perception_alone(frame, far):
    seen = perceive(frame, PerceptionOptions())[0]
    assert np.array_equal(seen.landmarks, far.landmarks) and np.array_equal(seen.box, far.box)
    assert np.array_equal(seen.frame.pixels, far.frame.pixels) and seen.notes == far.notes


def test_an_enlarged_face_is_in_pixels_of_the_photo(frame, far, near):
    width = np.ptp(points(far)[:, 0])
    assert near.full_size == frame.size == far.full_size
    assert np.abs(near.box - far.box).max() < 0.1 * width
    assert np.all(near.box[:2] >= 0) and np.all(near.box[2:] <= frame.size)
    assert np.array_equal(near.frame.size, np.round(4 * (near.box[2:] - near.box[:2])))
    assert near.mask.shape == near.skin.shape == near.frame.pixels.shape[:2]
    assert np.linalg.norm(points(near) - points(far), axis=1).mean() < TOLERANCE * width


def test_the_note_says_so(far, near):
    (note,) = enlargement(near)
    assert note == f"face of {enlarge.face_width(far):.0f} pixels enlarged 4 times (espcn): its detail is guessed"


def test_the_camera_sees_the_same_rays(far, near):
    """A point of the photo lies in the same direction through both cameras."""
    directions = []
    for face in (far, near):
        scale = face.frame.size[0] / (face.box[2] - face.box[0])
        pixel = np.append((np.array([31.0, 57.0]) - face.box[:2]) * scale, 1)
        directions.append(np.linalg.solve(face.camera.intrinsics, pixel))
    assert np.allclose(*directions)
    assert far.camera.intrinsics[0, 0] == pytest.approx(200) and near.camera.intrinsics[0, 0] == pytest.approx(800)
    assert near.camera.size == near.frame.size


def test_no_camera_without_a_focal_length(frame):
    assert enlarge.observe_enlarged(replace(frame, focal=None), PerceptionOptions(upscale="2"))[0].camera is None


def test_auto_follows_the_width_of_the_face(monkeypatch, far):
    asked = []
    monkeypatch.setattr(enlarge, "perceive", lambda *_: [far])
    monkeypatch.setattr(enlarge, "enlarge", lambda _frame, face, _options, factor: asked.append(factor) or face)
    enlarge.observe_enlarged(far.frame, PerceptionOptions())
    assert asked == [factor for factor in [advised(enlarge.face_width(far))] if factor > 1]
    monkeypatch.setattr(enlarge, "advised", lambda _: 1)
    enlarge.observe_enlarged(far.frame, PerceptionOptions())
    enlarge.observe_enlarged(far.frame, PerceptionOptions(upscale="2"))
    assert asked[-1] == 2 and len(asked) <= 2


def test_the_width_does_not_change_with_the_turn_of_the_picture(far):
    turn = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    turned = replace(far, landmarks=far.landmarks @ turn.T)
    assert enlarge.face_width(turned) == pytest.approx(enlarge.face_width(far))
    assert enlarge.face_width(far) == pytest.approx(np.ptp(points(far)[:, 0]), rel=0.1)


def test_large_faces_are_left_as_they_are():
    large = Frame(cv2.resize(data.astronaut()[0:300, 80:380], (600, 600), interpolation=cv2.INTER_CUBIC))
    (seen,) = enlarge.observe_enlarged(large, PerceptionOptions())
    (alone,) = perceive(large, PerceptionOptions())
    assert np.array_equal(seen.landmarks, alone.landmarks) and not enlargement(seen)


def test_a_crop_never_grows_beyond_an_observations(monkeypatch, frame, far):
    """Enlarging a portrait of 20 megapixels four times would ask for 20 gigabytes, and be shrunk again."""
    monkeypatch.setattr(enlarge, "CROP_LIMIT", int((far.box[2:] - far.box[:2]).max() * 3))
    halved = enlarge.enlarge(frame, far, PerceptionOptions(), 4)
    assert any("enlarged 2 times" in note for note in halved.notes)
    monkeypatch.setattr(enlarge, "CROP_LIMIT", 10)
    kept = enlarge.enlarge(frame, far, PerceptionOptions(), 4)
    assert np.array_equal(kept.landmarks, far.landmarks) and "large enough" in kept.notes[-1]


def test_a_face_below_the_smallest_is_taken_where_there_is_no_larger_one():
    tiny = Frame(small(30), origin="tiny.png")
    with pytest.raises(NothingFound, match="too small"):
        enlarge.observe_enlarged(tiny, PerceptionOptions(upscale="off"))
    (face,) = enlarge.observe_enlarged(tiny, PerceptionOptions())
    assert face.full_size == tiny.size and enlarge.face_width(face) < 40


def test_two_faces_of_different_size_each_by_itself():
    """Neighbours lie in each other's surroundings and are not taken for one another."""
    wide = np.full((320, 480, 3), 120, np.uint8)
    wide[:300, :300] = small(FACE)
    wide[60:240, 300:] = small(FACE * 180 / 300)
    frame, off = Frame(wide, origin="two.png"), PerceptionOptions(upscale="off")
    alone = enlarge.observe_enlarged(frame, off)
    faces = enlarge.observe_enlarged(frame, PerceptionOptions(upscale="2", max_faces=2))
    assert len(faces) == len(alone) == 2
    for face, same in zip(faces, alone):
        assert np.linalg.norm(points(face) - points(same), axis=1).mean() < TOLERANCE * np.ptp(points(same)[:, 0])
    assert np.ptp(points(faces[0])[:, 0]) > 1.4 * np.ptp(points(faces[1])[:, 0])


def test_an_enlargement_that_shows_another_face_is_not_taken(monkeypatch, frame, far):
    another = replace(far, box=far.box + 400.0)
    monkeypatch.setattr(enlarge, "perceive", lambda *_: [another])
    kept = enlarge.enlarge(frame, far, PerceptionOptions(), 2)
    assert np.array_equal(kept.landmarks, far.landmarks) and "not found again" in kept.notes[-1]
    monkeypatch.setattr(enlarge, "perceive", nothing)
    assert "not found again" in enlarge.enlarge(frame, far, PerceptionOptions(), 2).notes[-1]


def nothing(*_):
    raise NothingFound("no face found")


def test_nothing_stays_nothing():
    with pytest.raises(NothingFound, match=r"grey\.png: no face found"):
        enlarge.observe_enlarged(Frame(np.full((64, 64, 3), 120, np.uint8), origin="grey.png"), PerceptionOptions())


@pytest.mark.parametrize("value", ["3", "on", "", "4x"])
def test_another_word_is_refused(value):
    with pytest.raises(BadInput, match=f"upscale '{value}': wanted auto, off, 2, 4"):
        PerceptionOptions(upscale=value)


def test_another_factor_or_method_is_refused(frame, far):
    with pytest.raises(BadInput, match="factor 3: wanted 2 or 4"):
        enlarge.enlarge(frame, far, PerceptionOptions(), 3)
    with pytest.raises(BadInput, match="method 'magic': wanted nearest"):
        enlarge.enlarge(frame, far, PerceptionOptions(), 2, "magic")


@pytest.mark.usefixtures("stand_ins")
def test_the_note_reaches_the_report(monkeypatch, tmp_path, near):
    cv2.imwrite(str(tmp_path / "small.png"), small(60)[..., ::-1])
    monkeypatch.setitem(photo.OBSERVERS, Subject.FACE, enlarge.observe_enlarged)
    (outcome,) = photo.reconstruct([tmp_path / "small.png"], options_from(upscale="4"))
    assert isinstance(outcome, Result)
    assert set(enlargement(near)) <= set(outcome.report["warnings"])
