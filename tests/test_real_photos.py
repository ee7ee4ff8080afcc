"""The doors on real photographs, which are not part of the project: run with MAQUETTE_REAL_DATA."""

from __future__ import annotations

import json

import numpy as np
import pytest

from maquette.cli.main import run

pytestmark = [pytest.mark.real_data, pytest.mark.slow]
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
