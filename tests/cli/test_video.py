"""`maquette video`: files, exit codes, one line per error, and runs that are stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clips import write_clip
from drawn import Walker, picture, stand_in, standing
from maquette.cli.main import run


@pytest.fixture
def maquette(tmp_path, capfd, monkeypatch):
    """A function that runs the command on stand-in stages: (exit code, stdout, lines on stderr)."""
    stand_in(monkeypatch)
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        capfd.readouterr()
        code = run(["video", *map(str, arguments)])
        out, err = capfd.readouterr()
        return code, out, err.splitlines()

    return command


@pytest.fixture
def clip(tmp_path):
    """A function that writes pictures as a clip in the current folder."""
    return lambda pictures, name="walk.mp4", **asked: write_clip(tmp_path / name, pictures, **asked).name


def summary(folder=Path("out")):
    return json.loads((folder / "summary.json").read_text())


def complaints(err):
    return [line for line in err if line.startswith("maquette:")]


def test_a_clip(maquette, clip):
    code, out, err = maquette(clip(standing(6)), "-o", "out", "--subject", "person")
    assert code == 0 and complaints(err) == [] and "out/walk/person-1/overview.jpg" in out
    assert "walk: looking, frame 1 of 6" in err, "progress, also where there is no terminal"
    assert [row["folder"] for row in summary()["done"]] == ["walk/person-1"] and summary()["seconds"] > 0
    assert len(list(Path("out/walk/person-1/frames").iterdir())) == 6 and Path("out/manifest.json").is_file()


def test_json_is_one_object_on_stdout(maquette, clip):
    code, out, err = maquette(clip(standing(4)), "-o", "out", "--json")
    assert code == 0 and err == [] and json.loads(out) == summary()


def letter(path):
    path.write_text("Dear sir\n" * 50)


def cut(path):
    write_clip(path, standing(12))
    path.write_bytes(path.read_bytes()[:2000])


def still(path):
    from PIL import Image

    Image.fromarray(picture()).save(path, format="PNG")


BAD = {
    "missing": (lambda _path: None, "no such file"),
    "empty": (lambda path: path.touch(), "empty"),
    "text": (letter, "no clip"),
    "cut off": (cut, "cut off"),
    "a folder": (lambda path: path.mkdir(), "folder"),
    "a photo": (still, "maquette person"),
    "nobody": (lambda path: write_clip(path, [picture()] * 4), "no person found in 4 frames"),
}


@pytest.mark.parametrize("make, words", BAD.values(), ids=BAD)
@pytest.mark.parametrize("as_json", [False, True], ids=["", "json"])
def test_a_bad_clip_is_one_line_and_exit_code_2(maquette, tmp_path, make, words, as_json):
    make(tmp_path / "bad.mp4")
    code, out, err = maquette("bad.mp4", "-o", "out", *(["--json"] if as_json else []))
    assert code == 2 and len(complaints(err)) == 1 and "bad.mp4" in complaints(err)[0] and words in complaints(err)[0]
    assert summary()["failed"][0]["photo"] == "bad.mp4" and summary()["done"] == []
    assert not as_json or json.loads(out) == summary()
    assert {p.name for p in Path("out").iterdir()} <= {"summary.json", "manifest.json"}


@pytest.mark.parametrize(
    "flags, word",
    [
        (["--subject", "pet"], "person, face"),
        (["--blurred", "drop"], "mark, skip, nearest"),
        (["--smoother", "best"], "tuned, network"),
        (["--every", "0"], "every"),
        (["--start", "5", "--end", "2"], "end"),
        (["--together"], "--together"),
        (["--texture-size", "1"], "texture size"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_options_are_refused_before_anything_is_made(maquette, clip, flags, word):
    code, _out, err = maquette(clip(standing(2)), "-o", "out", *flags)
    assert code == 2 and len(err) == 1 and word in err[0]
    assert not Path("out").exists()


def test_a_method_that_is_none_for_people(maquette, clip):
    code, _out, err = maquette(clip(standing(2)), "-o", "out", "--method", "vrn")
    assert code == 2 and "not known for a person" in complaints(err)[0]


def test_a_method_whose_heads_do_not_move_is_none_for_faces(maquette, clip):
    code, _out, err = maquette(clip(standing(2)), "-o", "out", "--subject", "face", "--method", "deca")
    assert code == 2 and "makes no head that moves as the faces of a clip do" in complaints(err)[0]


def test_out_that_is_a_file_or_cannot_be_written(maquette, clip, monkeypatch):
    from maquette.outputs import result_folder as folder

    name = clip(standing(2))
    Path("file").write_text("a letter")
    assert "it is a file" in maquette(name, "-o", "file", "--json")[2][0]

    def refuse(**keywords):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(folder.tempfile, "TemporaryFile", refuse)
    code, _out, err = maquette(name, "-o", "out")
    assert code == 2 and len(err) == 1 and "Permission denied" in err[0]


def test_failed_frames_are_one_line_and_what_is_there_counts(maquette, clip, monkeypatch):
    def fails(walker, made, index, seen):
        raise ValueError("no surface")

    monkeypatch.setattr(Walker, "frame", fails)
    code, _out, err = maquette(clip(standing(4)), "-o", "out")
    assert code == 0 and len(complaints(err)) == 1 and "4 of 4 meshes" in complaints(err)[0]
    assert summary()["done"] and summary()["failed"]


def test_a_defect_is_one_line(maquette, clip, monkeypatch):
    monkeypatch.setattr(Walker, "__call__", lambda *_given: 1 / 0)
    code, _out, err = maquette(clip(standing(4)), "-o", "out")
    assert code == 1 and len(complaints(err)) == 1 and "ZeroDivisionError" in err[-1] and "walk.mp4" in err[-1]
    assert summary()["failed"][0]["kind"] == "InternalError"


def test_somebody_who_is_gone_is_told(maquette, clip):
    maquette(clip(standing(8, second=tuple(range(8)))), "-o", "out")
    code, out, _err = maquette(clip(standing(8)), "-o", "out")
    assert code == 0 and "removed out/walk/person-2" in out and not Path("out/walk/person-2").exists()


def test_another_run_says_that_it_goes_on_or_why_not(maquette, clip):
    name = clip(standing(5))
    maquette(name, "-o", "out")
    assert "walk: goes on: 5 frames are done already" in maquette(name, "-o", "out")[2]
    err = maquette(name, "-o", "out", "--height", "170")[2]
    assert "walk: starts anew: settings changed (height None -> 170.0)" in err


# A shell that runs the tests in the background has them ignore SIGINT, and their children too.
SLOW = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
import pytest
import drawn
drawn.stand_in(pytest.MonkeyPatch())
whole = drawn.Walker.frame
def frame(walker, made, index, seen):
    if index == 4:
        print("drawing", flush=True)
        time.sleep(60)
    return whole(walker, made, index, seen)
if sys.argv[2:] == ["slow"]:
    drawn.Walker.frame = frame
from maquette.cli.main import main
sys.argv = ["maquette", "video", "walk.mp4", "-o", sys.argv[1]]
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_stopped_in_any_way_it_goes_on(tmp_path, clip, maquette, number, code):
    clip(standing(8, second=tuple(range(8))))
    maquette("walk.mp4", "-o", "whole")
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, "out", "slow"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        for line in program.stdout:
            if "drawing" in line:
                break
        program.send_signal(number)
        _, err = program.communicate(timeout=30)
    assert program.returncode == code and "Traceback" not in err
    assert number != signal.SIGINT or "goes on from there" in err
    drawn = {p: p.stat().st_mtime_ns for p in Path("out").rglob("frames/*.ply")}
    assert len(drawn) == 8
    assert maquette("walk.mp4", "-o", "out")[0] == 0
    again = {p: p.stat().st_mtime_ns for p in drawn}
    assert again == drawn, "not made again"
    files = [
        {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file() and p.name != "summary.json"}
        for out in (Path("whole"), Path("out"))
    ]
    assert files[0] == files[1]
