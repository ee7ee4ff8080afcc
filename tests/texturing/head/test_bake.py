"""Baking a photo whose texture is known."""

from __future__ import annotations

import numpy as np

from maquette.geometry.camera import camera_centre
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import RayCaster
from maquette.texturing.head.bake import bake, visibility, without_islands
from maquette.texturing.head.layers import layers_of

SIZE = 256


def reference(known_texture: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    step = 512 // SIZE
    return known_texture.reshape(512 // step, step, 512 // step, step, 3).mean(axis=(1, 3))[: shape[0]]


def test_a_known_texture_is_recovered_where_it_is_seen(model, photograph, known_texture) -> None:
    seen, camera = photograph(0.35)
    layers = layers_of(model.name, SIZE)
    baked = bake(seen, camera, model.mean, layers)
    sure = baked.trust > 0.9
    error = np.abs(baked.colour.astype(float) - reference(known_texture, baked.colour.shape))[sure]
    assert sure.mean() > 0.18
    assert np.median(error) < 1.5
    assert np.quantile(error, 0.98) < 8


def test_background_is_never_trusted(model, photograph) -> None:
    seen, camera = photograph(0.6)
    baked = bake(seen, camera, model.mean, layers_of(model.name, SIZE))
    green = (baked.coarse[..., 1] > baked.coarse[..., 0] + 40) & (baked.trust > 0.02)
    assert green.sum() == 0


def test_visibility_is_the_slow_one(model) -> None:
    """No trusted texel is hidden or turned away, checked ray by ray."""
    from ..conftest import camera_at

    camera, layers = camera_at(0.7), layers_of(model.name, SIZE)
    fast = visibility(camera, model.mean, layers)
    points = layers.skin.spread(model.mean).reshape(-1, 3).astype(float)
    normals = layers.skin.spread(vertex_normals(model.mean, model.faces)).reshape(-1, 3)
    caster, centre = RayCaster(model.mean, model.faces), camera_centre(camera)
    rng = np.random.default_rng(3)
    trusted = rng.choice(np.flatnonzero(fast.ravel() > 0.05), 150, replace=False)
    for index in trusted:
        toward = centre - points[index]
        reach = np.linalg.norm(toward)
        assert normals[index] @ toward > 0
        # From the camera: the first hit is the texel itself, or a facet that bulges a little before it.
        hit = caster.first_hits(centre[None], (-toward / reach)[None])[2][0]
        assert hit > reach - 3e-3
    turned = (normals * (centre - points)).sum(axis=1) < 0
    assert (fast.ravel()[turned] == 0).all()


def test_the_mirrored_camera_sees_the_mirrored_half(model) -> None:
    from ..conftest import camera_at

    layers = layers_of(model.name, SIZE)
    left, right = (visibility(camera_at(yaw), model.mean, layers) for yaw in (0.5, -0.5))
    assert np.abs(left - right[:, ::-1]).mean() < 0.02


def test_small_islands_go() -> None:
    seen = np.zeros((100, 100), bool)
    seen[10:60, 10:60] = True
    seen[80:83, 80:83] = True
    kept = without_islands(seen)
    assert kept[30, 30] and not kept[81, 81]
