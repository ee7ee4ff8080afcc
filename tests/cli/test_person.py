"""`maquette person`: the same manners as `maquette face`, with its own words, files and options."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from PIL import Image

from maquette.cli.main import run
from maquette.core.errors import NothingFound
from maquette.core.options import METHODS
from maquette.core.types import Subject


@pytest.fixture
def maquette(stand_ins, tmp_path, capfd, monkeypatch):
    """A function that runs the command on stand-in stages: (exit code, stdout, lines on stderr)."""
    from maquette.pipeline import photo as pipeline

    faces, seen = pipeline.OBSERVERS[Subject.FACE], []

    def people(frame, options):
        seen.append(options)
        try:
            return [replace(one, subject=Subject.PERSON) for one in faces(frame, options)]
        except NothingFound as error:
            raise NothingFound(f"{frame.origin}: no person found") from error

    monkeypatch.setitem(pipeline.OBSERVERS, Subject.PERSON, people)
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        capfd.readouterr()
        code = run(["person", *map(str, arguments)])
        out, err = capfd.readouterr()
        return code, out, err.splitlines()

    command.seen = seen
    return command


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


def test_everybody_of_every_photo(maquette, photo, tmp_path):
    code, out, err = maquette(photo("me.png"), photo("us.png", 2), "-o", "out")
    assert (code, err) == (0, []) and "out/us/person-2/overview.jpg" in out
    folders = [row["folder"] for row in summary(tmp_path / "out")["done"]]
    assert folders == ["me/person-1", "us/person-1", "us/person-2"]


@pytest.mark.parametrize("command", ["person", "video"])
def test_help_says_which_method_makes_a_rig(command, capfd):
    assert run([command, "--help"]) == 0
    words = " ".join(capfd.readouterr().out.split())
    assert f"{METHODS['person']} (the default)" in words and "without a skeleton" in words
    assert "parametric" in words and "rigged body" in words and "person.glb (rigged)" not in words


def test_together(maquette, photo, tmp_path):
    code, out, _err = maquette(photo("a.png"), photo("b.png", 2), "-o", "out", "--together")
    assert code == 0 and "shows 2 people; the largest was taken" in out
    assert [row["folder"] for row in summary(tmp_path / "out")["done"]] == ["together/person-1"]


def test_what_is_bad_is_one_line_each_and_the_others_go_on(maquette, photo, tmp_path):
    (tmp_path / "letter.jpg").write_text("Dear sir")
    (tmp_path / "folder.jpg").mkdir()
    Image.effect_noise((256, 256), 90).convert("RGB").save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:3000])
    bad = ["letter.jpg", "folder.jpg", "cut.jpg", "gone.jpg", photo("wall.png", 0)]
    code, _out, err = maquette(*bad, photo("me.png"), "-o", "out")
    assert code == 0 and len(err) == 5 and all(str(name) in line for name, line in zip(bad, err))
    assert "no person" in err[4] and "face" not in err[4]
    assert maquette(*bad, "-o", "none")[0] == 2


def test_a_folder_that_is_no_photo_says_so(maquette, tmp_path):
    code, _out, err = maquette("nowhere", "-o", "out")
    assert code == 2 and len(err) == 1 and "nowhere: no such file" in err[0]


def test_options_reach_the_stages(maquette, photo, tmp_path, monkeypatch):
    from maquette.pipeline import photo as pipeline

    asked, whole = {}, pipeline.methods.load

    def load(row, fetch, options):
        asked.update(row=row, options=options)
        return whole(row, fetch, options)

    monkeypatch.setattr(pipeline.methods, "load", load)
    words = ["--height", "172", "--min-person", "90", "--max-people", "3", "--resolution", "128"]
    maquette(photo("me.png"), "-o", "out", *words)
    assert asked["row"].name == METHODS["person"] and asked["row"].subjects == (Subject.PERSON,)
    assert asked["options"].body.height == 172 and asked["options"].body.resolution == 128
    assert maquette.seen[0].min_person == 90 and maquette.seen[0].max_people == 3


@pytest.mark.parametrize(
    "flags, word",
    [
        (["--height", "17"], "height"),
        (["--resolution", "100"], "multiple of 64"),
        (["--grid", "slow"], "fast or exact"),
        (["--method", "vrn"], "parametric"),
        (["--pupil-distance", "63"], "--pupil-distance"),
        (["--formats", "fbx"], "fbx"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_options_are_refused_before_anything_is_made(maquette, photo, tmp_path, flags, word):
    code, _out, err = maquette(photo("me.png"), "-o", "out", *flags)
    assert code == 2 and len(err) == 1 and word in err[0]
    assert not (tmp_path / "out").exists()


def test_help_speaks_of_people(maquette):
    code, out, _err = maquette("--help")
    text = " ".join(out.split())
    assert code == 0 and "person.glb" in text and "--height CM" in text
    assert "--pupil-distance" not in text and "--min-face" not in text
    assert "--mesh " not in text, "a body stays as it was made"
