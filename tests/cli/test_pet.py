"""`maquette pet`: a real photo to files, and what is said of photos that show no pet."""

from __future__ import annotations

import json

import numpy as np
import pytest
import trimesh
from PIL import Image
from skimage import data

from maquette.cli.main import run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The cat of scikit-image, and an astronaut, to OUT; the exit code."""
    folder = tmp_path_factory.mktemp("pet")
    Image.fromarray(data.chelsea()).save(folder / "chelsea.png")
    Image.fromarray(data.astronaut()).save(folder / "eileen.png")
    words = ["--texture-size", "512", "--no-turntable", "--fur", "1"]
    code = run(["pet", str(folder / "chelsea.png"), str(folder / "eileen.png"), "-o", str(folder / "out"), *words])
    return folder, code


def test_a_cat_becomes_files_and_a_person_does_not(made):
    folder, code = made
    assert code == 0
    files = {path.name for path in (folder / "out" / "chelsea" / "pet-1").iterdir()}
    wanted = {"pet.glb", "pet.obj", "pet.mtl", "pet.stl", "pet.ply", "texture.png", "texture_confidence.png", "fur.png",
              "whiskers.png", "overview.jpg", "landmarks.json", "parameters.npz", "report.json"}  # fmt: skip
    assert wanted <= files and "turntable.mp4" not in files
    summary = json.loads((folder / "out" / "summary.json").read_text())
    assert [row["folder"] for row in summary["done"]] == ["chelsea/pet-1"]
    assert "a person" in summary["failed"][0]["error"] and "maquette face" in summary["failed"][0]["error"]


def test_the_report_says_what_it_is(made):
    folder, _ = made
    report = json.loads((folder / "out" / "chelsea" / "pet-1" / "report.json").read_text())
    assert report["species"] == "cat" and report["model"] == "maquette-pet-cat"
    assert report["species_shares"]["cat"] > 0.8 and 25 < report["eye_distance_mm"] < 60
    assert report["next_photo"]["newly_seen"] > 0.1
    assert any("--height" in text for text in report["warnings"])
    assert all(report["files"].values())


def test_the_glb_moves_and_the_stl_is_closed(made):
    folder, _ = made
    home = folder / "out" / "chelsea" / "pet-1"
    size = int.from_bytes((home / "pet.glb").read_bytes()[12:16], "little")
    document = json.loads((home / "pet.glb").read_bytes()[20 : 20 + size])
    names = {mesh["name"] for mesh in document["meshes"]}
    assert {"skinMesh", "eyeLeftMesh", "eyeRightMesh"} <= names
    units = document["meshes"][0]["extras"]["targetNames"]
    assert {"jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "tongueOut"} <= set(units)
    solid = trimesh.load(home / "pet.stl")
    assert solid.is_watertight and solid.volume > 0 and solid.bounds[0][2] == pytest.approx(0, abs=0.01)


def test_landmarks_are_in_the_photo(made):
    folder, _ = made
    landmarks = json.loads((folder / "out" / "chelsea" / "pet-1" / "landmarks.json").read_text())
    (photo,) = landmarks["photos"]
    points = np.array(photo["schemes"]["pet20"]["detected_photo"])
    drawn = np.array(photo["schemes"]["pet20"]["reprojected_photo"])
    height, width = data.chelsea().shape[:2]
    assert ((points[:5] > 0) & (points[:5] < [width, height])).all()
    assert np.median(np.linalg.norm(points - drawn, axis=1)) < 25


def test_only_people_is_bad_input(tmp_path, capfd):
    Image.fromarray(data.astronaut()).save(tmp_path / "eileen.png")
    assert run(["pet", str(tmp_path / "eileen.png"), "-o", str(tmp_path / "out")]) == 2
    lines = capfd.readouterr().err.splitlines()
    assert len([line for line in lines if "eileen" in line]) == 1 and "maquette face" in lines[0]


@pytest.mark.parametrize(("flag", "value"), [("--fur", "9"), ("--height", "3"), ("--method", "vrn")])
def test_bad_options_are_one_line(tmp_path, capfd, flag, value):
    Image.fromarray(data.chelsea()).save(tmp_path / "cat.png")
    assert run(["pet", str(tmp_path / "cat.png"), "-o", str(tmp_path / "out"), flag, value]) == 2
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_help_has_no_options_of_faces(capfd):
    assert run(["pet", "--help"]) == 0
    text = capfd.readouterr().out
    assert "--fur" in text and "--height CM" in text
    assert not any(flag in text for flag in ("--glasses", "--hair ", "--pupil-distance", "--hrn", "--resolution"))


@pytest.mark.slow
def test_a_whole_animal_has_bones_and_stands_on_its_feet(tmp_path):
    Image.fromarray(data.chelsea()).save(tmp_path / "chelsea.png")
    words = ["--body", "--texture-size", "512", "--no-turntable", "-o", str(tmp_path / "out")]
    assert run(["pet", str(tmp_path / "chelsea.png"), *words]) == 0
    home = tmp_path / "out" / "chelsea" / "pet-1"
    report = json.loads((home / "report.json").read_text())
    assert report["method"] == "body" and report["model"] == "maquette-pet-body" and report["species"] == "cat"
    assert report["body"]["cut"] and report["body"]["confidence"] < 0.7
    assert any("the photo cuts the animal" in text for text in report["warnings"])
    size = int.from_bytes((home / "pet.glb").read_bytes()[12:16], "little")
    document = json.loads((home / "pet.glb").read_bytes()[20 : 20 + size])
    assert len(document["skins"][0]["joints"]) == 59 and "Apache-2.0" in json.dumps(document["asset"]["extras"])
    solid = trimesh.load(home / "pet.stl")
    assert solid.is_watertight and solid.bounds[0][2] == pytest.approx(0, abs=0.01)
