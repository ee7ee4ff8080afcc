"""Clothes that hang: closed solids put on a posed body in the clothes that lie on its skin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.geometry.alignment import Similarity
from maquette.synthesis.anatomy.wearer import LEG_M, Wearer, hips
from maquette.synthesis.clothing.outfits import Hanging
from maquette.synthesis.hanging import ROW_M, Rows, closed_garment, hang_rows, open_garment, pleated, supports
from maquette.synthesis.solids import ChartedSolid
from maquette.texturing.images import smoothstep

BAND_M, PELVIS = 0.045, (-0.03, 0.1)  # rows' share of the trunk; the heights that make the pelvis, metres above the hip
EMERGE_M, BURIED_M = 0.2, 0.018  # a coat's skirt comes out of its upper part over this length, from this deep
SHELL_M, PLEATS_FROM = 0.012, 0.15


def hang_garment(wearer: Wearer, garment: Hanging, rng: np.random.Generator) -> ChartedSolid:
    """One hanging garment as a closed solid, metres, world."""
    mesh = wearer.mesh
    pelvis = wearer.frame((mesh.waist > PELVIS[0]) & (mesh.waist < PELVIS[1]) & (mesh.arms < 0.05))
    hip = float(wearer.rest[hips(mesh), 1].mean())
    up = np.arange(garment.top, max(garment.hem, 0.0), -ROW_M / wearer.size[1])
    trunk = [_trunk_row(wearer, s) for s in up]
    points, legs = _leg_rows(wearer, garment, pelvis, hip)
    heights = np.concatenate([hip + wearer.size[1] * up, legs])
    reach = supports(points, heights)
    reach[: len(up)] = np.maximum(reach[: len(up)], [row for row, _ in trunk])
    fall = heights[0] - heights
    share = fall / fall[-1]
    ease = garment.ease[0] + (garment.ease[1] - garment.ease[0]) * share
    if garment.cloth == "top":
        ease = ease - (garment.ease[0] + BURIED_M) * (1 - smoothstep(fall / EMERGE_M, 0, 1))
    gravity = pelvis.rotation.T @ np.array([0.0, -1, 0])
    drift = np.clip(gravity[[0, 2]] / max(-gravity[1], 0.5), -0.7, 0.7)
    rows = hang_rows(reach, heights, ease, garment.slope, drift)
    depth = garment.fold * smoothstep((fall - 0.02) / max(PLEATS_FROM, 0.9 * fall[-1]), 0, 1) + 0.15 * garment.fold
    rows = pleated(rows, rng, depth * smoothstep(fall / 0.05, 0, 1), garment.folds)
    motions = [motion for _, motion in trunk] + [pelvis] * len(legs)
    if garment.gap[1] > 0:
        solid = open_garment(rows, garment.gap[0] + (garment.gap[1] - garment.gap[0]) * share**1.5, SHELL_M)
    else:
        solid = closed_garment(rows)
    return _moved(solid, rows, motions)


def _trunk_row(wearer: Wearer, height: float) -> tuple[NDArray, Similarity]:
    """(COLUMNS,) reach of the dressed trunk at a height above the hips, and the motion of that part of it."""
    mesh = wearer.mesh
    band = (np.abs(mesh.waist - height) < BAND_M) & (mesh.arms < 0.1)
    motion = wearer.frame(band, 200)
    near = (np.abs(mesh.waist - height) < 0.02) & (mesh.arms < 0.12)
    back = motion.inverse().apply(wearer.dressed[near])
    back[:, 1] = 0
    return supports(back, np.zeros(1))[0], motion


def _leg_rows(wearer: Wearer, garment: Hanging, pelvis: Similarity, hip: float) -> tuple[NDArray, NDArray]:
    """The dressed legs' vertices (N, 3) that the garment covers, and heights (R,), falling; in the pelvis' frame."""
    mesh, share, level = wearer.mesh, max(-garment.hem, 0.0) / LEG_M, pelvis.inverse()
    own = (mesh.arms < 0.3) & (mesh.waist < 0.1) & (mesh.down_leg < share + 0.02)
    points = level.apply(wearer.dressed[own])
    if garment.hem >= 0:
        return points, np.zeros(0)
    at = np.abs(mesh.down_leg - share) < 0.03
    sides = [at & (sign * mesh.rest[:, 0] > 0) & (mesh.arms < 0.3) for sign in (1, -1)]
    ends = [level.apply(wearer.naked[side])[:, 1].mean() for side in sides]
    hem = min(0.6 * min(ends) + 0.4 * (ends[0] + ends[1]) / 2, hip - 0.05)
    heights = np.arange(hip - 0.002, hem, -ROW_M)
    return points, heights if len(heights) > 1 else np.linspace(hip - 0.002, hip - 0.03, 3)


def _moved(solid: ChartedSolid, rows: Rows, motions: list[Similarity]) -> ChartedSolid:
    """The solid with each vertex carried by the motion of the row at its height."""
    place = np.interp(-solid.vertices[:, 1], -rows.heights, np.arange(len(motions)))
    low = np.clip(np.floor(place).astype(int), 0, len(motions) - 1)
    high, part = np.minimum(low + 1, len(motions) - 1), (place - np.floor(place))[:, None]
    turn, shift = np.stack([m.rotation for m in motions]), np.stack([m.translation for m in motions])
    both = [np.einsum("nab,nb->na", turn[k], solid.vertices) + shift[k] for k in (low, high)]
    vertices = ((1 - part) * both[0] + part * both[1]).astype(np.float32)
    return ChartedSolid(vertices, solid.faces, solid.cloth, solid.cloth_faces)
