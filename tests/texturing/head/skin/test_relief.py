"""Normal and roughness maps of the skin."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.texturing.head.layers import Layers, layers_of
from maquette.texturing.head.skin.relief import (
    CHEEKS,
    FLAT,
    LIPS,
    STEEPEST,
    normals_of,
    skin_maps,
    surfaces_of,
    texel_lengths,
)


@pytest.fixture(scope="module")
def layers() -> Layers:
    return layers_of("maquette-head", 512)


def directions(normals: np.ndarray) -> np.ndarray:
    """(h, w, 3) unit vectors: right, up (against the rows), outwards."""
    return (normals.astype(float) - 128) / 127


def test_the_normals_of_a_bump_are_those_of_the_surface() -> None:
    step = 1e-4
    y, x = np.mgrid[-20:21, -20:21] * step
    height = 2e-4 * np.exp(-(x**2 + y**2) / (2 * (8 * step) ** 2))
    found = directions(normals_of(height, np.full((*height.shape, 2), step)))
    assert found[20, 30, 0] > 0.05 and found[20, 10, 0] < -0.05, "right of the middle it falls to the right"
    assert found[10, 20, 1] > 0.05 and found[30, 20, 1] < -0.05, "above the middle it falls upwards"
    surface = np.stack([-np.gradient(height, step, axis=1), np.gradient(height, step, axis=0), np.ones_like(height)], 2)
    surface /= np.linalg.norm(surface, axis=2, keepdims=True)
    assert np.abs(found - surface).max() < 0.01


def test_slopes_are_of_metres_and_have_a_limit() -> None:
    height = np.tile(np.arange(9.0), (9, 1)) * 1e-4
    assert directions(normals_of(height, np.full((9, 9, 2), 1e-3)))[4, 4, 0] == pytest.approx(-0.0995, abs=0.01)
    steep = directions(normals_of(height, np.full((9, 9, 2), 1e-6)))[4, 4]
    assert -steep[0] / steep[2] == pytest.approx(STEEPEST, rel=0.05)


def test_maps_are_flat_outside_the_skin_and_finely_rough_on_it(layers: Layers) -> None:
    texture = np.full((512, 512, 3), 150, np.uint8)
    normals, roughness = skin_maps(texture, np.zeros((512, 512), np.uint8), layers)
    assert (normals[layers.skin_rows :] == FLAT).all()
    plain = layers.zones["plain"] > 0.99
    tilt = np.hypot(*np.moveaxis(directions(normals[: layers.rows])[plain][:, :2], -1, 0))
    assert 0.005 < tilt.mean() < 0.15
    assert np.linalg.norm(directions(normals), axis=2) == pytest.approx(1, abs=0.02)
    lips = layers.zones["lips"] > 0.99
    level = roughness[: layers.rows] / 255
    assert level[lips].mean() < LIPS + 0.08 < CHEEKS and level[plain].std() > 0.01


def test_what_is_dark_in_the_photo_is_not_deep(layers: Layers) -> None:
    """A mole is no groove; the folds that were found are."""
    plain, mole = np.full((512, 512, 3), 150, np.uint8), np.full((512, 512, 3), 150, np.uint8)
    rows, columns = np.nonzero(layers.zones["plain"] > 0.99)
    row, column = int(np.median(rows)), int(np.median(columns[columns > 300]))
    mole[row - 1 : row + 2, column - 1 : column + 2] = 60
    seen = np.full((512, 512), 255, np.uint8)
    without = skin_maps(plain, seen, layers)[0]
    assert (skin_maps(mole, seen, layers)[0] == without).all()
    fold = np.zeros((512, 512), np.float32)
    fold[:, column - 1 : column + 2] = -2e-4
    change = directions(skin_maps(plain, seen, layers, fold)[0]) - directions(without)
    assert change[row, column + 2, 0] < -0.01 < 0.01 < change[row, column - 2, 0], "its walls face its middle"


def test_lengths_are_metres_and_bare_skin_leaves_out_brows(layers: Layers) -> None:
    plain = layers.zones["plain"] > 0.99
    assert 1e-4 < np.median(texel_lengths(layers)[plain]) < 1e-3
    bare, rough = surfaces_of(layers)
    assert bare[plain].mean() > 0.7 and bare[layers.zones["brows"] > 0.99].max() < 0.3
    assert 0.3 < rough.min() < rough.max() <= 1
