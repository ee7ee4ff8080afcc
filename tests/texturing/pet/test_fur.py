"""Layers of fur."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from maquette.texturing.pet import fur


@pytest.fixture(scope="module")
def textured(seen):
    made, _ = seen
    texture = np.full((256, 256, 3), (150, 110, 80), np.uint8)
    return replace(made, shape=replace(made.shape, texture=texture))


@pytest.mark.parametrize("layers", [1, 4, 8])
def test_layers_grow_outwards_and_thin_out(textured, cat, layers):
    (part,) = fur.with_fur(textured, cat, layers).parts
    count = len(part.mesh.vertices) // layers
    away = [np.linalg.norm(part.mesh.vertices[k * count : (k + 1) * count] - cat.mean[part.anchors[:count, 0]], axis=1)
            for k in range(layers)]  # fmt: skip
    assert all(a.mean() < b.mean() for a, b in pairwise(away))
    unit = np.linalg.norm(cat.eye_centre(cat.mean, "Left") - cat.eye_centre(cat.mean, "Right"))
    assert away[-1].max() < 2.5 * fur.LENGTH["cat"] * unit
    side = int(np.ceil(np.sqrt(layers)))
    assert part.mesh.texture.shape == (side * fur.TILE, side * fur.TILE, 4)
    cover = []
    for layer in range(layers):
        top, left = (side - 1 - layer // side) * fur.TILE, layer % side * fur.TILE
        tile = part.mesh.texture[top : top + fur.TILE, left : left + fur.TILE]
        cover.append((tile[..., 3] > 255 * part.alpha_cutoff).mean())
        uvs = part.mesh.uvs[part.mesh.uv_faces[part.mesh.faces[:, 0] // count == layer]]
        assert (uvs[..., 0] * side - layer % side).min() > -1e-5 and (
            uvs[..., 0] * side - layer % side
        ).max() < 1 + 1e-5
        assert (uvs[..., 1] * side - layer // side).min() > -1e-5
    assert all(a > b for a, b in pairwise(cover)) and 0.02 < cover[-1] <= cover[0] < 0.7


def test_bare_skin_and_eyes_have_none(textured, cat):
    (part,) = fur.with_fur(textured, cat, 2).parts
    used = np.unique(part.anchors[:, 0])
    assert cat.regions["fur_length"][used].min() > fur.SHORTEST
    for side in ("eyeLeft", "eyeRight"):
        assert not np.isin(cat.part_vertices(side), used).any()


def test_fur_moves_with_the_skin(textured, cat):
    (part,) = fur.with_fur(textured, cat, 2).parts
    moves = np.zeros((len(cat.mean), 3), np.float32)
    moves[:, 1] = np.arange(len(cat.mean))
    assert np.allclose(part.follow(moves)[:, 1], part.anchors[:, 0])


def test_none_is_none(textured, seen, cat):
    assert fur.with_fur(textured, cat, 0) is textured
    assert fur.with_fur(seen[0], cat, 4) is seen[0]  # no texture, nothing to colour it by


def test_fur_is_long_where_the_outline_is_wide(cat):
    wide = cat.mean * np.where(cat.regions["mane"] > 0.5, 1.4, 1.0)[:, None] ** [1, 0, 0]
    assert fur.maned(cat.mean, cat) == 0 and fur.maned(1.7 * cat.mean, cat) == 0
    assert fur.maned(wide, cat) == pytest.approx(1, abs=0.05)
