"""OUT: distinct folders, whole files, honest summary, nothing of other people's touched."""

from __future__ import annotations

import errno
import json
import os
import shutil
import types

import numpy as np
import pytest

from left_over import left_over
from maquette.core.errors import BadInput
from maquette.core.files import unfinished
from maquette.core.result import Failure, Result
from maquette.core.types import Mesh, Reconstruction
from maquette.outputs import result_folder as module
from maquette.outputs.result_folder import OutputFolder


def result(source="me", name="face-1", **report):
    mesh = Mesh(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32))
    return Result(name, source, Reconstruction(mesh, ()), (), {"photos": [f"{source}.jpg"], **report})


def writer(*names, text="new"):
    def save(result, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).write_text(json.dumps({"files": dict.fromkeys(names)}) if name == "report.json" else text)
        return [folder / name for name in names]

    return save


def files_in(path):
    return sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())


def test_results_lie_in_their_own_folders(tmp_path):
    out = OutputFolder(tmp_path / "new" / "out")
    rows = [out.add(result(name=name), writer("head.glb", "report.json")) for name in ("face-1", "face-2")]
    summary = out.close(seconds=1.5)
    assert files_in(out.path) == [
        *(f"me/face-{n}/{file}" for n in (1, 2) for file in ("head.glb", "report.json")),
        "summary.json",
    ]
    assert json.loads((out.path / "summary.json").read_text()) == summary
    assert summary["done"] == rows and summary["failed"] == [] and summary["seconds"] == 1.5
    assert rows[0]["files"] == ["me/face-1/head.glb", "me/face-1/report.json"] and not rows[0]["replaced"]


def test_a_second_run_replaces_and_says_so(tmp_path):
    OutputFolder(tmp_path).add(result(), writer("head.glb", "head.obj", "report.json", text="old"))
    (tmp_path / "me/face-1/mine.blend").write_text("my own work")
    row = OutputFolder(tmp_path).add(result(), writer("head.glb", "report.json"))
    assert row["replaced"]
    assert files_in(tmp_path) == ["me/face-1/head.glb", "me/face-1/mine.blend", "me/face-1/report.json"]
    assert (tmp_path / "me/face-1/head.glb").read_text() == "new"


def test_faces_that_are_no_longer_found_are_removed(tmp_path):
    first = OutputFolder(tmp_path)
    for name in ("face-1", "face-2", "face-3"):
        first.add(result(name=name), writer("head.glb", "report.json"))
    (tmp_path / "me/face-3/mine.blend").write_text("my own work")
    (tmp_path / "me/face-notes").mkdir()
    second = OutputFolder(tmp_path)
    second.add(result(), writer("head.glb", "report.json"))
    assert second.close()["removed"] == ["me/face-2", "me/face-3"]
    assert files_in(tmp_path / "me") == ["face-1/head.glb", "face-1/report.json", "face-3/mine.blend"]
    assert (tmp_path / "me/face-notes").is_dir() and not (tmp_path / "me/face-2").exists()


def test_nothing_is_removed_when_a_face_of_the_photo_failed(tmp_path):
    first = OutputFolder(tmp_path)
    for name in ("face-1", "face-2"):
        first.add(result(name=name), writer("report.json"))
    second = OutputFolder(tmp_path)
    second.add(result(), writer("report.json"))
    second.fail(Failure("me", "me.jpg", BadInput("me.jpg: face 2 is hidden"), "face-2"))
    summary = second.close()
    assert summary["removed"] == [] and [row["subject"] for row in summary["failed"]] == ["face-2"]


def test_a_full_disk_is_told_in_one_line(tmp_path):
    def full(result, folder):
        raise OSError(errno.ENOSPC, "No space left on device", str(folder / "head.glb"))

    outcome = OutputFolder(tmp_path).saving(full)(result())
    assert isinstance(outcome, Failure) and str(outcome.error).startswith(f"{tmp_path}: the disk is full")


