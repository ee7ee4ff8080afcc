"""The story of a clip: every frame gets its mesh, what is bad is told, and a stopped run goes on."""

from __future__ import annotations

import errno
import json
import types
from functools import partial

import numpy as np
import pytest

from clips import write_clip
from drawn import Walker, picture, stand_in, standing
from left_over import left_over
from maquette import outputs
from maquette.core import files as core_files
from maquette.core.errors import BadInput, NothingFound
from maquette.core.options import options_from
from maquette.core.result import Failure
from maquette.outputs.reports.manifest import read_manifest
from maquette.outputs.result_folder import OutputFolder
from maquette.pipeline import clip_memory
from maquette.pipeline.clip_subject import ClipSubject
from maquette.pipeline.video import reconstruct_clip


@pytest.fixture
def work(monkeypatch, tmp_path):
    """A function that makes a clip into tmp_path/out with stand-ins: (rows, failures)."""
    stand_in(monkeypatch)

    def do(clip, progress=lambda _name, _stage: None, **options):
        Walker.asked = []
        folder = OutputFolder(tmp_path / "out")
        settings = options_from(method="pifuhd", **options)
        keep = folder.saving(partial(outputs.save, options=settings.output))
        kept = list(folder.collect(reconstruct_clip(clip, folder, settings, progress), keep))
        folder.close()
        return folder.done, [one for one in kept if isinstance(one, Failure)]

    return do


@pytest.fixture
def clip(tmp_path):
    """A function that writes pictures as a clip."""
    return lambda pictures, name="walk.mp4", **asked: write_clip(tmp_path / name, pictures, **asked)


def statuses(out, track=1):
    """Frame -> (status, reason, mesh) of one person."""
    rows = [(frame["frame"], t) for frame in read_manifest(out)["frames"] for t in frame["tracks"]]
    return {f: (t["status"], t["reason"], t["mesh"]) for f, t in rows if t["track"] == track}


