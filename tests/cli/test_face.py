"""`maquette face`: files, exit codes, one line per error, whatever people give it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import types
from pathlib import Path

import pytest

from maquette.cli.main import run
from maquette.core.types import Subject


@pytest.fixture
def maquette(stand_ins, tmp_path, capfd, monkeypatch):
    """A function that runs the command on stand-in stages: (exit code, stdout, lines on stderr)."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        capfd.readouterr()
        code = run(["face", *map(str, arguments)])
        out, err = capfd.readouterr()
        return code, out, err.splitlines()

    return command


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


def test_one_photo(maquette, photo, tmp_path):
    code, out, err = maquette(photo("me.png"), "-o", "out")
    assert (code, err) == (0, [])
    assert "out/me/face-1/overview.jpg" in out, "it says where to look"
    assert (tmp_path / "out/me/face-1/head.glb").is_file()
    assert summary(tmp_path / "out")["done"][0]["folder"] == "me/face-1"


def letter(path):
    path.write_text("Dear sir")


def truncated(path):
    from PIL import Image

    Image.effect_noise((256, 256), 90).convert("RGB").save(path, format="PNG")
    path.write_bytes(path.read_bytes()[:5000])


def unreadable(path):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path.write_bytes(b"secret")
    path.chmod(0)


BAD = {
    "not an image": letter,
    "truncated": truncated,
    "zero bytes": lambda path: path.touch(),
    "a folder": lambda path: path.mkdir(),
    "missing": lambda _path: None,
    "a dangling link": lambda path: path.symlink_to("nowhere.jpg"),
    "unreadable": unreadable,
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_a_bad_photo_is_one_line_and_exit_code_2(maquette, tmp_path, make):
    make(tmp_path / "bad.jpg")
    code, _out, err = maquette("bad.jpg", "-o", "out")
    assert code == 2 and len(err) == 1 and "bad.jpg" in err[0] and "Traceback" not in err[0]
    assert summary(tmp_path / "out")["failed"][0]["photo"] == "bad.jpg"
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["summary.json"]


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_a_bad_photo_does_not_stop_the_others(maquette, photo, tmp_path, make):
    make(tmp_path / "bad.jpg")
    code, _out, err = maquette(photo("a.png"), "bad.jpg", photo("b.png"), "-o", "out")
    assert code == 0 and len(err) == 1 and "bad.jpg" in err[0]
    assert [row["folder"] for row in summary(tmp_path / "out")["done"]] == ["a/face-1", "b/face-1"]
    assert [row["photo"] for row in summary(tmp_path / "out")["failed"]] == ["bad.jpg"]


def test_no_face_is_exit_code_2(maquette, photo, tmp_path):
    code, _out, err = maquette(photo("wall.png", 0), "-o", "out")
    assert code == 2 and len(err) == 1 and "wall.png" in err[0] and "no face" in err[0]


@pytest.mark.parametrize(
    "name",
    ["with space.png", "Zoë 写真 🙂.png", "-dash.png", "a'b\"c.png", "dots...png", "..two.png", "%s {x} [red].png"],
)
def test_names_of_every_kind(maquette, photo, tmp_path, name):
    code, _out, err = maquette("-o", "out", "--", photo(name).relative_to(tmp_path))
    assert (code, err) == (0, [])
    (row,) = summary(tmp_path / "out")["done"]
    assert row["photos"] == [name] and all((tmp_path / "out" / file).is_file() for file in row["files"])
    assert {p.name for p in tmp_path.iterdir()} == {name, "out"}, "nothing outside OUT"


def test_paths_with_dots_lead_where_they_should(maquette, photo, tmp_path):
    photo("deep/er/me.png")
    code, _out, _err = maquette("deep/er/../er/me.png", "-o", "deep/../out")
    assert code == 0 and (tmp_path / "out/me/face-1/head.glb").is_file()


def test_photos_of_the_same_name_do_not_overwrite_each_other(maquette, photo, tmp_path):
    _code, _out, _err = maquette(photo("x/me.png"), photo("y/me.png", 2), "-o", "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["me", "me-2", "summary.json"]
    assert len(list((tmp_path / "out/me-2").iterdir())) == 2


def test_a_second_run_replaces_and_says_so(maquette, photo):
    assert "replaced" not in maquette(photo("me.png", 2), "-o", "out")[1]
    code, out, _err = maquette(photo("me.png", 1), "-o", "out")
    assert code == 0 and "replaced" in out and "removed out/me/face-2" in out


def test_together(maquette, photo, tmp_path):
    code, out, _err = maquette(photo("a.png"), photo("b.png", 2), "-o", "out", "--together")
    assert code == 0 and (tmp_path / "out/together/face-1/head.glb").is_file() and "2 faces" in out


def test_json_is_one_object_on_stdout(maquette, photo, tmp_path):
    code, out, err = maquette(photo("a.png"), "gone.jpg", "-o", "out", "--json")
    told = json.loads(out)
    assert code == 0 and told == summary(tmp_path / "out")
    assert told["done"][0]["files"] and told["failed"][0]["kind"] == "BadInput" and len(err) == 1


def test_json_is_one_object_when_nothing_can_start(maquette, photo, tmp_path):
    (tmp_path / "out").write_text("a letter")
    for arguments in (["-o", "out"], ["-o", "elsewhere", "--texture-size", "9"]):
        code, out, err = maquette(photo("a.png"), *arguments, "--json")
        assert code == 2 and len(err) == 1
        assert err[0] == f"maquette: {json.loads(out)['error']}"


def test_a_photo_that_may_not_be_read_does_not_stop_the_others(maquette, photo, tmp_path, monkeypatch):
    """As `unreadable` above, which root cannot try."""
    (tmp_path / "bad.jpg").write_bytes(b"secret")
    access, opened = os.access, Path.open
    monkeypatch.setattr(os, "access", lambda path, *rest, **_more: "bad" not in str(path) and access(path, *rest))

    def refuse(path, *arguments, **keywords):
        if path.name == "bad.jpg":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **keywords)

    monkeypatch.setattr(Path, "open", refuse)
    code, _out, err = maquette(photo("a.png"), "bad.jpg", "-o", "out")
    assert code == 0 and len(err) == 1 and "permission denied" in err[0]
    assert [row["photo"] for row in summary(tmp_path / "out")["failed"]] == ["bad.jpg"]


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are not text")
def test_a_name_that_is_not_text(maquette, photo, tmp_path):
    name = os.fsdecode(b"caf\xe9.png")
    code, out, err = maquette(photo(name), "-o", "out", "--json")
    assert (code, err) == (0, [])
    told = json.loads(out)
    assert told["done"][0]["photos"] == [str(tmp_path / name)] and told == summary(tmp_path / "out")
    assert (tmp_path / "out/caf_/face-1/report.json").is_file()


def test_names_cannot_write_to_the_terminal(maquette, photo):
    code, out, err = maquette(photo("new\nline\x1b[31m.png"), "gone\x1b[31m.jpg", "-o", "out")
    assert code == 0 and "\x1b" not in out and "new line" in out and len(err) == 1 and "\x1b" not in err[0]


def test_a_terminal_without_the_letters(photo, stand_ins, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", ascii_only)
    assert run(["face", str(photo("ünï.png")), "-o", "out"]) == 0
    ascii_only.seek(0)
    assert "\\xfcn\\xef" in ascii_only.read()


@pytest.mark.parametrize(
    "flags, word",
    [
        (["--texture-size", "9999"], "texture size"),
        (["--texture-size", "big"], "--texture-size"),
        (["--formats", "glb,fbx"], "fbx"),
        (["--mesh", "coarse"], "light, fine"),
        (["--pupil-distance", "6.3"], "pupil distance"),
        (["--method", "nonsense"], "parametric"),
        (["--device", "tpu"], "tpu"),
        (["--colour", "red"], "--colour"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_options_are_refused_before_anything_is_made(maquette, photo, tmp_path, flags, word):
    code, _out, err = maquette(photo("me.png"), "-o", "out", *flags)
    assert code == 2 and len(err) == 1 and word in err[0]
    assert not (tmp_path / "out").exists()


def test_out_must_be_given_and_be_a_folder(maquette, photo, tmp_path):
    code, _, err = maquette(photo("me.png"))
    assert code == 2 and len(err) == 1 and "--out" in err[0]
    letter(tmp_path / "out")
    code, _out, err = maquette(photo("me.png"), "-o", "out")
    assert code == 2 and len(err) == 1 and "it is a file" in err[0]
    assert (tmp_path / "out").read_text() == "Dear sir"


def test_an_unwritable_out_is_told_before_the_work(maquette, photo, monkeypatch):
    from maquette.outputs import result_folder as folder
    from maquette.pipeline import photo as pipeline

    def refuse(**keywords):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(folder.tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(pipeline, "reconstruct", lambda *_arguments: pytest.fail("the work began"))
    code, _out, err = maquette(photo("me.png"), "-o", "out")
    assert code == 2 and len(err) == 1 and "Permission denied" in err[0]


def test_a_full_disk(maquette, photo, tmp_path, monkeypatch):
    from maquette.outputs import result_folder as folder
    from maquette.outputs import writers

    def full(asset):
        if asset.result.source == "b":
            raise OSError(28, "No space left on device")
        return b"whole"

    monkeypatch.setitem(writers.WRITERS, "head.obj", full)
    code, _, err = maquette(photo("a.png"), photo("b.png"), "-o", "out")
    assert code == 0 and len(err) == 1 and "disk is full" in err[0]
    assert not (tmp_path / "out/b").exists() and (tmp_path / "out/a/face-1/head.glb").is_file()
    monkeypatch.setattr(folder.shutil, "disk_usage", lambda _path: types.SimpleNamespace(free=0))
    code, _out, err = maquette(photo("c.png"), "-o", "out")
    assert code == 2 and len(err) == 1 and "0 MB free" in err[0]


def test_a_defect_is_one_line_too(maquette, photo):
    code, _out, err = maquette(photo("crowd.png", 8), "-o", "out")
    assert code == 0 and len(err) == 1 and "ValueError" in err[0] and "report it" in err[0]


def test_what_is_missing_is_exit_code_3(maquette, photo, monkeypatch):
    from maquette.core.errors import ExtraMissing
    from maquette.pipeline import photo as pipeline

    def no_extra(path, options):
        raise ExtraMissing("me.heic: needs pillow-heif: run: pip install 'maquette[heic]'")

    monkeypatch.setattr(pipeline.photo_files, "read", no_extra)
    code, _out, err = maquette(photo("me.heic"), "-o", "out")
    assert code == 3 and len(err) == 1 and "pip install" in err[0]


def test_a_missing_system_library_names_its_package(maquette, photo, monkeypatch):
    from maquette.pipeline import photo as pipeline

    def no_library(frame, options):
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setitem(pipeline.OBSERVERS, Subject.FACE, no_library)
    code, _out, err = maquette(photo("me.png"), "-o", "out")
    assert code == 3 and len(err) == 1 and "apt-get install" in err[0] and "libgl1" in err[0]


def test_native_noise_stays_out_of_sight(maquette, photo, monkeypatch):
    from maquette.pipeline import photo as pipeline

    whole = pipeline.OBSERVERS[Subject.FACE]

    def noisy(frame, options):
        os.write(2, b"W0000 00:00:00 inference_feedback_manager.cc:114] Feedback manager requires...\n")
        return whole(frame, options)

    monkeypatch.setitem(pipeline.OBSERVERS, Subject.FACE, noisy)
    code, _out, err = maquette(photo("me.png"), "gone.jpg", "-o", "out")
    assert code == 0 and len(err) == 1 and "gone.jpg" in err[0]


# A shell that runs the tests in the background has them ignore SIGINT, and their children too.
SLOW = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np
from maquette.pipeline import photo as pipeline
from maquette.cli.main import main
from maquette.core.result import Result
from maquette.core.types import Frame, Mesh, Observation, Reconstruction, Subject
from maquette.outputs import writers

frame, box = Frame(np.zeros((4, 4, 3), np.uint8)), np.array([0, 0, 4, 4], float)
points = np.zeros((478, 3)), "mediapipe478", np.ones(478)
seen = Observation(frame, box, Subject.FACE, *points, np.ones((4, 4), np.float32))

def reconstruct(photos, options, progress, kind):
    mesh = Mesh(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32))
    for name in ("one", "two"):
        yield Result("face-1", name, Reconstruction(mesh, ()), (seen,), {"photos": [name]})

def write(asset):
    if asset.result.source == "two":
        print("writing", flush=True)
        time.sleep(60)
    return b"{}"

pipeline.reconstruct, writers.WRITERS = reconstruct, {"head.glb": lambda asset: b"whole", "overview.jpg": write}
sys.argv = ["maquette", "face", "one.png", "two.png", "-o", sys.argv[1]]
main()
"""


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_leaves_no_half_file(tmp_path, number, code):
    out = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        for line in program.stdout:
            if "writing" in line:
                break
        program.send_signal(number)
        _, err = program.communicate(timeout=30)
    assert program.returncode == code
    assert "Traceback" not in err and len(err.splitlines()) <= 1
    left = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert left - {"summary.json"} == {"one/face-1/head.glb", "one/face-1/overview.jpg"}
    assert {p.name for p in out.iterdir() if p.is_dir()} == {"one"}
