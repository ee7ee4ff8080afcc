"""Clips for DECA's training: prepared once, one face after another, and examples that follow from their number."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from deca_by_seed import PHOTO, observed
from maquette.core.errors import BadInput, NothingFound
from maquette.core.types import Frame, Subject
from maquette.training.datasets import deca_clips
from maquette.training.datasets.deca_clips import DecaClips, SeenFace, listed, nearest, prepare, shots, split


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Photos of one person in a folder, and a photo beside it, each with the twin's face."""
    (tmp_path / "in" / "someone").mkdir(parents=True)
    for name in ("someone/a.png", "someone/b.png", "alone.png"):
        cv2.imwrite(str(tmp_path / "in" / name), np.zeros((8, 8, 3), np.uint8))
    monkeypatch.setitem(deca_clips.OBSERVERS, Subject.FACE, lambda *_: [observed()])
    return tmp_path


def test_every_folder_and_photo_becomes_a_file_once(folder):
    written = prepare(folder / "in", folder / "data")
    assert [path.name for path in written] == ["alone.png-000.safetensors", "someone-000.safetensors"]
    times = [path.stat().st_mtime_ns for path in written]
    assert prepare(folder / "in", folder / "data") == written
    assert [path.stat().st_mtime_ns for path in written] == times, "what is there is left alone"
    rows = listed(folder / "data")
    assert [row[1:] for row in rows] == [(1, False), (2, False)]


def test_an_example_follows_from_its_number(folder):
    prepare(folder / "in", folder / "data")
    data = DecaClips(listed(folder / "data"), 2, 3, 7)
    first, again, other = data.batch(4), data.batch(4), data.batch(5)
    shapes = {"images": (3, 2, 3, 224, 224), "masks": (3, 2, 1, 224, 224), "marks": (3, 2, 68, 2), "order": (3, 2)}
    for name, shape in shapes.items():
        assert first[name].shape == shape and np.array_equal(first[name], again[name])
    assert not np.array_equal(first["marks"], other["marks"])
    assert (np.sort(first["order"], axis=1) == [0, 1]).all()


def test_landmarks_fill_their_share_of_the_crop(folder):
    prepare(folder / "in", folder / "data")
    for row in DecaClips(listed(folder / "data"), 2, 8, 0).batch(0)["marks"]:
        extent = np.ptp(row, axis=1).mean(axis=1) / 2  # of the crop
        assert (extent > 1 / 1.85).all() and (extent < 1 / 1.35).all()
        assert np.ptp(extent) < 1e-3, "one size for all frames of an example"
        np.testing.assert_allclose((row.min(1) + row.max(1)) / 2, 0, atol=0.02)


def test_marks_lie_on_the_picture(monkeypatch, tmp_path):
    """A white dot at each landmark stays under it."""
    seen = observed()
    pixels = np.zeros_like(seen.frame.pixels)
    marks = deca_clips.landmarks68(seen)
    for x, y in marks:
        cv2.circle(pixels, (round(x - 0.5), round(y - 0.5)), 4, (255, 255, 255), -1)
    bright = deca_clips.placed(0, type(seen)(**{**vars(seen), "frame": Frame(pixels)}))
    rows = deca_clips.rows_of([bright], False)
    for x, y in np.round(rows["marks"][0]).astype(int):
        assert rows["crops"][0, y, x].max() > 200


def face(number: int, x: float, size: float = 100.0) -> SeenFace:
    return SeenFace(number, observed(), np.array([x, 0, size]))


def test_the_nearest_face_goes_on():
    assert nearest([face(0, 0, 50), face(0, 300, 90)], None).place[0] == 300, "the largest at first"
    assert nearest([face(0, 0), face(0, 300)], np.array([20.0, 0, 100])).place[0] == 0
    assert nearest([face(0, 100)], np.array([0.0, 0, 100])) is None and nearest([], None) is None


def test_a_cut_or_nobody_begins_another_shot(monkeypatch):
    places = [0, 5, None, 9, 200, 204]

    def look(frame, _):
        x = places[int(frame.time)]
        if x is None:
            raise NothingFound("nobody")
        return [(int(frame.time), x)]

    monkeypatch.setitem(deca_clips.OBSERVERS, Subject.FACE, look)
    monkeypatch.setattr(deca_clips, "placed", lambda number, seen: face(number, seen[1]))
    frames = [(k, Frame(np.zeros((4, 4, 3), np.uint8), time=float(k))) for k in range(6)]
    assert [[one.number for one in shot] for shot in shots(iter(frames), True)] == [[0, 1], [3], [4, 5]]
    assert [[one.number for one in shot] for shot in shots(iter(frames), False)] == [[0, 1, 3, 4, 5]]


def test_the_path_of_a_clip_is_smooth():
    shake = [SeenFace(k, observed(), np.array([320 + (-1) ** k * 8, 240.0, 200])) for k in range(12)]
    plain, smooth = (deca_clips.rows_of(shake, follows)["marks"] for follows in (False, True))
    assert np.abs(np.diff(smooth[:, 30, 0])).max() < 0.2 * np.abs(np.diff(plain[:, 30, 0])).max()
    assert observed().frame.size == PHOTO


def test_files_are_held_out_and_others_refused(tmp_path):
    rows = [(tmp_path / str(k), 1, True) for k in range(12)]
    learned, held = split(rows)
    assert len(learned) == 10 and len(held) == 2 and not {*learned} & {*held}
    assert split(rows[:1]) == (rows[:1], rows[:1])
    with pytest.raises(BadInput, match="--prepare"):
        listed(tmp_path)
    with pytest.raises(BadInput, match="there is none"):
        prepare(tmp_path / "nowhere", tmp_path)
