"""What of the photo belongs to the head, and the line where hair is likely."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.texturing.head.layers import HAIRLINE_M, behind_hairline, layers_of
from maquette.texturing.head.trust import head_trust, occluders

SIZE = 512


@pytest.fixture(scope="module")
def scene(model):
    """Layers, and a head that is seen everywhere and is bare skin everywhere."""
    layers = layers_of(model.name, SIZE)
    shape = layers.zones["core"].shape
    return layers, np.ones(shape, np.float32), np.ones(shape, np.float32)


def spot(layers, x: float, y: float, radius: float) -> np.ndarray:
    """(h, w) bool: texels of the face's front near a place on the mean head, metres."""
    points = layers.skin.spread(layers.model.mean)
    return (np.hypot(points[..., 0] - x, points[..., 1] - y) < radius) & (points[..., 2] > 0) & layers.skin.inside


def test_a_microphone_is_not_believed_but_a_beard_is(scene) -> None:
    layers, seen, bare = scene
    microphone = spot(layers, 0.025, -0.085, 0.010)
    one_sided = np.where(microphone, 0, bare)
    found = occluders(seen, one_sided, one_sided, layers)
    assert found[microphone].mean() > 0.9 and found[:, ::-1][microphone].max() < 0.1
    beard = microphone | spot(layers, -0.025, -0.085, 0.010)
    both = np.where(beard, 0, bare)
    assert occluders(seen, both, both, layers).max() == 0


def test_hair_beside_the_face_is_not_believed(scene) -> None:
    layers, seen, bare = scene
    points = layers.skin.spread(layers.model.mean)
    strands = (np.abs(points[..., 0]) > 0.055) & (points[..., 1] < 0) & (layers.zones["inner"] < 0.1)
    trust = head_trust(seen, np.where(strands, 0, bare), 0 * bare, np.where(strands, 0, bare), layers)
    assert trust[strands & layers.skin.inside].max() < 0.35
    assert trust[spot(layers, 0, 0.03, 0.015)].min() > 0.9


def test_photos_end_softly(scene) -> None:
    layers, seen, bare = scene
    trust = head_trust(seen, bare, 0 * bare, bare, layers)
    plain = (layers.zones["plain"] > 0.9) & (layers.zones["inner"] < 0.05)
    jump = np.abs(np.diff(trust, axis=1))[plain[:, 1:] & plain[:, :-1]]
    assert np.quantile(jump, 0.999) < 0.15


def test_the_hairline_parts_forehead_and_crown() -> None:
    line = np.array(HAIRLINE_M)
    assert np.allclose(behind_hairline(line[:, 1], line[:, 0]), 0, atol=1e-6)
    assert behind_hairline(np.array([0.11, 0.02]), np.array([-0.05, -0.08])).min() > 0.02
    assert behind_hairline(np.array([0.03, -0.05]), np.array([0.03, 0.0])).max() < -0.02


def test_hair_keeps_away_from_mouth_ears_and_neck(model, scene) -> None:
    zones = scene[0].zones
    assert zones["hair"][zones["cavity"] > 0.9].max() < 0.05
    assert zones["hairline"][zones["core"] > 0.95].mean() < 0.12
    y = scene[0].skin.spread(model.mean)[..., 1]
    assert zones["hair"][y < -0.10].max() < 0.05
    assert (zones["hair"] <= zones["hairline"] + 0.3).all()
