"""The hair styles that ship: cards on the mean head, their lightness and opacity, and what a person would call them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from maquette.core.options import STYLES
from maquette.morphable.model import MorphableModel
from maquette.weights.store import fetch

__all__ = ["STYLES", "Style", "anchors", "style"]


@dataclass(frozen=True, eq=False)
class Style:
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


@lru_cache(maxsize=1)
def anchors() -> NDArray:
    """(250,) int32 vertices of the head by which space is warped from the mean head to somebody's."""
    with safe_open(fetch("hair-styles"), framework="numpy") as file:
        return np.asarray(file.get_tensor("anchors"))


@lru_cache(maxsize=len(STYLES))
def style(name: str) -> Style:
    """A style by its name."""
    with safe_open(fetch("hair-styles"), framework="numpy") as file:
        level = float(file.metadata()["level"])
        assert name in json.loads(file.metadata()["styles"]), name
        names = ("vertices", "faces", "uvs", "uv_faces", "feet", "shares", "grey", "opacity")
        found = {key: np.asarray(file.get_tensor(f"{name}.{key}")) for key in names}
    grey, opacity = (cv2.imdecode(found.pop(key), cv2.IMREAD_UNCHANGED) for key in ("grey", "opacity"))
    return Style(name, **found, grey=(grey / level).astype(np.float32), opacity=opacity)


def mirrored(of: Style, model: MorphableModel) -> Style:
    """The style parted on the other side."""
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
