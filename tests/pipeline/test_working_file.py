"""What a run has learned of a clip comes back to the bit, or not at all."""

from __future__ import annotations

import errno
from dataclasses import fields, replace

import numpy as np
import pytest

from drawn import BLUE, RED, observe, picture, placement
from maquette.core.errors import BadInput
from maquette.core.types import Frame
from maquette.perception.tracking.sighting import sighted
from maquette.perception.tracking.watch import Watched
from maquette.pipeline import working_file


@pytest.fixture
def learned():
    """Two people, the first fitted."""
    watched = Watched(empty={7: 0.28}, dropped=3, notes=("2 frames are damaged and left out",))
    for frame in range(5):
        seen = observe(Frame(picture((RED, 40), (BLUE, 90)), frame / 25, "drawn"))
        for track, one in enumerate(seen, 1):
            told = ("blurred: much",) if frame == 3 else ()
            watched.tracks.setdefault(track, []).append(sighted(replace(one, track=track), frame, told))
    return watched, {1: placement(5)}


def test_everything_comes_back(learned, tmp_path):
    working_file.save(tmp_path, "key", *learned)
    watched, placements = working_file.load(tmp_path, "key")
    assert (watched.empty, watched.dropped, watched.notes) == (
        learned[0].empty,
        learned[0].dropped,
        learned[0].notes,
    )
    assert list(watched.tracks) == [1, 2] and list(placements) == [1]
    for track, sights in learned[0].tracks.items():
        for one, again in zip(sights, watched.tracks[track], strict=True):
            for column in fields(one):
                old, new = getattr(one, column.name), getattr(again, column.name)
                assert type(old) is type(new) and np.array_equal(old, new), column.name
    for column in fields(placements[1]):
        np.testing.assert_array_equal(getattr(placements[1], column.name), getattr(learned[1][1], column.name))


def test_nobody_comes_back_too(tmp_path):
    working_file.save(tmp_path, "key", Watched(empty={0: 0.0}), {})
    assert working_file.load(tmp_path, "key")[0].tracks == {}


def test_another_key_damage_or_nothing_is_none(learned, tmp_path):
    assert working_file.load(tmp_path, "key") is None
    working_file.save(tmp_path, "key", *learned)
    assert working_file.load(tmp_path, "another") is None
    path = tmp_path / working_file.WORKING
    data = path.read_bytes()
    for broken in (b"", b"PK", data[: len(data) // 2], data[:200] + bytes(100) + data[300:]):
        path.write_bytes(broken)
        assert working_file.load(tmp_path, "key") is None


def test_forgetting_takes_half_written_files_too(learned, tmp_path):
    working_file.save(tmp_path, "key", *learned)
    (tmp_path / f".{working_file.WORKING}-0a0b").write_bytes(b"half")
    working_file.forget(tmp_path)
    assert not list(tmp_path.iterdir())
    working_file.forget(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "error, words",
    [(OSError(errno.ENOSPC, "No space"), "disk is full"), (PermissionError(13, "Permission denied"), "Permission")],
)
def test_a_file_is_whole_or_as_it_was(tmp_path, error, words):
    path = tmp_path / "deep" / "000001.ply"
    with working_file.whole(path) as file:
        file.write(b"first")
    with pytest.raises(BadInput, match=words), working_file.whole(path) as file:
        file.write(b"sec")
        raise error
    with pytest.raises(KeyboardInterrupt), working_file.whole(path) as file:
        raise KeyboardInterrupt
    assert path.read_bytes() == b"first" and [p.name for p in path.parent.iterdir()] == ["000001.ply"]
