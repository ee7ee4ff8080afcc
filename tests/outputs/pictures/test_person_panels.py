"""The pictures of a person's sheet."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.options import OutputOptions
from maquette.geometry.camera import project
from maquette.outputs.asset import open_asset
from maquette.outputs.pictures.overview import sheet
from maquette.outputs.pictures.person_panels import CELL, cell_of, person_panels
from maquette.outputs.pictures.window import photo_window


@pytest.fixture(scope="module", params=["person_result", "cloth_result"])
def shown(request):
    """An asset and its twelve panels."""
    asset = open_asset(request.getfixturevalue(request.param), OutputOptions())
    yield asset, person_panels(asset)
    asset.close()


def test_twelve_upright_panels(shown):
    asset, cells = shown
    assert [caption for caption, _, _ in cells] == [
        "photo", "front", "left", "back", "right", "texture", "overlay", "front", "left", "back", "right", "normals",
    ]  # fmt: skip
    width, height = cell_of(asset)
    assert {picture.shape for _, _, picture in cells} == {(height, width, 3)}
    assert width * height == pytest.approx(CELL[0] * CELL[1], rel=0.01)
    assert sheet(cells, 6).shape[1] == 6 * width + 120
    coloured, clay = cells[1][2].astype(int), cells[7][2].astype(int)
    assert np.ptp(coloured, axis=2).max() > 60 > np.ptp(clay, axis=2).max() + 20, "colours, then grey"


def test_the_overlay_lies_where_the_person_is(shown):
    asset, cells = shown
    photo, overlay = cells[0][2].astype(int), cells[6][2].astype(int)
    changed = np.abs(photo - overlay).max(axis=2) > 8
    width, height = cell_of(asset)
    camera = photo_window(asset, (width, height)).camera
    pixels = project(camera, asset.mesh.vertices.astype(float))[0]
    rows = np.flatnonzero(changed.any(axis=1))
    assert rows[0] == pytest.approx(pixels[:, 1].min(), abs=6) and rows[-1] == pytest.approx(pixels[:, 1].max(), abs=6)
    assert np.ptp(pixels[:, 1]) > 0.7 * height or np.ptp(pixels[:, 0]) > 0.8 * width
