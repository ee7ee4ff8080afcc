"""The hair styles that ship: cards on the mean head, their lightness and opacity, and what a person would call them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

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
    "TO_THE_CHIN",
    "CardStyle",
    "TexelMap",
    "anchors",
    "mirrored",
    "solid",
    "style",
    "texel_map",
]

TAIL_M = -0.15  # height that a lock of a tail reaches down to
TURNS, COIL_M, COIL_SHARE = 1.3, 0.022, 0.55  # of a tail around its knot: the coil's radius, and how tight it is
COIL_OUT_M = 0.012  # of the knot's middle from where the tail leaves the head
COIL_EVENED = 30  # vertices along a tail over which its middle is smoothed


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


TO_THE_CHIN = ("bob03",)  # of them, those that are cut off there
HANGING = ("bob01", "bob02", "bob03", "braid01", "long01")  # styles that hang over the ears
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
    """A style by its name; bun01 is ponytail01 with its tail coiled up, bob03 is long01, which ends at the chin."""
    if name == "bob03":
        return replace(style("long01"), name=name)
    if name == "bun01":
        return coiled(style("ponytail01"))
    with opened(fetch("hair-styles"), "hair styles", "reinstall maquette", "numpy") as file:
        level = float(file.metadata()["level"])
        assert name in json.loads(file.metadata()["styles"]), name
        names = ("vertices", "faces", "uvs", "uv_faces", "feet", "shares", "grey", "opacity")
        found = {key: np.asarray(file.get_tensor(f"{name}.{key}")) for key in names}
    grey, opacity = (
        np.asarray(cv2.imdecode(found.pop(key), cv2.IMREAD_UNCHANGED), np.uint8) for key in ("grey", "opacity")
    )
    return CardStyle(name, **found, grey=(grey / level).astype(np.float32), opacity=opacity)


def coiled(tail: CardStyle) -> CardStyle:
    """A style with a tail, which is wound into a knot where it leaves the head."""
    edges = np.concatenate([tail.faces[:, :2], tail.faces[:, 1:]])
    graph = coo_matrix((np.ones(len(edges)), edges.T), (len(tail.vertices),) * 2)
    lock = connected_components(graph, directed=False)[1]
    lowest = np.full(lock.max() + 1, np.inf)
    np.minimum.at(lowest, lock, tail.vertices[:, 1])
    wound = lowest[lock] < TAIL_M
    x, y, z = tail.vertices[wound].astype(float).T
    along = (y.max() - y) / np.ptp(y)
    order = np.argsort(along)
    middle = np.stack([gaussian_filter1d(of[order], COIL_EVENED, mode="nearest") for of in (x, z)])
    width, depth = (np.interp(along, along[order], line) for line in middle)
    turn = 2 * np.pi * TURNS * along
    out = np.array([0.0, 0.26, -0.966])  # of the head, where the tail leaves it
    across = np.stack([np.cos(turn), 0.966 * np.sin(turn), 0.26 * np.sin(turn)], axis=1)
    root = np.array([x[order[:COIL_EVENED]].mean(), y.max() - COIL_M, z[order[:COIL_EVENED]].mean()])
    radius = COIL_M + COIL_SHARE * (z - depth)
    vertices = tail.vertices.copy()
    vertices[wound] = root + radius[:, None] * across + (COIL_SHARE * (x - width) + COIL_OUT_M)[:, None] * out
    return replace(tail, name="bun01", vertices=vertices)


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
