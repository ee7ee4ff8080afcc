"""The files of a volume: its surface is made once, described in the report, and refused where there is none."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from maquette.core.errors import NothingFound
from maquette.core.options import OutputOptions
from maquette.core.types import Volume
from maquette.outputs import asset as assets
from maquette.outputs.asset import open_asset
from maquette.outputs.printing.stl import is_sound
from maquette.outputs.reports.report import write_report
from maquette.outputs.writers import save
from results import FACE_M

QUICK = OutputOptions(turntable=False, overview=False)
FILES = {f"volume.{kind}" for kind in ("glb", "obj", "stl", "ply")}


def with_volume(result, values):
    volume = Volume(values.astype(np.float32), np.eye(4))
    return replace(result, reconstruction=replace(result.reconstruction, volume=volume))


def test_the_surface_is_made_once_for_all_files(volume_result, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(assets, "surface_of", lambda volume: calls.append(1) or surface_of(volume))
    from maquette.geometry.surfaces.extract import surface_of

    files = save(volume_result, tmp_path / "face", QUICK)
    assert len(calls) == 1 and FILES.issubset(file.name for file in files)
    facts = json.loads((tmp_path / "face" / "report.json").read_text())
    assert FILES.issubset(facts["files"]) and FILES.issubset(facts["seconds"]["files"])


def test_the_report_says_what_the_surface_is_like(volume_result):
    facts = json.loads(write_report(open_asset(volume_result, QUICK)))["volume"]
    half = 2 / 3 * np.pi * FACE_M.prod() * 1e6
    assert facts["volume_cm3"] == pytest.approx(half, rel=0.05)
    assert facts["components_before_cleaning"] == 2 and facts["watertight"] is True
    assert facts["voxels"] == [44, 56, 22] and facts["faces"] == facts["faces_before_decimation"] > 1000
    assert 0.2 < facts["vertices_photographed"] < 0.7, "its back is flat and hidden"
    assert facts["vertices_photographed"] + facts["vertices_invented"] == pytest.approx(1)
    assert 0.2 < facts["area_photographed"] < 0.7


def test_without_a_volume_nothing_is_drawn(head_result):
    asset = open_asset(head_result, QUICK)
    assert asset.drawn is None and json.loads(write_report(asset))["volume"] is None


def test_the_surface_stands_for_itself(volume_result):
    drawn = open_asset(volume_result, QUICK).drawn
    assert drawn.asset.model is None and drawn.asset.part_names == ("skin",)
    assert drawn.asset.mesh.vertex_colors.std() > 5 and is_sound(drawn.asset.mesh.vertices, drawn.asset.mesh.faces)
    front = drawn.asset.mesh.vertices[drawn.asset.mesh.vertices[:, 2].argmax()]
    assert np.allclose(front, [0, 0, FACE_M[2]], atol=0.006) and front[2] == pytest.approx(FACE_M[2], abs=5e-4)


@pytest.mark.parametrize("values,why", [(np.zeros((9, 9, 9)), "at most"), (np.pad(np.ones((1, 1, 1)), 9), "specks")])
def test_a_volume_without_a_surface_leaves_nothing_behind(volume_result, tmp_path, values, why):
    with pytest.raises(NothingFound, match=why):
        save(with_volume(volume_result, values), tmp_path / "face", QUICK)
    assert list(tmp_path.iterdir()) == []
