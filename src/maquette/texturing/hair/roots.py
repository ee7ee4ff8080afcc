"""The skin beside hair, in its shade and in its colour: a hairline ends softly, though cards end at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from maquette.core.types import Mesh, Part
from maquette.texturing.head.layers import Layers
from maquette.texturing.images import blurred, enlarged, smoothstep

NEAR_M, FAR_M = 0.002, 0.014  # from the hair: where its shade is full, and where it ends
SPACING_M = 0.002  # of the points by which hair is found
SHADE = 0.55  # of the hair's colour in the skin next to it
DARKER = 0.7  # hair at its roots, of its median
STEP = 2  # texels of the skin's chart: distances are worked out on every second one
SOFT = 0.004  # of the chart's width


def with_roots(shape: Mesh, hair: Part, neutral: NDArray, scale: float, layers: Layers) -> Mesh:
    """A textured head on whose skin hair has roots.

    Args:
        shape: with `texture` (S, S, 3) uint8. hair: cut out by the opacity of its texture.
        neutral: (V, 3) metres, the head on which the hair lies. scale: its size, of the model's.
        layers: of the head's model.
    """
    assert shape.texture is not None and hair.mesh.texture is not None, "both were painted"
    points, colour = hair_points(hair, SPACING_M * scale)
    if len(points) == 0:
        return shape
    share = beside(points, neutral, scale, layers)
    side = shape.texture.shape[0]
    rows = round(share.shape[0] * side / share.shape[1])
    full = SHADE * enlarged(share, (rows, side))
    texture = shape.texture.copy()
    where = full > 1 / 255
    skin = texture[:rows][where]
    dark = np.minimum(DARKER * colour, skin)
    texture[:rows][where] = np.rint(skin + full[where][:, None] * (dark - skin)).astype(np.uint8)
    return replace(shape, texture=texture)


def beside(points: NDArray, neutral: NDArray, scale: float, layers: Layers) -> NDArray:
    """(h, w) float32 0-1, in the skin's chart: how near hair is, given by points (N, 3)."""
    places = layers.skin.spread(neutral)[::STEP, ::STEP].reshape(-1, 3)
    zones = layers.zones
    far = FAR_M * scale
    distance = cKDTree(points).query(places, distance_upper_bound=far)[0]
    share = 1 - smoothstep(np.minimum(distance, far), NEAR_M * scale, far)
    features = np.maximum.reduce([zones["brows"], zones["edge"], zones["inner"], zones["lips"]])
    near = enlarged(share.reshape(-(-layers.skin.shape[0] // STEP), -1).astype(np.float32), layers.skin.shape)
    return (blurred(near, SOFT * near.shape[1]) * (1 - features)).astype(np.float32)


def hair_points(hair: Part, spacing: float) -> tuple[NDArray, NDArray]:
    """Points (N, 3) on what is opaque of a part, about `spacing` metres apart, and its median colour (3,)."""
    mesh = hair.mesh
    assert mesh.uvs is not None and mesh.uv_faces is not None and mesh.texture is not None, "checked when it was made"
    corners = mesh.vertices[mesh.faces].astype(float)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    triangle = np.repeat(np.arange(len(corners)), np.ceil(area / spacing**2).astype(int))
    weights = np.random.default_rng(23).dirichlet(np.ones(3), len(triangle))
    uvs = np.einsum("nk,nkd->nd", weights, mesh.uvs[mesh.uv_faces[triangle]]) * [1, -1] + [0, 1]
    height, width = mesh.texture.shape[:2]
    at = np.clip((uvs * [width, height]).astype(int), 0, [width - 1, height - 1])
    texels = mesh.texture[at[:, 1], at[:, 0]]
    opaque = texels[:, 3] > 255 * hair.alpha_cutoff if texels.shape[1] == 4 else np.ones(len(texels), bool)
    colour = np.median(texels[opaque, :3], axis=0) if opaque.any() else np.zeros(3)
    return np.einsum("nk,nkd->nd", weights, corners[triangle])[opaque], colour
