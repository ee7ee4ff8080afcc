"""A file is there whole, or as it was before."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys

import pytest

from maquette.core.files import leftovers, replaced, unfinished, unwritable, write_whole


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


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_what_a_killed_write_left_is_found_again(tmp_path):
    code = f"""
import time
from maquette.core.files import replaced
with replaced({str(tmp_path / "a.bin")!r}) as file:
    file.write(b"half"); file.flush(); print("open", flush=True); time.sleep(60)
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.wait()
    (tmp_path / ".a.bin-notes").write_text("of the user")
    assert not (tmp_path / "a.bin").exists() and len(list(leftovers(tmp_path / "a.bin"))) == 1
    assert unfinished(tmp_path / "a.bin").name.startswith(".a.bin-")


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
