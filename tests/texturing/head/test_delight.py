"""The photo's light taken out of the skin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.geometry.mesh import vertex_normals
from maquette.reconstruction.face_fit.terms.shading import harmonics
from maquette.texturing.head.bake import Baked
from maquette.texturing.head.delight import LINEAR, coded, delit, linear
from maquette.texturing.head.layers import Layers, layers_of
from maquette.texturing.images import enlarged

ALBEDO = np.array([0.42, 0.25, 0.18])
SIDE = np.array([1.0, 0.45, 0.1, 0.25, 0, 0, 0, 0, 0])  # light from the subject's left


@pytest.fixture(scope="module")
def layers(model) -> Layers:
    return layers_of(model.name, 256)


def lit(layers: Layers, light: np.ndarray, albedo: np.ndarray) -> Baked:
    """Skin of that albedo (h, w, 3) in that light (9,), seen wherever the face is."""
    normals = layers.skin.spread(vertex_normals(layers.model.mean, layers.model.faces)).astype(float)
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)
    shade = np.maximum(harmonics(normals.reshape(-1, 3)) @ light, 0.05).reshape(*normals.shape[:2], 1)
    coarse = coded(albedo * shade / 1.2)
    colour = np.rint(enlarged(coarse, (layers.rows, layers.size))).astype(np.uint8)
    trust = layers.zones["core"].astype(np.float32)
    return Baked(colour, coarse, trust, np.zeros_like(trust), np.ones_like(trust), None)


def unevenness(seen: Baked, layers: Layers) -> float:
    """Left against right cheek, as a logarithm."""
    plain = (layers.zones["plain"] * layers.zones["core"] > 0.8) & (seen.trust > 0.8)
    half = plain.shape[1] // 2
    light = linear(seen.coarse).mean(axis=2)
    left, right = light[:, half:][plain[:, half:]].mean(), light[:, :half][plain[:, :half]].mean()
    return abs(float(np.log(left / right)))


def test_light_from_the_side_goes_and_the_albedo_stays(layers) -> None:
    albedo = np.broadcast_to(ALBEDO, (*layers.skin.shape, 3))
    before = lit(layers, SIDE, albedo)
    after = delit(before, layers.model.mean, layers)
    assert unevenness(before, layers) > 0.3
    assert unevenness(after, layers) < 0.5 * unevenness(before, layers)
    plain = layers.zones["plain"] * layers.zones["core"] > 0.8
    hue = linear(after.coarse)[plain].mean(axis=0)
    assert np.allclose(hue / hue.sum(), ALBEDO / ALBEDO.sum(), atol=0.01)
    small = linear(after.colour.astype(float))[:: layers.size // layers.skin.size, :: layers.size // layers.skin.size]
    assert np.abs(small[plain[: len(small)]].mean(axis=0) / hue - 1).max() < 0.03, "both sizes go the same way"


def test_a_mole_and_a_shadowed_beard_are_no_light(layers) -> None:
    place = layers.skin.spread(layers.model.mean)
    mole = np.exp(-(((place - [0.03, -0.03, 0.03]) ** 2)[..., :2].sum(axis=2)) / 0.004**2)
    albedo = ALBEDO * (1 - 0.7 * mole)[..., None]
    seen = lit(layers, np.eye(9)[0], albedo)
    after = delit(seen, layers.model.mean, layers)
    spot = (mole > 0.8) & (seen.trust > 0.8)
    assert spot.any()
    ratio = linear(after.coarse)[spot].mean() / linear(seen.coarse)[spot].mean()
    assert 0.93 < ratio < 1.07


def test_even_light_changes_nothing(layers) -> None:
    seen = lit(layers, np.eye(9)[0], np.broadcast_to(ALBEDO, (*layers.skin.shape, 3)))
    after = delit(seen, layers.model.mean, layers)
    core = seen.trust > 0.8
    assert np.abs(after.coarse - seen.coarse)[core].max() < 3


def test_a_face_of_which_nothing_is_seen_is_left_alone(layers) -> None:
    seen = lit(layers, SIDE, np.broadcast_to(ALBEDO, (*layers.skin.shape, 3)))
    hidden = replace(seen, trust=np.zeros_like(seen.trust))
    assert delit(hidden, layers.model.mean, layers) is hidden


def test_codes_and_light_are_each_other() -> None:
    assert np.abs(coded(LINEAR) - np.arange(256)).max() < 0.3
    assert LINEAR[0] == 0 and LINEAR[255] == 1 and np.isclose(LINEAR[188], 0.5029, atol=1e-3)
