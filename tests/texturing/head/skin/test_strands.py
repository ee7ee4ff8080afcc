"""A lone strand across the face is not believed; folds, fringes, short marks and fair hair are left alone."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from maquette.texturing.head.bake import Baked
from maquette.texturing.head.fill import complete, palette_of
from maquette.texturing.head.layers import FACE_WIDTH_M, Layers, layers_of
from maquette.texturing.head.skin.strands import strands, without_strands
from maquette.texturing.head.tones import HAIR_SPREAD, SKIN_SPREAD, Tones, lab_of

SKIN, HAIR = np.array([200.0, 160.0, 140.0], np.float32), np.array([40.0, 32.0, 28.0], np.float32)


@pytest.fixture(scope="module")
def layers() -> Layers:
    return layers_of("maquette-head", 512)


def texel_at(layers: Layers, x: float, y: float) -> tuple[int, int]:
    """Column and row of the front of the mean head at x and y, metres."""
    point = layers.skin.spread(layers.model.mean)
    away = np.hypot(point[..., 0] - x, point[..., 1] - y) + (layers.zones["core"] < 0.5)
    row, column = np.unravel_index(int(away.argmin()), away.shape)
    return int(column), int(row)


def face(
    layers: Layers, *lines: tuple[tuple[float, float], ...], colour: np.ndarray = HAIR
) -> tuple[Baked, np.ndarray]:
    """Skin seen everywhere with lines 1.1 mm wide through points, metres on the mean head; and where they are."""
    drawn = np.zeros(layers.ambient.shape, np.uint8)
    width = round(0.0011 * layers.skin.size / FACE_WIDTH_M)
    for line in lines:
        points = np.array([texel_at(layers, *point) for point in line], np.int32)
        cv2.polylines(drawn, [points], False, (1,), width)
    coarse = np.broadcast_to(SKIN, (*drawn.shape, 3)).copy()
    coarse[drawn > 0] = colour
    skin, hair = (lab_of(tone.reshape(1, 1, 3))[0, 0] for tone in (SKIN, HAIR))
    tones = Tones(skin, SKIN_SPREAD, hair, HAIR_SPREAD, 0.9)
    one = np.ones(drawn.shape, np.float32)
    return Baked(coarse.astype(np.uint8), coarse, one, 0 * one, one, tones), drawn > 0


ACROSS = ((0.024, 0.062), (0.018, 0.045), (0.0, 0.030), (-0.010, 0.004))


def test_a_strand_is_not_believed_and_the_skin_goes_on_there(layers: Layers) -> None:
    seen, line = face(layers, ACROSS)
    found = without_strands(seen, layers)
    assert found.trust[line].mean() < 0.02 < 0.98 < seen.trust[line].mean()
    beside = ~cv2.dilate(line.astype(np.uint8), np.ones((25, 25), np.uint8)).astype(bool)
    assert (found.trust[beside] == seen.trust[beside]).all()
    texture, confidence = complete(found, layers, palette_of(found))
    assert np.abs(texture[line].mean(axis=0) - SKIN).max() < 12
    assert confidence[line].max() <= 65 / 255, "what is made up is not believed"


@pytest.mark.parametrize("factor", [0.75, 1.0])
def test_folds_and_plain_skin_stay(layers: Layers, factor: float) -> None:
    seen, _ = face(layers, ACROSS, colour=factor * SKIN)
    assert without_strands(seen, layers) is seen


def test_a_line_of_another_colour_than_the_hair_stays(layers: Layers) -> None:
    seen, _ = face(layers, ACROSS, colour=np.array([190.0, 30.0, 60.0], np.float32))
    assert not strands(seen, layers).any()


def test_a_fringe_stays(layers: Layers) -> None:
    fringe = [((x, 0.070), (x, 0.040)) for x in np.arange(-0.03, 0.0301, 0.0021)]
    seen, line = face(layers, *fringe)
    middle = line & (np.abs(layers.skin.spread(layers.model.mean)[..., 0]) < 0.02)
    assert strands(seen, layers)[middle].mean() < 0.05


def test_a_short_mark_and_a_crease_below_the_eye_stay(layers: Layers) -> None:
    seen, _ = face(layers, ((0.010, 0.055), (0.012, 0.054)), ((0.040, -0.020), (0.047, -0.022)))
    assert not strands(seen, layers).any()


def test_fair_hair_is_not_looked_for_nor_is_hair_that_nobody_saw(layers: Layers) -> None:
    seen, _ = face(layers, ACROSS)
    assert seen.tones is not None and strands(seen, layers).any()
    for hair in (None, lab_of(0.9 * SKIN.reshape(1, 1, 3))[0, 0]):
        assert not strands(replace(seen, tones=replace(seen.tones, hair=hair)), layers).any()
    assert not strands(replace(seen, tones=None), layers).any()
