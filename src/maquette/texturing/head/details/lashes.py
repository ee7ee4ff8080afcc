"""Eyelashes: cards on the edges of the lids, which follow a blink."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Mesh, Part, Reconstruction
from maquette.morphable.model import MorphableModel
from maquette.morphable.posing import neutral_vertices
from maquette.texturing.head.fill import Palette
from maquette.weights.store import fetch
from maquette.weights.tensors import opened

HEAD = "maquette-head"  # the model whose vertices they follow
DARK, HAIR_SHARE = np.array([34.0, 26.0, 22.0]), 0.35  # usual lashes, and how much of the hair's colour is in them
CUTOFF = 0.5  # opacity


@dataclass(frozen=True, eq=False)
class LashCards:
    """Lashes on the mean head.

    Attributes:
        offsets: (V, 3) float32 metres from what each vertex follows.
        anchors: (V, 3) int32 vertices of the head; weights: (V, 3) float32, rows sum to 1, some less than 0.
        faces: (F, 3) int32; uvs: (T, 2) float32, v up; uv_faces: (F, 3) int32.
        opacity: (H, W) uint8.
    """

    offsets: NDArray
    anchors: NDArray
    weights: NDArray
    faces: NDArray
    uvs: NDArray
    uv_faces: NDArray
    opacity: NDArray


@lru_cache(maxsize=1)
def lash_cards() -> LashCards:
    """The lashes that ship."""
    with opened(fetch("lashes"), "eyelashes", "reinstall maquette", "numpy") as file:
        names = ("offsets", "anchors", "weights", "faces", "uvs", "uv_faces")
        found = {name: np.asarray(file.get_tensor(name)) for name in names}
        opacity = cv2.imdecode(file.get_tensor("opacity"), cv2.IMREAD_UNCHANGED)
    return LashCards(**found, opacity=np.asarray(opacity, np.uint8))


def with_lashes(reconstruction: Reconstruction, model: MorphableModel, palette: Palette) -> Reconstruction:
    """The head with its lashes as a part of its own; heads of other models stay as they are."""
    if model.name != HEAD or reconstruction.identity is None or reconstruction.expression is None:
        return reconstruction
    cards = lash_cards()
    neutral = neutral_vertices(reconstruction, model)
    places = np.einsum("vk,vkd->vd", cards.weights, neutral[cards.anchors]) + reconstruction.scale * cards.offsets
    mesh = Mesh(places.astype(np.float32), cards.faces, cards.uvs, cards.uv_faces, lash_texture(palette))
    part = Part("lashes", mesh, cards.anchors, cards.weights, roughness=0.9, alpha_cutoff=CUTOFF, blended=True)
    return replace(reconstruction, parts=(*reconstruction.parts, part))


def lash_texture(palette: Palette) -> NDArray:
    """(H, W, 4) uint8 sRGB and opacity: dark, with a little of the hair's colour, as grey as the photo."""
    usual = palette.lit(DARK)
    colour = np.minimum(usual + HAIR_SHARE * (np.minimum(palette.hair, 120) - usual), 90)
    opacity = lash_cards().opacity
    texture = np.empty((*opacity.shape, 4), np.uint8)
    texture[..., :3] = np.clip(np.rint(colour), 0, 255).astype(np.uint8)
    texture[..., 3] = opacity
    return texture
