"""The doors on real photographs, which are not part of the project: run with MAQUETTE_REAL_DATA."""

from __future__ import annotations

import json

import numpy as np
import pytest

from maquette import morphable
from maquette.cli.main import run
from maquette.geometry.alignment import similarity

pytestmark = [pytest.mark.real_data, pytest.mark.slow]
MODEL = morphable.load("maquette-head")
QUICK = ["--texture-size", "256", "--no-turntable", "--no-overview", "--formats", "glb"]


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


def test_a_group_beside_a_cat(real_data, tmp_path, capfd):
    """Two people left to right; the cat is told, and nothing of the libraries' chatter is seen."""
    cat = sorted((real_data / "pets").glob("cat*.jpg"))[0]
    assert run(["face", str(real_data / "group/two.jpg"), str(cat), "-o", str(tmp_path / "out"), *QUICK]) == 0
    err = capfd.readouterr().err.splitlines()
    assert len(err) == 1 and cat.name in err[0]
    done = summary(tmp_path / "out")["done"]
    assert [row["folder"] for row in done] == ["two/face-1", "two/face-2"]
    reports = [json.loads((tmp_path / "out" / row["folder"] / "report.json").read_text()) for row in done]
    lefts = [report["photo_facts"][0]["box"][0] for report in reports]
    assert lefts[0] < lefts[1]


def test_three_views_of_one_person(real_data, tmp_path):
    photos = sorted(str(path) for path in (real_data / "multiview").glob("*.jpg"))
    assert run(["face", *photos, "-o", str(tmp_path / "out"), "--together", "--pupil-distance", "62", *QUICK]) == 0
    report = json.loads((tmp_path / "out/together/face-1/report.json").read_text())
    assert len(report["photo_facts"]) == len(photos) == 3
    assert report["scale"]["source"] == "pupil distance"
    parameters = np.load(tmp_path / "out/together/face-1/parameters.npz", allow_pickle=False)
    assert {"identity", "expression"} <= set(parameters.files) and len(parameters["expression"]) == 3


def test_another_person_among_several_photos_is_named(real_data, tmp_path, capfd):
    """Two photos of one man and one of another: the other's is named; without it nobody is."""
    him = sorted(str(path) for path in (real_data / "multiview").glob("*.jpg"))
    other = str(real_data / "faces/deca_exp_3.jpg")
    assert run(["face", *him[:2], other, "-o", str(tmp_path / "out"), "--together", *QUICK]) == 0
    (row,) = summary(tmp_path / "out")["done"]
    (warning,) = [text for text in row["warnings"] if "may be someone else" in text]
    assert warning.startswith(other) and "may be someone else" in " ".join(capfd.readouterr().out.split())
    assert run(["face", *him, "-o", str(tmp_path / "alone"), "--together", *QUICK]) == 0
    (row,) = summary(tmp_path / "alone")["done"]
    assert not any("someone else" in text for text in row["warnings"])


def test_a_selfie_gives_the_same_head_with_and_without_its_focal_length(real_data, tmp_path):
    """One picture from 0.3 m, drawn straight from the front: what the camera says may not turn or bend the head."""
    photos = [real_data / f"reports/16_selfie_{name}.jpg" for name in ("exif", "noexif")]
    assert run(["face", *map(str, photos), "-o", str(tmp_path / "out"), "--formats", "obj", *QUICK[:-2]]) == 0
    heads, facts = [], []
    for photo in photos:
        place = tmp_path / "out" / photo.stem / "face-1"
        lines = [line.split() for line in (place / "head.obj").read_text().splitlines()]
        vertices = np.array([line[1:4] for line in lines if line and line[0] == "v"], float)
        heads.append(vertices[MODEL.regions["face"] > 0.5])
        facts.append(json.loads((place / "report.json").read_text())["photo_facts"][0])
    assert facts[0]["distance_m"] == pytest.approx(0.31, abs=0.02)
    assert all(abs(one["pose_degrees"]["pitch"]) < 2.5 for one in facts), "4.4 degrees before"
    laid = similarity(heads[0], heads[1])
    away = np.linalg.norm(laid.apply(heads[0]) - heads[1], axis=1)
    assert 1000 * away.mean() < 0.35
