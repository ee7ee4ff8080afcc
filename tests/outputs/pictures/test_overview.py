"""overview.jpg: eight panels, the overlay where the photo's camera puts it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from maquette.core.options import OutputOptions
from maquette.geometry.camera import project
from maquette.outputs.asset import open_asset
from maquette.outputs.pictures.overview import CELL, head_panels, sheet
from maquette.outputs.pictures.window import photo_window


@pytest.fixture(scope="module")
def asset(head_result):
    asset = open_asset(head_result, OutputOptions())
    yield asset
    asset.close()


def test_the_window_shows_the_photo_that_its_camera_sees(asset, head_result):
    window = photo_window(asset, CELL)
    assert window.photo.shape == (CELL[1], CELL[0], 3)
    points = asset.mesh.vertices[::500].astype(float)
    inner, _ = project(window.camera, points)
    outer, _ = project(head_result.reconstruction.cameras[0], points)
    ramp = head_result.observations[0].frame.pixels
    for (x, y), (u, v) in zip(inner, outer):
        if 2 < u < 237 and 2 < v < 297 and 2 < x < CELL[0] - 3 and 2 < y < CELL[1] - 3:
            assert window.photo[int(y), int(x), :2] == pytest.approx(ramp[int(v), int(u), :2], abs=3)


def test_eight_panels_fill_two_rows(asset):
    cells = head_panels(asset)
    assert [caption for caption, _, _ in cells] == [
        "photo", "overlay", "shape", "textured", "left side", "right side", "back", "normals",
    ]  # fmt: skip
    assert all(picture.shape == (CELL[1], CELL[0], 3) and picture.std() > 5 for _, _, picture in cells)
    page = sheet(cells)
    assert page.shape[1] == 2000 and page.dtype == np.uint8
    alike = [np.abs(a[2].astype(int) - b[2]).mean() for a, b in pairwise(cells)]
    assert min(alike) > 2, "no two neighbours are the same picture"
