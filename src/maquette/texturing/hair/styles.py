"""The hair styles that ship: cards on the mean head, their lightness and opacity, and what a person would call them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.options import STYLES
from maquette.core.types import Camera
from maquette.geometry.raycast import render_buffers
from maquette.morphable.model import MorphableModel
from maquette.weights.store import fetch
from maquette.weights.tensors import opened

__all__ = [
    "HANGING",
    "SAMPLES",
    "STYLES",
    "CardStyle",
    "TexelMap",
    "anchors",
    "mirrored",
    "solid",
    "style",
    "texel_map",
]


@dataclass(frozen=True, eq=False)
class CardStyle:
    """One hair style on the mean head.

    Attributes:
        name: one of STYLES.
        vertices: (V, 3) float32 metres, world.
        faces: (F, 3) int32; uvs: (T, 2) float32, v up; uv_faces: (F, 3) int32.
        feet: (V,) int32 triangle of the head on which each vertex stands; shares: (V, 3) float32, where in it.
        grey: (H, W) float32 lightness over its median; opacity: (H, W) uint8.
    """

    name: str
    vertices: NDArray
    faces: NDArray
    uvs: NDArray
    uv_faces: NDArray
    feet: NDArray
    shares: NDArray
    grey: NDArray
    opacity: NDArray


@dataclass(frozen=True, eq=False)
class TexelMap:
    """Which triangle of a style has each texel.

    Attributes:
        face: (H, W) int32, -1 for none; of several that share a texel any one.
        barycentric: (H, W, 3) float32.
        own: (F,) bool: triangles that share hardly a texel with others.
    """

    face: NDArray
    barycentric: NDArray
    own: NDArray


HANGING = ("bob01", "bob02", "braid01", "long01")  # styles that hang over the ears
OPAQUE = 90  # 8-bit: the cutoff of the material
SAMPLES = np.array([[1, 1, 1], [4, 1, 1], [1, 4, 1], [1, 1, 4], [2, 2, 0.5], [2, 0.5, 2], [0.5, 2, 2]])
SAMPLES /= SAMPLES.sum(axis=1, keepdims=True)  # barycentric: points by which a triangle is judged


@lru_cache(maxsize=len(STYLES))
def texel_map(name: str) -> TexelMap:
    """The texels of a style, as its texture is seen from straight above."""
    of = style(name)
    height, width = of.opacity.shape
    flat = np.concatenate([of.uvs * [1, -1] + [0, 1], np.zeros((len(of.uvs), 1))], axis=1) * [width, height, 1]
    above = Camera(np.diag([1.0, 1.0, 1.0]), np.eye(4), (width, height), "orthographic")
    face, barycentric, _ = render_buffers(above, flat, of.uv_faces)
    row, column = _samples(of)
    winner = face[row, column]
    # Faces next to each other meet in a texel: only most samples count.
    own = (winner == np.arange(len(winner))[:, None]).mean(axis=1) > 0.5
    return TexelMap(face.astype(np.int32), barycentric.astype(np.float32), own)


@lru_cache(maxsize=len(STYLES))
def solid(name: str) -> NDArray:
    """(F,) bool: the triangles of a style that are opaque for the most part."""
    of = style(name)
    return np.asarray(np.median(of.opacity[_samples(of)], axis=1) > OPAQUE)


def _samples(of: CardStyle) -> tuple[NDArray, NDArray]:
    """Rows and columns, (F, S), of the texels by which triangles are judged."""
    height, width = of.opacity.shape
    points = np.einsum("sk,fkd->fsd", SAMPLES, of.uvs[of.uv_faces] * [1, -1] + [0, 1]) * [width, height]
    at = np.clip(points.astype(int), 0, [width - 1, height - 1])
    return at[..., 1], at[..., 0]


@lru_cache(maxsize=1)
def anchors() -> NDArray:
    """(250,) int32 vertices of the head by which space is warped from the mean head to somebody's."""
    with opened(fetch("hair-styles"), "hair styles", "reinstall maquette", "numpy") as file:
        return np.asarray(file.get_tensor("anchors"))


@lru_cache(maxsize=len(STYLES))
def style(name: str) -> CardStyle:
    """A style by its name."""
    with opened(fetch("hair-styles"), "hair styles", "reinstall maquette", "numpy") as file:
        level = float(file.metadata()["level"])
        assert name in json.loads(file.metadata()["styles"]), name
        names = ("vertices", "faces", "uvs", "uv_faces", "feet", "shares", "grey", "opacity")
        found = {key: np.asarray(file.get_tensor(f"{name}.{key}")) for key in names}
    grey, opacity = (
        np.asarray(cv2.imdecode(found.pop(key), cv2.IMREAD_UNCHANGED), np.uint8) for key in ("grey", "opacity")
    )
    return CardStyle(name, **found, grey=(grey / level).astype(np.float32), opacity=opacity)


@lru_cache(maxsize=4)
def mirrored(name: str, model: MorphableModel) -> CardStyle:
    """A style by its name, parted on the other side."""
    of = style(name)
    corners = model.faces[of.feet]
    twins = {tuple(sorted(face)): number for number, face in enumerate(model.mirror[model.faces].tolist())}
    feet = np.array([twins.get(tuple(sorted(face)), -1) for face in corners.tolist()], np.int32)
    # Corners of the mirrored triangle come in another order: each share goes to the twin of its vertex.
    kept = feet >= 0
    feet[~kept] = of.feet[~kept]
    there, wanted = model.faces[feet], model.mirror[corners]
    order = (there[:, :, None] == wanted[:, None, :]).argmax(axis=2)
    shares = np.where(kept[:, None], np.take_along_axis(of.shares, order, axis=1), of.shares)
    return replace(of, vertices=of.vertices * np.array([-1, 1, 1], np.float32), faces=of.faces[:, ::-1].copy(),
                   uv_faces=of.uv_faces[:, ::-1].copy(), feet=feet, shares=shares)  # fmt: skip
