"""What a run has learned of a clip comes back to the bit, or not at all."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from clips import write_clip
from drawn import BLUE, RED, observe, picture, placement, standing
from left_over import left_over
from maquette.core.job import Job, silent
from maquette.core.options import Options, options_from
from maquette.core.types import Frame, Mesh, Reconstruction
from maquette.perception.tracking.sighting import sighted
from maquette.perception.tracking.watch import Watched
from maquette.pipeline import clip_memory
from maquette.pipeline.clip_memory import Memory
from maquette.reconstruction.body_fit import method as body


@pytest.fixture
def watched():
    """Two people."""
    found = Watched(empty={7: 0.28}, notes=("2 frames are damaged and left out",))
    for frame in range(5):
        seen = observe(Frame(picture((RED, 40), (BLUE, 90)), frame / 25, "drawn"))
        for track, one in enumerate(seen, 1):
            flags = ("blurred: much",) if frame == 3 else ()
            found.tracks.setdefault(track, []).append(sighted(replace(one, track=track), frame, flags))
    return found


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "walk.mp4", standing(2))


JOB = Job("walk", ["walk.mp4"], silent)


class Known:
    """A clip whose frames are counted."""

    selected = range(5)


class Person:
    """A subject whose method is slow; counts how often it was asked."""

    def __init__(self, watched, made):
        self.sightings, self.made, self.asked = watched.tracks[1], made, 0

    def reconstructed(self, progress):
        self.asked += 1
        return self.made


def moving(watched, **changes):
    frames = [one.observation() for one in watched.tracks[1]]
    return replace(body.assembled(placement(5), frames, Options().body), **changes)


def same(one, again):
    assert type(one) is type(again)
    for column in fields(one):
        old, new = getattr(one, column.name), getattr(again, column.name)
        if column.name in ("shape", "pose") and old is not None:
            same(old, new)
        elif column.name == "cameras":
            for a, b in zip(old, new, strict=True):
                same(a, b)
        elif column.name == "parameters":
            assert {n: v.tolist() for n, v in old.items()} == {n: v.tolist() for n, v in new.items()}
        elif column.name != "provenance":
            equal = np.array_equal(old, new, equal_nan=True) if isinstance(old, np.ndarray) else old == new
            assert equal and type(old) is type(new), column.name


def test_sightings_come_back(watched, clip, tmp_path, monkeypatch):
    monkeypatch.setattr(clip_memory, "watch", lambda _clip, _options, _progress: watched)
    Memory(tmp_path / "walk", clip, Options()).watched(Known, print)
    monkeypatch.setattr(clip_memory, "watch", lambda *_given: pytest.fail("watched twice"))
    again = Memory(tmp_path / "walk", clip, Options()).watched(Known, print)
    assert (again.empty, again.notes) == (watched.empty, watched.notes) and list(again.tracks) == [1, 2]
    for track, sights in watched.tracks.items():
        for one, other in zip(sights, again.tracks[track], strict=True):
            same(one, other)


@pytest.mark.parametrize("kind", ["body", "motion", "photo"])
def test_what_was_fitted_comes_back(watched, clip, tmp_path, kind):
    made = moving(watched, parameters={"squares": np.arange(20.0).reshape(5, 4)})
    if kind != "body":
        vertices = np.float32(np.random.default_rng(0).normal(size=(5, 3)))
        shape = Mesh(vertices, np.int32([[0, 1, 2], [2, 3, 4]]), vertex_colors=np.full((5, 3), 9, np.uint8))
        motion = np.tile(vertices, (5, 1, 1)) if kind == "motion" else None
        made = Reconstruction(shape, made.cameras if kind == "motion" else made.cameras[:1], motion, metric=True)
    person = Person(watched, made)
    for _ in range(2):
        same(Memory(tmp_path / "walk", clip, Options()).whole(person, JOB), made)
    assert person.asked == 1


@pytest.mark.parametrize("changed", [{"height": 170.0}, {"method": "pifuhd"}, {"every": 2}, {"resume": False}])
def test_other_settings_do_not_take_it(watched, clip, tmp_path, changed):
    person = Person(watched, moving(watched))
    Memory(tmp_path / "walk", clip, Options()).whole(person, JOB)
    Memory(tmp_path / "walk", clip, options_from(**changed)).whole(person, JOB)
    assert person.asked == 2


def test_what_is_damaged_is_made_anew(watched, clip, tmp_path):
    person, home = Person(watched, moving(watched)), tmp_path / "walk"
    Memory(home, clip, Options()).whole(person, JOB)
    (path,) = home.iterdir()
    data = path.read_bytes()
    for count, broken in enumerate((b"", b"PK", data[: len(data) // 2], data[:200] + bytes(100) + data[300:]), 2):
        path.write_bytes(broken)
        same(Memory(home, clip, Options()).whole(person, JOB), person.made)
        assert person.asked == count


def test_forgetting_takes_half_written_files_too(watched, clip, tmp_path):
    memory = Memory(tmp_path / "walk", clip, Options())
    memory.whole(Person(watched, moving(watched)), JOB)
    for name in (clip_memory.WATCHED, clip_memory.FITTED.format(track=2)):
        left_over(tmp_path / "walk" / name).write_bytes(b"half")
    memory.forget()
    assert not list((tmp_path / "walk").iterdir())
    Memory(tmp_path / "nowhere", clip, Options()).forget()
