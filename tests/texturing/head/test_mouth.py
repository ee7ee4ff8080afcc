"""Teeth and tongue: the photo where it shows them, paint elsewhere."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from maquette.core.options import TextureOptions
from maquette.core.types import Frame
from maquette.geometry.camera import project
from maquette.perception.faces import topology
from maquette.texturing import finish
from maquette.texturing.head.bake import bake
from maquette.texturing.head.layers import layers_of
from maquette.texturing.head.mouth import arch_length, opening_of

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


def test_teeth_show_the_photo_and_lips_do_not(model, shouting) -> None:
    made, seen, _, _ = shouting
    texture = finish(made, [seen], TextureOptions(texture_size=SIZE)).shape.texture
    layers = layers_of(model.name, SIZE)
    chart = layers.small["teeth"]
    teeth = painted(texture[chart.region][chart.inside])
    assert 0.08 < teeth.mean() < 0.9
    lips = layers.zones["edge"][: layers.skin_rows] > 0.9
    assert not painted(texture[: layers.skin_rows])[lips].any()


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


def test_the_arch_is_longer_than_wide_and_even(model) -> None:
    teeth = model.mean[model.part_vertices("teeth")]
    along = arch_length(teeth[None], teeth)[0]
    assert np.allclose(along[np.abs(teeth[:, 0]) < 1e-4], 0, atol=1e-3)
    assert np.abs(teeth[:, 0]).max() < along.max() < 0.06


def test_a_hidden_mouth_has_no_opening(shouting) -> None:
    observation = shouting[1]
    hidden = np.ones(observation.mask.shape, np.float32)
    assert opening_of(observation, 512) is not None
    assert opening_of(replace(observation, covered=hidden), 512) is None
    assert opening_of(replace(observation, covered=0 * hidden), 512) is not None