def files(out):
    """Every file below OUT with its bytes, but summary.json and the time in reports."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "summary.json"
    }


def meshes(out, person="person-1"):
    return sorted(int(path.stem) for path in (out / "walk" / person / "frames").glob("*"))


def test_every_frame_has_a_mesh_and_a_row(work, clip, tmp_path):
    rows, failures = work(clip(standing(60)))
    out = tmp_path / "out"
    assert not failures, failures[0].error.__cause__
    assert [row["folder"] for row in rows] == ["walk/person-1"]
    assert meshes(out) == list(range(60))
    told = statuses(out)
    assert list(told) == list(range(60)) and {status for status, _, _ in told.values()} == {"done"}
    assert all((out / mesh).is_file() for _, _, mesh in told.values())
    assert read_manifest(out)["fps"] == 25 and not list(out.rglob(".*")), "nothing half-written, nothing to resume"


def test_a_blurred_frame_and_one_with_two_people_are_flagged(work, clip, tmp_path):
    rows, _ = work(clip(standing(20, blurred=(4,), second=tuple(range(10, 18)))))
    told = statuses(tmp_path / "out")
    assert told[4][:2] == ("flagged", "blurred: as drawn") and told[3][0] == "done"
    assert told[12][0] == "flagged" and "another person" in told[12][1]
    assert len(rows) == 2 and "9 of 20 frames are flagged" in rows[0]["warnings"][0]
    assert meshes(tmp_path / "out", "person-2") == list(range(10, 18))


@pytest.mark.parametrize("way", ["mark", "skip", "nearest"])
def test_blurred_frames_are_treated_as_asked(work, clip, tmp_path, way):
    work(clip(standing(8, blurred=(3, 4))), blurred=way)
    told, out = statuses(tmp_path / "out"), tmp_path / "out"
    mesh = "walk/person-1/frames/{:06d}.ply".format
    expected = {
        "mark": [("flagged", mesh(3)), ("flagged", mesh(4))],
        "skip": [("skipped", None), ("skipped", None)],
        "nearest": [("flagged", mesh(2)), ("flagged", mesh(5))],
    }[way]
    assert [(told[k][0], told[k][2]) for k in (3, 4)] == expected
    assert all("blurred" in told[k][1] for k in (3, 4))
    assert meshes(out) == (list(range(8)) if way == "mark" else [0, 1, 2, 5, 6, 7])


def test_where_nothing_is_sharp_nothing_stands_in(work, clip, tmp_path):
    work(clip(standing(4, blurred=(0, 1, 2, 3))), blurred="nearest")
    assert {status for status, _, _ in statuses(tmp_path / "out").values()} == {"skipped"}


class Stopped(BaseException):
    """As Ctrl-C."""


@pytest.mark.parametrize("stage", ["texture", "drawing, frame 1 ", "drawing, frame 7 "])
def test_a_stopped_run_goes_on_and_gives_the_same_files(work, clip, tmp_path, stage, monkeypatch):
    path = clip(standing(12, blurred=(3,)))
    work(path)
    whole = files(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "whole")

    def stop(name, told):
        if stage in told + " ":
            raise Stopped

    with pytest.raises(Stopped):
        work(path, stop)
    drawn = meshes(tmp_path / "out")
    monkeypatch.setattr(clip_memory, "watch", lambda *_given, **_more: pytest.fail("done twice"))
    monkeypatch.setattr(ClipSubject, "reconstructed", lambda *_given: pytest.fail("done twice"))
    told = []
    work(path, lambda _name, stage: told.append(stage))
    assert files(tmp_path / "out") == whole
    assert Walker.asked == [k for k in range(12) if k not in drawn], "what was drawn is not drawn again"
    assert not drawn or any(line.startswith("goes on") for line in told)


def test_what_was_lost_is_drawn_again(work, clip, tmp_path):
    path = clip(standing(6))
    work(path)
    (tmp_path / "out/walk/person-1/frames/000002.ply").unlink()
    work(path)
    assert Walker.asked == [2] and meshes(tmp_path / "out") == list(range(6))


def test_other_settings_start_anew_and_leave_no_stale_mesh(work, clip, tmp_path):
    path, told = clip(standing(8)), []
    work(path)
    (tmp_path / "out/walk/person-1/frames/mine.ply").write_text("of the user")
    work(path, lambda _name, stage: told.append(stage), every=2)
    frames = tmp_path / "out/walk/person-1/frames"
    assert {p.name for p in frames.iterdir()} == {f"{k:06d}.ply" for k in (0, 2, 4, 6)} | {"mine.ply"}
    assert Walker.asked == [0, 1, 2, 3] and "starts anew: settings changed (every 1 -> 2)" in told


def test_settings_that_change_no_result_do_not_start_anew(work, clip):
    path = clip(standing(4))
    work(path)
    work(path, min_face=50.0, turntable=False)
    assert Walker.asked == []
    work(path, texture_size=512)
    assert Walker.asked == [0, 1, 2, 3], "vertex colours come from the texture"
    work(path, texture_size=512, resume=False)
    assert Walker.asked == [0, 1, 2, 3]


def test_somebody_who_is_gone_from_the_clip_is_gone_from_out(work, clip, tmp_path):
    path = clip(standing(10, second=tuple(range(10))))
    work(path)
    assert meshes(tmp_path / "out", "person-2")
    work(clip(standing(10)))
    assert [p.name for p in (tmp_path / "out/walk").iterdir()] == ["person-1"]


def test_somebody_who_leaves_and_returns_is_one_person(work, clip, tmp_path):
    pictures = standing(18)
    pictures[6:12] = [picture()] * 6
    rows, _ = work(clip(pictures))
    assert len(rows) == 1 and meshes(tmp_path / "out") == [*range(6), *range(12, 18)]
    looked = {frame["frame"]: frame for frame in read_manifest(tmp_path / "out")["frames"]}
    assert looked[7]["tracks"] == [] and looked[7]["complete"]


def test_nobody(work, clip, tmp_path):
    with pytest.raises(NothingFound, match="no person found in 5 frames"):
        work(clip([picture()] * 5))
    assert not (tmp_path / "out/walk").exists()


@pytest.mark.parametrize("content", [None, b"", b"Dear sir"], ids=["missing", "empty", "text"])
def test_a_clip_that_cannot_be_read_leaves_nothing(work, tmp_path, content):
    path = tmp_path / "walk.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match="walk.mp4"):
        work(path)
    assert [p.name for p in (tmp_path / "out").iterdir()] == []


def test_a_frame_that_fails_does_not_stop_the_others(work, clip, tmp_path, monkeypatch):
    path, whole = clip(standing(5)), Walker.frame

    def fails(walker, made, index, seen):
        if index == 2:
            raise ValueError("no surface\nhere")
        return whole(walker, made, index, seen)

    monkeypatch.setattr(Walker, "frame", fails)
    rows, failures = work(path)
    assert len(rows) == 1 and meshes(tmp_path / "out") == [0, 1, 3, 4]
    assert "1 of 5 meshes could not be made" in str(failures[0].error)
    status, reason, mesh = statuses(tmp_path / "out")[2]
    assert status == "failed" and "ValueError" in reason and "\n" not in reason and mesh is None
    monkeypatch.setattr(Walker, "frame", whole)
    assert work(path)[1] == [] and Walker.asked == [2], "only what failed is tried again"


@pytest.mark.parametrize("step", ["reconstructed", "textured"])
def test_a_person_who_fails_does_not_stop_the_others(step, work, clip, tmp_path, monkeypatch):
    whole = getattr(ClipSubject, step)

    def fails(subject, *rest):
        if subject.name == "person-1":
            raise ValueError("no texture")
        return whole(subject, *rest)

    monkeypatch.setattr(ClipSubject, step, fails)
    rows, failures = work(clip(standing(6, second=tuple(range(6)))))
    assert [row["folder"] for row in rows] == ["walk/person-2"] and "person-1" in str(failures[0].error)
    assert meshes(tmp_path / "out", "person-2") == list(range(6))


def test_a_full_disk_is_one_line_and_nothing_half_written(work, clip, tmp_path, monkeypatch):
    path, whole, left = clip(standing(6)), core_files.os.replace, [3]

    def move(old, new):
        left[0] -= str(new).endswith(".ply")
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(old, new)

    monkeypatch.setattr(core_files.os, "replace", move)
    with pytest.raises(BadInput, match="disk is full.*goes on from there"):
        work(path)
    assert meshes(tmp_path / "out") == [0, 1, 2] and not list(tmp_path.rglob(".*ply*"))
    left[0] = 99
    work(path)
    assert meshes(tmp_path / "out") == list(range(6)) and Walker.asked == [3, 4, 5]


def test_a_disk_that_runs_full_stops_before_it_is(work, clip, tmp_path, monkeypatch):
    from maquette.outputs import result_folder as folder

    path, free = clip(standing(6)), iter([1e9] * 6)
    monkeypatch.setattr(folder.shutil, "disk_usage", lambda _path: types.SimpleNamespace(free=next(free, 9e7)))
    with pytest.raises(BadInput, match="90 MB free"):
        work(path)
    drawn = meshes(tmp_path / "out")
    assert 0 < len(drawn) < 6 and (tmp_path / "out/walk/person-1/person.glb").is_file()
    assert len(json.loads((tmp_path / "out/manifest.json").read_text())["frames"]) == len(drawn)


def test_what_a_killed_run_left_is_swept(work, clip, tmp_path):
    path, home = clip(standing(3)), tmp_path / "out/walk"
    halves = [left_over(home / place) for place in ("person-1/frames/000001.ply", "person-1", ".watched.npz")]
    mine = [home / ".person-1-mine", home / "person-1/frames/.000001.ply-copy"]
    for file in (halves[0], halves[1] / "person.glb", halves[2], mine[0] / "me.blend", mine[1]):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"half")
    work(path)
    assert {*home.rglob(".*")} == {*mine}


def test_links_are_not_followed_when_frames_of_an_earlier_run_go(work, clip, tmp_path):
    elsewhere, home = tmp_path / "elsewhere", tmp_path / "out/walk"
    for folder in (elsewhere, elsewhere / "frames", home / "person-3/frames"):
        folder.mkdir(parents=True)
        (folder / "000007.ply").write_bytes(b"my own")
    (home / "person-2").symlink_to(elsewhere)
    (home / "person-4").mkdir()
    (home / "person-4/frames").symlink_to(elsewhere)
    (home / "person-3/frames/000008.ply").symlink_to(elsewhere / "000007.ply")
    work(clip(standing(3)))
    assert (elsewhere / "000007.ply").is_file() and (elsewhere / "frames/000007.ply").is_file()
    assert [path.name for path in (home / "person-3/frames").iterdir()] == ["000008.ply"], "only the plain file goes"


@pytest.mark.parametrize("place", ["walk", "walk/person-1", "walk/person-1/frames"])
def test_nothing_is_written_through_a_link(work, clip, tmp_path, place):
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "out" / place
    elsewhere.mkdir()
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    try:
        outcomes = work(clip(standing(3)))[1]
    except BadInput as error:
        outcomes = [error]
    assert any("is a link" in str(getattr(one, "error", one)) for one in outcomes)
    assert not [*elsewhere.iterdir()]


def test_without_meshes(work, clip, tmp_path):
    work(clip(standing(5)))
    work(clip(standing(5)), meshes=False)
    assert not (tmp_path / "out/walk/person-1/frames").exists() and Walker.asked == []
    frames = read_manifest(tmp_path / "out")["frames"]
    assert [frame["frame"] for frame in frames] == list(range(5))
    for (track,) in (frame["tracks"] for frame in frames):
        assert track["status"] == "done" and track["mesh"] is None and track["rect"] and track["camera"]


def test_rotated_and_uneven_clips_keep_numbers_and_times(work, clip, tmp_path):
    turned = [np.ascontiguousarray(np.rot90(one)) for one in standing(6)]
    work(clip(turned, rotation=90, times=[0, 40, 200, 240, 280, 600]))
    frames = read_manifest(tmp_path / "out")["frames"]
    assert [frame["frame"] for frame in frames] == list(range(6))
    assert [frame["time"] for frame in frames] == pytest.approx([0, 0.04, 0.2, 0.24, 0.28, 0.6])
    _x, _y, w, h = frames[0]["tracks"][0]["rect"]
    assert h > 2 * w, "upright"
