"""Masks over nose, mouth and chin: cloth stretched over the face's own shape. Metres, canonical world frame."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.geometry.raycast import RayCaster
from maquette.morphable import Embedding, MorphableModel
from maquette.synthesis.solids import Solid, grid_faces, tube
from maquette.synthesis.types import Kind, SceneSurface

AXIS_Z = -0.04  # of the cylinder that the cloth is drawn on, average head
ROWS, COLUMNS = 22, 33
REACH = np.radians(66)  # to either side of the middle
TOP = ((0, 15, 30, 50, 66), (-0.010, -0.019, -0.028, -0.034, -0.037))  # upper edge over the eyes by degrees
LOW = ((0, 25, 45, 66), (-0.121, -0.113, -0.097, -0.080))
LOOPS = np.array([[0.073, -0.002, -0.062], [0.072, -0.035, -0.060]])  # where the straps meet the ear, subject's left
COLORS = np.array([[0.28, 0.5, 0.62], [0.28, 0.5, 0.62], [0.7, 0.7, 0.7], [0.012, 0.012, 0.014], [0.55, 0.3, 0.34]])


@lru_cache(maxsize=4)
def _patch(model: MorphableModel) -> tuple[Embedding, NDArray, Embedding]:
    """The skin under the mask (ROWS x COLUMNS points), (n, 3) directions out of the axis, and the straps' ends."""
    turn, share = np.meshgrid(np.linspace(-REACH, REACH, COLUMNS), np.linspace(0, 1, ROWS))
    degrees = np.degrees(np.abs(turn))
    height = (1 - share) * np.interp(degrees, *TOP) + share * np.interp(degrees, *LOW)
    out = np.stack([np.sin(turn), 0 * turn, np.cos(turn)], axis=-1).reshape(-1, 3)
    axis = np.stack([0 * turn, height, np.full_like(turn, AXIS_Z)], axis=-1).reshape(-1, 3)
    skin = np.asarray(model.parts["skin"])
    caster = RayCaster(model.mean, model.faces[skin])
    faces, weights, _ = caster.first_hits(axis + 0.3 * out, -out)
    loops = np.concatenate([LOOPS * [-1, 1, 1], LOOPS])
    side = np.sign(loops[:, :1]) * np.array([[1.0, 0.0, 0.0]])
    near = model.faces[skin][model.regions["ears"][model.faces[skin]].max(axis=1) < 0.3]
    ends, end_weights, _ = RayCaster(model.mean, near).first_hits(loops + 0.2 * side, -side)
    kept = np.flatnonzero(model.regions["ears"][model.faces[skin]].max(axis=1) < 0.3)
    strap = Embedding(skin[kept[np.maximum(ends, 0)]].astype(np.int32), end_weights)
    return Embedding(skin[np.maximum(faces, 0)].astype(np.int32), weights), out, strap


def draw_mask(model: MorphableModel, vertices: NDArray, rng: np.random.Generator) -> list[SceneSurface]:
    """A surgical or cloth mask, or a bandana, over nose, mouth and chin of vertices (V, 3)."""
    under, out, strap = _patch(model)
    points = under.points(vertices, model.faces)
    axis = np.array([points[:, 0].mean(), 0.0, AXIS_Z + points[COLUMNS // 2 :: COLUMNS, 2].mean() - _middle_z(model)])
    radius = ((points - axis) * out).sum(axis=1).astype(np.float32).reshape(ROWS, COLUMNS)
    # Cloth spans hollows: the hull of what stands out nearby, softened, but always over the skin.
    tight = cv2.GaussianBlur(cv2.dilate(radius, np.ones((7, 5), np.uint8)), (0, 0), 1.6)
    share = np.linspace(0, 1, ROWS)[:, None]
    rim = np.minimum(1, 6 * np.minimum(share, 1 - share))
    cloth = np.maximum(radius + 0.0022, rim * tight + (1 - rim) * radius + 0.0025 + 0.002 * rim * rng.random())
    kind = rng.choice(["surgical", "cloth", "bandana"], p=[0.6, 0.3, 0.1])
    if kind == "surgical":
        cloth = cloth + 0.0010 * np.sign(np.sin(share * np.pi * 8)) * rim * np.ones((1, COLUMNS))
    height = points[:, 1].reshape(ROWS, COLUMNS)
    shape = axis + out.reshape(ROWS, COLUMNS, 3) * cloth[..., None]
    shape[..., 1] = height
    if kind == "bandana":  # its lower part hangs
        hang = np.clip((share - 0.7) / 0.3, 0, 1)
        shape[..., 1] -= 0.05 * hang * np.cos(np.linspace(-1.4, 1.4, COLUMNS))
        shape[..., 2] = np.maximum(shape[..., 2], hang * (shape[ROWS // 2, :, 2] - 0.012) + (1 - hang) * shape[..., 2])
    color = COLORS[rng.integers(len(COLORS))] if kind == "surgical" else rng.uniform(0.01, 0.6, 3) ** 1.4
    color = np.clip(color * np.exp(rng.normal(0, 0.12, 3)), 0.005, 0.85)
    albedo = color * np.exp(rng.normal(0, 0.02, (ROWS * COLUMNS, 1)))
    if kind != "surgical" and rng.random() < 0.5:
        wave = 0.5 + 0.5 * np.sin(shape.reshape(-1, 3) @ rng.normal(0, 220, 3) + rng.uniform(0, 6))
        albedo = albedo + wave[:, None] * (rng.uniform(0.01, 0.6, 3) - albedo) * 0.7
    faces = grid_faces(ROWS, COLUMNS).astype(np.int32)
    surfaces = [_cloth(shape.reshape(-1, 3), faces, albedo)]
    if kind != "bandana":
        ends = strap.points(vertices, model.faces)
        for band, triangles in _straps(shape, ends):
            surfaces.append(_cloth(band, triangles, np.tile(np.clip(color + 0.2, 0, 0.75), (len(band), 1))))
    return surfaces


@lru_cache(maxsize=4)
def _middle_z(model: MorphableModel) -> float:
    under, _, _ = _patch(model)
    return float(under.points(model.mean, model.faces)[COLUMNS // 2 :: COLUMNS, 2].mean())


def _cloth(vertices: NDArray, faces: NDArray, albedo: NDArray) -> SceneSurface:
    return SceneSurface(
        vertices.astype(np.float32),
        faces.astype(np.int32),
        Kind.OCCLUDER,
        albedo.astype(np.float32),
        roughness=0.8,
        specular=0.02,
        two_sided=True,
    )


def _straps(shape: NDArray, ends: NDArray) -> list[Solid]:
    """Four bands from the corners of the cloth (ROWS, COLUMNS, 3) to the ears; ends: right upper, lower, left."""
    corners = [shape[2, 0], shape[-3, 0], shape[2, -1], shape[-3, -1]]
    solids = []
    for corner, end in zip(corners, ends):
        side = np.sign(end[0])
        share = np.linspace(0, 1, 8)[:, None]
        path = corner + share * (end + np.array([side * 0.003, 0, 0]) - corner)
        path[:, 0] += side * 0.004 * np.sin(np.pi * share[:, 0])
        solids.append(tube(path, 0.0013, 0.0018, np.array([0.0, 1.0, 0.0])))
    return solids
