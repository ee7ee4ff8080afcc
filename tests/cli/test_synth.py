"""`maquette synth`: files and labels, going on, what is refused in one line."""

from __future__ import annotations

import json

import cv2
import pytest
import typer

from maquette.cli import main as cli
from maquette.cli import synth
from maquette.core.errors import WeightsMissing
from maquette.synthesis.datasets import photographs
from stand_in_body import body_arrays

__all__ = ["body_arrays"]  # a fixture
SMALL = ["--size", 64, "--texture-size", 128]


@pytest.fixture(autouse=True)
def wired(monkeypatch):
    """The command beside the others, whether or not main.py lists it."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command("synth")(synth.synth)
    app.callback()(lambda: None)
    monkeypatch.setattr(cli, "app", app)


def run(*words):
    return cli.run(["synth", *map(str, words)])


def test_the_command_writes_everything_and_goes_on(tmp_path, capsys):
    out = tmp_path / "a" / "b"
    assert run("-o", out, "--count", 1, "--workers", 1, *SMALL) == 0
    assert capsys.readouterr().out.startswith("1 photographs in ")
    assert {p.name for p in out.iterdir()} == {"00000.png", "00000.npz", "sheet.jpg", "summary.json", "facts.csv"}
    before = (out / "00000.npz").stat().st_mtime_ns
    assert run("-o", out, "--count", 2, "--workers", 1, *SMALL) == 0
    said = capsys.readouterr()
    assert said.out.startswith("1 photographs in ") and "1 were there" in said.out and said.err == ""
    assert (out / "00000.npz").stat().st_mtime_ns == before
    assert json.loads((out / "summary.json").read_text())["finished"] == 2
    assert cv2.imread(str(out / "sheet.jpg")).shape == (64, 130, 3)


def test_other_options_and_other_folders_are_refused(tmp_path, capsys):
    two = tmp_path / "two"
    assert run("-o", two, "--count", 1, "--workers", 1, *SMALL) == 0
    capsys.readouterr()
    assert run("-o", two, "--count", 2, "--seed", 3, *SMALL) == 2
    assert "was made with seed 0; choose another folder" in capsys.readouterr().err
    assert run("-o", two, "--subject", "person", *SMALL) == 2
    assert "was made with subject 'face'" in capsys.readouterr().err
    (tmp_path / "mine.txt").write_text("x")
    assert run("-o", tmp_path, *SMALL) == 2
    assert "is not empty and has no summary.json" in capsys.readouterr().err
    (tmp_path / "summary.json").write_text("[]")
    assert run("-o", tmp_path, *SMALL) == 2
    assert "not a summary of maquette synth" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, expected",
    [
        (["--subject", "dog"], "subject 'dog': wanted face or person"),
        (["--size", 4], "size 4"),
        (
            ["--shards", "--subject", "dog"],
            "--shards: wanted --subject face, head, folds, clip, pet, portrait or person, got dog",
        ),
        (["--count", "many"], "Invalid value for '--count'"),
    ],
)
def test_wrong_words_are_one_line(words, expected, tmp_path, capsys):
    assert run("-o", tmp_path / "x", *words) == 2
    error = capsys.readouterr().err
    assert expected in error and error.count("\n") == 1


def test_a_person_needs_anny(tmp_path, capsys, monkeypatch):
    def missing():
        raise WeightsMissing("bodies: anny is not installed; install it with: pip install anny")

    monkeypatch.setattr(photographs, "load_body", missing)
    assert run("-o", tmp_path / "x", "--subject", "person", *SMALL) == 3
    assert "anny is not installed" in capsys.readouterr().err


@pytest.mark.slow
def test_shards(tmp_path, capsys):
    from safetensors.numpy import load_file

    assert run("-o", tmp_path, "--shards", "--count", 2, "--workers", 1, *SMALL) == 0
    assert f"2 crops: {tmp_path / 'train'}" in capsys.readouterr().out
    columns = load_file(tmp_path / "train" / "00000000.safetensors")
    assert len(columns["image"]) == len(columns["landmarks"]) == 2
    assert run("-o", tmp_path, "--shards", "--count", 3, *SMALL) == 2
    assert "was made with count 2" in capsys.readouterr().err


@pytest.mark.usefixtures("body_arrays")
def test_shards_of_persons(tmp_path, capsys):
    from safetensors.numpy import load_file

    words = ["--shards", "--subject", "person", "--count", 1, "--size", 48, "--workers", 1]
    assert run("-o", tmp_path, *words) == 0
    assert f"1 examples: {tmp_path / 'train'}" in capsys.readouterr().out
    columns = load_file(tmp_path / "train" / "persons-00000.safetensors")
    assert columns["image"].shape == (1, 48, 48, 3) and len(columns["points"]) == len(columns["inside"]) == 1