def test_a_summary_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "summary.json").mkdir()
    with pytest.raises(BadInput, match="cannot be written"):
        OutputFolder(tmp_path).close()
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
@pytest.mark.parametrize("mask, mode", [(0o077, 0o600), (0o022, 0o644)])
def test_the_summary_follows_the_umask(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        OutputFolder(tmp_path).close()
    finally:
        os.umask(before)
    assert (tmp_path / "summary.json").stat().st_mode & 0o777 == mode


def test_a_nearly_full_disk_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _path: types.SimpleNamespace(free=5e6))
    with pytest.raises(BadInput, match="5 MB free"):
        OutputFolder(tmp_path)


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "out").write_text("a letter")
    for path in (tmp_path / "out", tmp_path / "out" / "deeper"):
        with pytest.raises(BadInput, match="it is a file") as told:
            OutputFolder(path)
        assert "\n" not in str(told.value)
    assert (tmp_path / "out").read_text() == "a letter"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_locked_folder_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(BadInput, match="cannot be written"):
        OutputFolder(tmp_path / "out")


def test_a_read_only_disk_is_refused(tmp_path, monkeypatch):
    def refuse(**keywords):
        raise PermissionError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(module.tempfile, "TemporaryFile", refuse)
    with pytest.raises(BadInput, match="Read-only file system"):
        OutputFolder(tmp_path)


def test_a_defect_of_a_writer_is_a_failure_of_that_result_only(tmp_path):
    def broken(result, folder):
        raise ValueError("boom")

    outcome = OutputFolder(tmp_path).saving(broken)(result())
    assert isinstance(outcome, Failure) and outcome.photo == "me.jpg" and "boom" in str(outcome.error)
    with pytest.raises(ImportError):
        OutputFolder(tmp_path).saving(lambda _result, _folder: __import__("no_such_library"))(result())


HOSTILE = {
    "no table": '{"files": null}',
    "a list": '{"files": ["head.glb"]}',
    "a way out": '{"files": {"../../precious.txt": null, "..": null, "/etc/passwd": null, "a\\u0000b": null}}',
    "a file of the user": '{"files": {"mine.blend": null}}',
    "a bare list": "[1]",
    "deep": "[" * 100_000,
    "cut off": '{"files": {"head',
    "no text": "\udcff",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("name", ["face-1", "face-2"])
def test_a_report_that_is_not_ours_removes_nothing(tmp_path, text, name):
    out, folder = tmp_path / "out", tmp_path / "out/me" / name
    folder.mkdir(parents=True)
    (tmp_path / "precious.txt").write_text("my own")
    (folder / "mine.blend").write_text("my own work")
    (folder / "report.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    second = OutputFolder(out)
    second.add(result(), writer("head.glb", "report.json"))
    summary = second.close()
    assert (tmp_path / "precious.txt").is_file() and (folder / "mine.blend").is_file()
    assert summary["removed"] == [] and f"me/{name}" in summary["left"]
    assert json.loads((out / "summary.json").read_text()) == summary


@pytest.mark.parametrize("place", ["me/face-2", "me/face-2/head.glb", "me/face-2/report.json"])
def test_links_are_not_followed_when_earlier_results_go(tmp_path, place):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    writer("head.glb", "report.json")(None, elsewhere)
    writer("head.glb", "report.json")(None, out / "me/face-2")
    before = files_in(elsewhere)
    link = out / place
    shutil.rmtree(link) if link.is_dir() else link.unlink()
    link.symlink_to(elsewhere / ("" if place == "me/face-2" else link.name))
    second = OutputFolder(out)
    second.add(result(), writer("head.glb", "report.json"))
    assert "me/face-2" in second.close()["left"]
    assert files_in(elsewhere) == before and link.is_symlink()


@pytest.mark.parametrize("place", ["me", "me/face-1"])
def test_nothing_is_written_through_a_link(tmp_path, place):
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "out" / place
    writer("head.glb", "report.json", text="old")(None, elsewhere)
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    with pytest.raises(BadInput, match="is a link"):
        OutputFolder(tmp_path / "out").add(result(), writer("head.glb", "report.json"))
    assert (elsewhere / "head.glb").read_text() == "old"


def test_what_a_killed_run_left_is_swept_by_the_next(tmp_path):
    for place in ("summary.json", "me/face-1"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        left_over(tmp_path / place).mkdir()
    alive = unfinished(tmp_path / "me/face-2")
    alive.mkdir()
    OutputFolder(tmp_path)
    assert [path.name for path in (tmp_path / "me").iterdir()] == [alive.name]
    assert [path.name for path in tmp_path.iterdir()] == ["me"]
