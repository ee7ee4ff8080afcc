"""Teeth and tongue: the photo where it shows them, paint elsewhere."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from maquette.core.options import TextureOptions
from maquette.core.types import Frame
from maquette.geometry.camera import project
from maquette.geometry.raycast import RayCaster
from maquette.perception.faces import topology
from maquette.texturing import finish
from maquette.texturing.head.bake import bake
from maquette.texturing.head.layers import layers_of
from maquette.texturing.head.mouth import (
    DARKEST,
    EDGE,
    GUM_COLOUR,
    TOOTH_COLOUR,
    TOOTH_ENDS_M,
    MouthView,
    on_sheet,
    opening_of,
    painted_teeth,
    with_enamel,
)

SIZE = 512
PAINT = np.array([40, 200, 220])  # nothing on a head has this colour


@pytest.fixture(scope="module")
def shouting(model, photograph, reconstruct):
    """A head with its mouth open, and a photo in which the gap between its lips is painted."""
    seen, camera = photograph(0.5)
    made = reconstruct([camera])
    expression = np.zeros((1, len(model.expression_names)))
    for unit in ("jawOpen", "mouthUpperUpLeft", "mouthUpperUpRight", "mouthLowerDownLeft", "mouthLowerDownRight"):
        expression[0, model.expression_names.index(unit)] = 0.8
    vertices = model.vertices(np.zeros(4), expression[0])
    points = model.embeddings["mediapipe478"].points(vertices.astype(float), model.faces)
    landmarks = np.concatenate([project(camera, points)[0], np.zeros((len(points), 1))], axis=1)
    pixels = seen.frame.pixels.copy()
    cv2.fillPoly(pixels, [np.round(landmarks[list(topology.MOUTH_OPENING), :2]).astype(np.int32)], PAINT.tolist())
    made = replace(made, shape=replace(made.shape, vertices=vertices), expression=expression)
    return made, replace(seen, frame=Frame(pixels), landmarks=landmarks), camera, vertices


def painted(colour: np.ndarray) -> np.ndarray:
    return np.abs(colour.astype(int) - PAINT).max(axis=-1) < 40


def teeth_of(model, texture: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(n, 3) colours of the teeth's texels, and where on their sheets those lie: along, down, upper."""
    chart = layers_of(model.name, SIZE).small["teeth"]
    inside = chart.inside
    return (texture[chart.region][inside].astype(float), *(k[inside] for k in on_sheet(chart)))


def test_what_is_no_enamel_is_never_on_teeth_nor_on_lips(model, shouting) -> None:
    """Once everything between the lips was: the line of a lip, a shadow, here a blue."""
    made, seen, _, _ = shouting
    texture = finish(made, [seen], TextureOptions(texture_size=SIZE)).shape.texture
    assert not painted(teeth_of(model, texture)[0]).any()
    layers = layers_of(model.name, SIZE)
    lips = layers.zones["edge"][: layers.skin_rows] > 0.9
    assert not painted(texture[: layers.skin_rows])[lips].any()


@pytest.mark.parametrize("grey, low, high", [(70, 0.99, 1.01), (250, 1.03, 1.15)])
def test_photos_say_how_bright_teeth_are_where_they_show_them(model, shouting, grey, low, high) -> None:
    """Dark between lips is a gap or a shadow; bright and pale is a tooth."""
    _, seen, camera, vertices = shouting
    layers, chart = layers_of(model.name, SIZE), layers_of(model.name, SIZE).small["teeth"]
    pixels = np.full_like(seen.frame.pixels, grey)
    view = MouthView(
        opening_of(replace(seen, frame=Frame(pixels)), SIZE), camera, vertices, RayCaster(vertices, model.faces)
    )
    before = painted_teeth(chart, TOOTH_COLOUR, GUM_COLOUR).astype(np.float32)
    after = with_enamel(before, TOOTH_COLOUR, chart, [view], layers)
    factor = (after.sum(axis=2) / before.sum(axis=2))[chart.inside]
    assert low <= factor.max() <= high and factor.min() >= DARKEST
    assert np.allclose(with_enamel(before, TOOTH_COLOUR, chart, [], layers), before)


def test_teeth_have_gums_gaps_and_dark_backs(model) -> None:
    chart = layers_of(model.name, SIZE).small["teeth"]
    colour = painted_teeth(chart, TOOTH_COLOUR, GUM_COLOUR)[chart.inside]
    along, down, upper = (k[chart.inside] for k in on_sheet(chart))
    crown = (down > 0.3) & (down < 0.6)
    front = np.abs(along) < 0.008
    assert (colour[(down < 0.1) & front, 1] < 0.6 * colour[(down < 0.1) & front, 0]).all(), "gum is red"
    assert (colour[crown & front, 1] > 0.85 * colour[crown & front, 0]).all(), "enamel is not"
    gap = upper & crown & (np.abs(np.abs(along) - TOOTH_ENDS_M[0]) < 3e-4)
    assert colour[gap].mean() < 0.8 * colour[upper & crown & (np.abs(np.abs(along) - 0.004) < 1e-3)].mean()
    assert colour[(down > 0.95) & front].mean() < 0.5 * colour[crown & front].mean()
    assert np.ptp(along) == pytest.approx(2 * TOOTH_ENDS_M[-1], rel=0.02)


def test_where_a_texel_lies_on_the_sheets_is_where_it_lies_on_the_head(model) -> None:
    """The slow twin: places of the mean head at the texels."""
    layers = layers_of(model.name, SIZE)
    chart = layers.small["teeth"]
    place, (along, down, upper) = chart.spread(model.mean)[chart.inside], (k[chart.inside] for k in on_sheet(chart))
    assert np.corrcoef(place[:, 0], along)[0, 1] > 0.95
    edge = np.abs(down - EDGE) < 0.03
    assert place[upper & edge, 1].mean() < place[upper & (down < 0.1), 1].mean() - 0.008
    assert place[~upper & edge, 1].mean() > place[~upper & (down < 0.1), 1].mean() + 0.008
    front = np.abs(along) < 0.01
    assert place[(down > 0.95) & front, 2].mean() < place[(down < 0.5) & front, 2].mean() - 0.002


def test_a_closed_mouth_has_no_opening(photograph, shouting) -> None:
    seen, _ = photograph(0.0)
    assert opening_of(seen, SIZE) is None
    assert opening_of(replace(seen, landmark_scheme="ibug68"), SIZE) is None
    opening = opening_of(shouting[1], SIZE)
    colour, inside = opening.at(shouting[1].landmarks[[13, 14], :2].mean(axis=0).reshape(1, 1, 2))
    assert inside[0, 0] > 0.9 and painted(colour)[0, 0]
    assert opening.at(np.zeros((1, 1, 2)))[1][0, 0] == 0


def test_texels_in_the_mouth_are_believed_only_through_the_lips(model, shouting, photograph) -> None:
    _, seen, camera, vertices = shouting
    layers = layers_of(model.name, SIZE)
    cavity = layers.zones["cavity"] > 0.9
    assert bake(seen, camera, vertices, layers).trust[cavity].max() > 0.3
    assert bake(*photograph(0.0), model.mean, layers).trust[cavity].max() < 0.05


def test_a_hidden_mouth_has_no_opening(shouting) -> None:
    observation = shouting[1]
    hidden = np.ones(observation.mask.shape, np.float32)
    assert opening_of(observation, 512) is not None
    assert opening_of(replace(observation, covered=hidden), 512) is None
    assert opening_of(replace(observation, covered=0 * hidden), 512) is not None
