"""A folder of pictures is a clip."""

import cv2
import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.core.options import VideoOptions
from maquette.outputs.reports.manifest import clip_identity
from maquette.sources.series import pictures_in
from maquette.sources.video import frames, frames_at, open_clip


@pytest.fixture
def folder(tmp_path):
    for k in range(1, 13):
        cv2.imwrite(str(tmp_path / f"{k}.png"), np.full((20, 30, 3), 10 * k, np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_pictures_come_in_the_order_of_their_numbers(folder):
    clip = open_clip(folder)
    assert (clip.size, clip.fps, clip.frames) == ((30, 20), 25, 12)
    seen = list(frames(clip))
    assert [index for index, _ in seen] == list(range(12))
    assert [int(frame.pixels[0, 0, 0]) for _, frame in seen] == [10 * k for k in range(1, 13)]
    assert [frame.time for _, frame in seen] == [k / 25 for k in range(12)]
    assert "12 pictures" in clip.notes[0]


def test_a_part_of_them(folder):
    clip = open_clip(folder, VideoOptions(start=0.16, every=3))
    assert [index for index, _ in frames(clip)] == [4, 7, 10]
    assert [index for index, _ in frames_at(clip, [9, 2])] == [2, 9]
    with pytest.raises(BadInput, match="no frame in seconds"):
        open_clip(folder, VideoOptions(start=9))


def test_damaged_and_odd_pictures_are_left_out(folder):
    (folder / "3.png").write_bytes(b"torn")
    cv2.imwrite(str(folder / "5.png"), np.zeros((10, 10, 3), np.uint8))
    clip = open_clip(folder)
    assert [index for index, _ in frames(clip)] == [0, 1, 3, *range(5, 12)]
    assert clip.lost == {2, 4} and "2 frames are damaged" in clip.notes[-1]


def test_a_folder_without_pictures_is_no_clip(tmp_path):
    assert pictures_in(tmp_path) == []
    with pytest.raises(BadInput, match="is a folder"):
        open_clip(tmp_path)
    (tmp_path / "1.jpg").write_bytes(b"torn")
    with pytest.raises(BadInput, match="none of its 1 pictures"):
        open_clip(tmp_path)


def test_a_changed_picture_is_another_clip(folder):
    before = clip_identity(folder)
    assert clip_identity(folder) == before
    cv2.imwrite(str(folder / "4.png"), np.zeros((21, 30, 3), np.uint8))
    assert clip_identity(folder) != before
