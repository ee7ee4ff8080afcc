"""A full beard given back as layers over the skin, in the photo's colours, which follow the jaw.

Stubble and short beards stay in the texture. A beard is full where the network that reads the photo saw one, and the
skin of jaw and chin is far darker and far rougher than the cheeks' on both sides: of 28 faces that is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Mesh, Observation, Part, Reconstruction
from maquette.geometry.mesh import vertex_normals
from maquette.morphable.posing import neutral_vertices
from maquette.reconstruction.face_fit.terms.albedo import beard as beard_zone
from maquette.texturing.head.bake import Baked
from maquette.texturing.head.layers import FACE_WIDTH_M, Layers
from maquette.texturing.images import blurred, disc, enlarged, smoothstep

READ = 0.01  # of the skin's pixels: what the network takes for beard; 26 faces have none
# Natural logarithm of the cheeks over the beard, and how much it varies within 3 mm: a full beard has more of both on
# either side. The next of 28 faces have 0.40 and 0.04.
DARKER, ROUGHER = 0.5, 0.12
ROUGH_M, NEAR_M = 0.0008, 0.0014  # standard deviations: lines, and how far around they are counted
CHEEK_M = (0.025, 0.050, -0.045, -0.015)  # |x| and y on the mean head, from and to
JAW_M = (0.004, -0.055)  # least |x| and highest y, where a beard is looked for
SEEN, FEWEST = 0.4, 150  # trust; texels of 512 x 512
BEARDED = (0.15, 0.5)  # natural logarithm of the cheeks over a texel, where a beard begins and is all
LOOKED_M, SOFT_M = 0.004, 0.003  # over which that is read; how softly a beard ends
LOWEST_M, BEHIND_M = (-0.135, -0.115), (-0.020, 0.010)  # y and z on the mean head: throat, ears
LIPS_M = 0.0008  # around the lips
LAYERS, LENGTH_M = 4, 0.009
SHORTER = 0.35  # of that, of the hair above the chin
CHIN_M = (0.075, 0.105)  # below the eyes: where the hair is that short, and where it is long
OUT, DOWN = 0.75, 0.55  # of a hair's length: away from the skin, and at its tip down
COVER = (0.75, 0.5)  # share of the lowest layer that is hair, and by how much less the topmost is
LIT = (0.8, 0.3)  # brightness at the root, and by how much more at the tip
WIDTH = 216  # texels of a layer
SHOWN = 0.2  # of a beard: triangles that have less are left out
BLEED = 8  # texels beside hairs that keep their colour, for smaller copies of the picture


def with_beard(
    reconstruction: Reconstruction, observations: Sequence[Observation], seen: Baked, layers: Layers
) -> Reconstruction:
    """The textured head with a full beard, as a part of its own, where the photos show one; else as it is."""
    if not any(read_beard(observation) for observation in observations):
        return reconstruction
    cover = bearded(seen, layers)
    if cover is None:
        return reconstruction
    part = beard_part(reconstruction, cover, layers)
    return reconstruction if part is None else replace(reconstruction, parts=(*reconstruction.parts, part))


def read_beard(observation: Observation) -> bool:
    """Whether the network that reads the photo saw some beard."""
    if observation.beard is None or observation.skin is None:
        return False
    return bool((observation.beard > 0.5).sum() > READ * max(int((observation.skin > 0.5).sum()), 1))


def bearded(seen: Baked, layers: Layers) -> NDArray | None:
    """(h, w) float32 0-1: where a full beard is; None where jaw and cheeks do not differ enough on both sides."""
    zones, texel = layers.zones, FACE_WIDTH_M / layers.skin.size
    place = layers.skin.spread(layers.model.mean)
    x, y, z = np.moveaxis(place, -1, 0)
    lips = cv2.dilate(zones["lips"].astype(np.float32), disc(LIPS_M / texel))
    zone = beard_zone(place.reshape(-1, 3)).reshape(x.shape) * (1 - smoothstep(lips, 0.05, 0.4))
    zone = zone * (1 - smoothstep(zones["inner"], 0.1, 0.4)) * smoothstep(y, *LOWEST_M) * smoothstep(z, *BEHIND_M)
    light = np.log(np.maximum(seen.coarse.mean(axis=2), 6.0)).astype(np.float32)
    rough = np.sqrt(blurred((light - blurred(light, ROUGH_M / texel)) ** 2, NEAR_M / texel))
    left, right, low, high = CHEEK_M
    cheeks = (np.abs(x) > left) & (np.abs(x) < right) & (y > low) & (y < high) & (z > 0)
    jaw = (zone > 0.5) & (np.abs(x) > JAW_M[0]) & (y < JAW_M[1])
    dark = np.zeros_like(light)
    for side in (x > 0, x <= 0):
        cheek, chin = (part & side & (seen.trust > SEEN) for part in (cheeks, jaw))
        if min(cheek.sum(), chin.sum()) < FEWEST * (layers.skin.size / 512) ** 2:
            return None
        usual = float(light[cheek].mean())
        if usual - light[chin].mean() < DARKER or np.median(rough[chin]) < ROUGHER:
            return None
        dark[side] = usual - light[side]
    hair = smoothstep(blurred(dark, LOOKED_M / texel), *BEARDED) * zone
    return blurred(hair.astype(np.float32), SOFT_M / texel)


def beard_part(reconstruction: Reconstruction, cover: NDArray, layers: Layers) -> Part | None:
    """The layers of a beard that covers the chart by `cover` (h, w) 0-1, or None if that is nowhere."""
    head = reconstruction.shape
    assert head.texture is not None and head.uvs is not None and head.uv_faces is not None, "the head is textured"
    size = layers.skin.size
    at = np.clip((head.uvs * [1, -1] + [0, 1]) * size, 0, np.array(cover.shape[::-1]) - 1).astype(int)
    on = np.zeros(len(head.vertices))
    on[head.faces.ravel()] = cover[at[:, 1], at[:, 0]][head.uv_faces.ravel()]
    skin = np.isin(np.arange(len(head.faces)), layers.model.parts["skin"])
    kept = skin & (on[head.faces].max(axis=1) > SHOWN)
    if not kept.any():
        return None
    used, faces = np.unique(head.faces[kept], return_inverse=True)
    corners, uv_faces = np.unique(head.uv_faces[kept], return_inverse=True)
    faces, uv_faces = faces.reshape(-1, 3), uv_faces.reshape(-1, 3)
    vertices = neutral_vertices(reconstruction, layers.model).astype(float)
    normals = vertex_normals(vertices, head.faces)[used]
    scale = reconstruction.scale
    chin = smoothstep(-vertices[used, 1] / scale, *CHIN_M)
    length = scale * LENGTH_M * (SHORTER + (1 - SHORTER) * chin) * on[used]
    tips = np.arange(1, LAYERS + 1) / LAYERS
    grown = [
        vertices[used] + (length * tip)[:, None] * (OUT * normals + tip * np.array([0.0, -DOWN, 0.0])) for tip in tips
    ]
    texture, uvs = layered(head.texture, cover, head.uvs[corners], size)
    count = np.arange(LAYERS)[:, None, None]
    mesh = Mesh(
        np.concatenate(grown).astype(np.float32), (faces + count * len(used)).reshape(-1, 3).astype(np.int32),
        uvs, (uv_faces + count * len(corners)).reshape(-1, 3).astype(np.int32), texture,
    )  # fmt: skip
    anchors = np.tile(used[:, None], (LAYERS, 3)).astype(np.int32)
    weights = np.tile(np.array([[1, 0, 0]], np.float32), (len(anchors), 1))
    around = np.tile(normals, (LAYERS, 1)).astype(np.float32)
    return Part("beard", mesh, anchors, weights, around, roughness=1.0, specular=0.0, alpha_cutoff=0.4)


def layered(texture: NDArray, cover: NDArray, uvs: NDArray, size: int) -> tuple[NDArray, NDArray]:
    """One picture of all layers below each other, the lowest on top, and where the corners lie in it.

    Args:
        texture: (S, S, 3) uint8; cover: (h, w) 0-1, of a chart `size` texels wide; uvs: (T, 2), of the head.

    Returns:
        texture: (H, W, 4) uint8 sRGB and opacity.
        uvs: (LAYERS * T, 2) float32, v up.
    """
    rows, columns = np.where(cover > 0.03)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    width = min(WIDTH, (right - left) * texture.shape[1] // size)
    shape = max(1, round(width * (bottom - top) / (right - left))), width
    factor = texture.shape[0] / size
    box = slice(round(top * factor), round(bottom * factor)), slice(round(left * factor), round(right * factor))
    colour = cv2.resize(texture[box], shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    on = enlarged(cover[top:bottom, left:right].astype(np.float32), shape)
    noise = blurred(np.random.default_rng(0).standard_normal(shape).astype(np.float32), 0.9)
    rank = (noise.argsort(axis=None).argsort() / noise.size).reshape(shape)
    pictures, places = [], []
    inner = (uvs * [1, -1] + [0, 1]) * size
    inner = np.clip((inner - [left, top]) / [right - left, bottom - top], 0.002, 0.998)
    for k in range(LAYERS):
        tip = (k + 1) / LAYERS
        dense = smoothstep(on, 0.1 + 0.2 * tip, 0.5 + 0.2 * tip)
        opacity = blurred((rank < (COVER[0] - COVER[1] * tip) * dense).astype(np.float32), 0.5)
        near = cv2.dilate((opacity > 0).astype(np.uint8), disc(BLEED))  # the file is a third smaller without the rest
        lit = np.clip(colour * (LIT[0] + LIT[1] * tip), 0, 255) * near[..., None]
        pictures.append(np.dstack([lit, 255 * opacity]))
        places.append(np.column_stack([inner[:, 0], 1 - (inner[:, 1] + k) / LAYERS]))
    return np.rint(np.concatenate(pictures)).astype(np.uint8), np.concatenate(places).astype(np.float32)
