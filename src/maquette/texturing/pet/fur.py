"""Fur as layers of the skin's own surface, each a little farther out, cut into hairs (Lengyel et al. 2001)."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from maquette.core.types import Mesh, Part, Reconstruction
from maquette.geometry.mesh import vertex_normals
from maquette.morphable.model import SIDES, MorphableModel
from maquette.morphable.pet import species_of
from maquette.morphable.posing import neutral_vertices
from maquette.texturing.images import smoothstep
from maquette.texturing.pet.flow import combed
from maquette.texturing.texels import texels_of

LENGTH = {"cat": 0.10, "dog": 0.12, "wild": 0.09}  # of the longest fur, in eye distances
LEAN = 0.9  # how far hairs lie down: metres along the skin per metre away from it
SHORTEST = 0.06  # share of the longest fur below which skin is bare
TILE = 640  # texels of a layer's own part of the texture
HAIR, TEXELS = 0.022, 1.5  # width of a hair: eye distances, and texels at least
OCTAVES, VOLUME = 4, 48  # of widths; cells along each side of the noise
ROOT, TIP = 0.42, 0.9  # quantiles of the noise that are empty between hairs, at the lowest and the highest layer
CUTOFF = 0.5
MANED, LONGER = (
    (1.12, 1.4),
    3.0,
)  # width over the mean head's from, and at which, a mane is longest; its length beside 1
MOST_LAYERS = 8
BRIGHTER, SPECKLED = 0.08, 0.10  # tips over roots; hairs among each other
ON_EARS = 0.15  # of the length elsewhere: longer hair floats beside their edges


def with_fur(reconstruction: Reconstruction, model: MorphableModel, layers: int, seed: int = 0) -> Reconstruction:
    """The textured head with `layers` of fur as the part `fur`; unchanged for none, or without a texture.

    Args:
        seed: of where hairs grow.
    """
    mesh = reconstruction.shape
    if layers < 1 or mesh.texture is None or mesh.uvs is None or mesh.uv_faces is None:
        return reconstruction
    growth = model.regions["fur_length"] * (1 - (1 - ON_EARS) * model.regions["ears"]).astype(float)
    skin = model.faces[model.parts["skin"]]
    furry = (growth[skin] > SHORTEST).all(axis=1)
    faces, uv_faces = skin[furry], mesh.uv_faces[model.parts["skin"]][furry]
    used, corners = np.unique(faces, return_inverse=True)
    used_uvs, uv_corners = np.unique(uv_faces, return_inverse=True)
    if not len(used):
        return reconstruction
    root = neutral_vertices(reconstruction, model).astype(float)
    normals = vertex_normals(root, model.faces)
    lying = normals + LEAN * combed(root, normals, model)
    species = species_of(model.name)
    unit = float(np.linalg.norm(model.eye_centre(root, "Left") - model.eye_centre(root, "Right")))
    growth = growth * (1 + LONGER * maned(root, model) * model.regions["mane"])
    reach = LENGTH[species] * unit * growth[used, None]
    layers = layers if growth.max() < 2 else min(2 * layers, MOST_LAYERS)  # as near to each other as short fur's
    side = int(np.ceil(np.sqrt(layers)))
    places, uvs, triangles, uv_triangles = [], [], [], []
    for layer in range(layers):
        share = (layer + 1) / layers
        bent = normals[used] * share + (lying - normals)[used] * share**2
        places.append(root[used] + reach * bent)
        corner = np.array([layer % side, layer // side])
        uvs.append((mesh.uvs[used_uvs] + corner) / side)
        triangles.append(corners.reshape(-1, 3) + layer * len(used))
        uv_triangles.append(uv_corners.reshape(-1, 3) + layer * len(used_uvs))
    fur = Mesh(
        np.concatenate(places).astype(np.float32), np.concatenate(triangles).astype(np.int32),
        np.concatenate(uvs).astype(np.float32), np.concatenate(uv_triangles).astype(np.int32),
        texture=_pictures(mesh, model, layers, seed),
    )  # fmt: skip
    anchors = np.tile(np.repeat(used[:, None], 3, axis=1), (layers, 1)).astype(np.int32)
    weights = np.tile(np.array([1, 0, 0], np.float32), (len(anchors), 1))
    part = Part(
        "fur", fur, anchors, weights, np.tile(normals[used], (layers, 1)).astype(np.float32), roughness=0.9,
        specular=0.0, alpha_cutoff=CUTOFF,
    )  # fmt: skip
    return replace(reconstruction, parts=(*reconstruction.parts, part))


def maned(vertices: NDArray, model: MorphableModel) -> float:
    """0-1: how long the mane of a head (V, 3) is: by how much it is wider there than the mean of its species."""
    mane = model.regions["mane"] > 0.5
    wide = [
        np.quantile(np.abs(head[mane, 0]), 0.95) / np.ptp([model.eye_centre(head, side)[0] for side in SIDES])
        for head in (vertices, model.mean)
    ]
    return float(smoothstep(np.array(wide[0] / wide[1]), *MANED))


def _pictures(mesh: Mesh, model: MorphableModel, layers: int, seed: int) -> NDArray:
    """(side * TILE, side * TILE, 4) uint8: the skin's colours once per layer, ever fewer hairs left."""
    assert mesh.texture is not None, "asked of textured heads"
    side = int(np.ceil(np.sqrt(layers)))
    skin = cv2.resize(mesh.texture, (TILE, TILE), interpolation=cv2.INTER_AREA).astype(np.float32)
    noise = _hairs(mesh, model, seed)
    out = np.zeros((side * TILE, side * TILE, 4), np.uint8)
    for layer in range(layers):
        share = (layer + 1) / layers
        empty = ROOT + (TIP - ROOT) * share
        opacity = np.clip((noise - empty) / max(1 - empty, 1e-6) * 4 + CUTOFF, 0, 1)
        bright = 1 + BRIGHTER * (share - 0.5) + SPECKLED * (noise[..., None] - 0.5)
        tile = np.dstack([np.clip(skin * bright, 0, 255), 255 * opacity]).astype(np.uint8)
        # The first row of a picture is v = 1.
        top, left = (side - 1 - layer // side) * TILE, layer % side * TILE
        out[top : top + TILE, left : left + TILE] = tile
    return out


def _hairs(mesh: Mesh, model: MorphableModel, seed: int) -> NDArray:
    """(TILE, TILE) float32 0-1, evenly distributed: where hairs stand, as thick in space wherever the texels suffice.

    A texture is finer here and coarser there; noise in space is not, and where texels are coarser than hairs its next
    octave is taken.
    """
    texels = texels_of(mesh, TILE)
    unit = float(np.linalg.norm(model.eye_centre(model.mean, "Left") - model.eye_centre(model.mean, "Right")))
    points = texels.spread(model.mean) / unit
    assert mesh.uvs is not None, "asked of textured heads"
    corners, places = (model.mean / unit)[mesh.faces].astype(float), mesh.uvs[mesh.uv_faces].astype(float)
    flat = np.abs(_cross(places[:, 1] - places[:, 0], places[:, 2] - places[:, 0])) * TILE**2
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    wide = np.maximum(HAIR, TEXELS * np.sqrt(area / np.maximum(flat, 1e-9)))[texels.face]
    octave = np.clip(np.log2(wide / HAIR), 0, OCTAVES - 1)
    raw = np.random.default_rng(seed).standard_normal((VOLUME,) * 3)
    order = np.argsort(np.argsort(ndimage.gaussian_filter(raw, 0.8, mode="wrap"), axis=None))
    volume = (order / order.size).reshape(raw.shape).astype(np.float32)
    value = np.zeros(len(points), np.float32)
    for k in range(OCTAVES):
        mine = np.floor(octave) == k
        at = points[mine] * (1.6 / (HAIR * 2**k)) + 17.3 * k
        value[mine] = ndimage.map_coordinates(volume, at.T, order=1, mode="grid-wrap")
    return texels.picture(255 * value).astype(np.float32) / 255


def _cross(a: NDArray, b: NDArray) -> NDArray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
