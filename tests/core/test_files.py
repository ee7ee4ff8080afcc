"""A file is there whole, or as it was before."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from maquette.core.files import ABANDONED_S, replaced, sweep, unfinished, unwritable, write_whole


def test_what_goes_wrong_leaves_the_earlier_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.bin"
    write_whole(path, b"first")
    for error in (OSError(errno.ENOSPC, "No space"), KeyboardInterrupt(), ValueError("x")):
        with pytest.raises(type(error)), replaced(path) as file:
            file.write(b"sec")
            raise error
    assert path.read_bytes() == b"first" and [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_it_is_on_the_disk_before_it_is_in_its_place(tmp_path, monkeypatch):
    done = []
    sync, move = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (done.append("fsync"), sync(handle)))
    monkeypatch.setattr(os, "replace", lambda old, new: (done.append("replace"), move(old, new)))
    write_whole(tmp_path / "a.bin", b"whole")
    assert done == ["fsync", "replace", "fsync"], "the file, its name, and the folder that holds the name"


def test_files_follow_the_umask(tmp_path):
    before = os.umask(0o022)
    try:
        write_whole(tmp_path / "a.bin", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "a.bin").stat().st_mode & 0o777 == 0o644


def test_text_that_is_not_unicode_is_kept_in_escaped_form(tmp_path):
    write_whole(tmp_path / "a.json", "na\u00efve \udcff")
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == "na\u00efve \\udcff"


def test_long_names_leave_room_for_the_unfinished_one(tmp_path):
    write_whole(tmp_path / ("a" * 250), b"x")
    assert (tmp_path / ("a" * 250)).read_bytes() == b"x"


HALF = """
import sys, time
from maquette.core.files import replaced, whole_folder
with replaced(sys.argv[1] + "/a.bin") as file, whole_folder(sys.argv[1] + "/face-1") as folder:
    file.write(b"half"); file.flush(); (folder / "head.glb").write_bytes(b"half"); print("open", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_what_a_killed_write_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", HALF, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        child.stdout.readline()
        others = {".a.bin-notes", ".face-1-deadbeef", ".a-maquette-mine"}
        for name in others:
            (tmp_path / name).write_text("of the user")
        unfinished(tmp_path / "mine.bin").write_text("of this process, in another thread")
        sweep(tmp_path)
        assert len([*tmp_path.iterdir()]) == len(others) + 3, "both processes are alive"
    finally:
        child.kill()
        child.wait()
    link = unfinished(tmp_path / "b.bin")
    (tmp_path / link.name.replace(f"-{os.getpid()}-", f"-{child.pid}-")).symlink_to("elsewhere")
    sweep(tmp_path)
    left = sorted(path.name.split("-maquette-")[0] for path in tmp_path.iterdir() if path.name not in others)
    assert left == [".b.bin", ".mine.bin"]


def test_what_another_computer_left_is_swept_after_a_day(tmp_path):
    beside = tmp_path / ".face-1-maquette-00000000-1-0123abcd"
    beside.mkdir()
    (beside / "head.glb").write_bytes(b"half")
    sweep(tmp_path)
    assert beside.is_dir()
    before = beside.stat().st_mtime - ABANDONED_S - 60
    os.utime(beside, (before, before))
    sweep(tmp_path)
    assert not beside.exists()


def test_a_folder_that_is_not_there_is_swept_in_silence(tmp_path):
    sweep(tmp_path / "none")


@pytest.mark.parametrize(
    "error, words",
    [
        (OSError(errno.ENOSPC, "No space"), "disk is full: make room or move"),
        (PermissionError(errno.EACCES, "Permission denied"), "cannot be written .Permission denied.: move"),
        (NotADirectoryError(errno.ENOTDIR, "x"), "it is a file"),
    ],
)
def test_errors_are_one_line(error, words):
    import re

    assert re.search(words, unwritable(error, "out", "move"))
