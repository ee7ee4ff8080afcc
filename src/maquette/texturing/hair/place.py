"""A style on somebody's neutral head: warped along with the skull, pushed out of skin and ears, lit like a volume."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import RayCaster
from maquette.geometry.subdivision import edges_of
from maquette.morphable.model import MorphableModel
from maquette.texturing.hair.styles import CardStyle, anchors
from maquette.texturing.hair.warp import warp
from maquette.texturing.images import smoothstep

LEAST_M = 0.002  # above the skin, at life size
BELOW_M = 0.045  # above the neck's cut: below it the open mesh says nothing of inside and outside
EAR_REACH_M = 0.012  # around an ear in which hair is kept out of its shell
CHIN = 152  # landmark
ROUND = 2.0  # weight of the outward direction in the normals, which lights cards as a volume, not as crumpled paper
THICK_M = 0.015  # around a foot in which thickness is measured
BENEATH_M, GAP_M, LAYER_M = 0.0003, 0.010, 0.0008  # where a card looks for the next, how far, and how near it ends
HANG_M = 0.03  # from the skull on hair hangs freely


@dataclass(frozen=True, eq=False)
class PlacedHair:
    """Hair on a head.

    Attributes:
        style: whose triangles and texture it has.
        vertices: (V, 3) float64 metres, world.
        feet, outward: (V, 3): where each vertex stands on the skin, and the unit normal of the skin there.
    """

    style: CardStyle
    vertices: NDArray
    feet: NDArray
    outward: NDArray

    @property
    def height(self) -> NDArray:
        """(V,) metres above the skin."""
        return ((self.vertices - self.feet) * self.outward).sum(axis=1)


def place(style: CardStyle, neutral: NDArray, model: MorphableModel, scale: float) -> PlacedHair:
    """The style on a neutral head (V, 3), metres, of a size `scale` times the model's."""
    neutral = neutral.astype(float)
    source = model.mean[anchors()].astype(float)
    vertices = warp(source, neutral[anchors()], style.vertices.astype(float))
    corners = model.faces[style.feet]
    normals = vertex_normals(neutral, model.faces)
    feet = np.einsum("nk,nkd->nd", style.shares, neutral[corners])
    outward = np.einsum("nk,nkd->nd", style.shares, normals[corners])
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
    height = ((vertices - feet) * outward).sum(axis=1)
    near = np.linalg.norm(vertices - feet, axis=1) < HANG_M * scale
    floor = neutral[model.part_vertices("skin"), 1].min() + BELOW_M * scale
    lift = np.where(near & (vertices[:, 1] > floor), np.maximum(LEAST_M * scale - height, 0), 0)
    vertices = vertices + lift[:, None] * outward
    return PlacedHair(style, out_of_ears(vertices, neutral, normals, model, scale), feet, outward)


def chin_of(neutral: NDArray, model: MorphableModel) -> float:
    """Metres: the height of the chin's tip."""
    faces, shares = (getattr(model.embeddings["mediapipe478"], name)[CHIN] for name in ("faces", "barycentric"))
    return float(shares @ neutral[model.faces[faces]][:, 1])


def out_of_ears(vertices: NDArray, neutral: NDArray, normals: NDArray, model: MorphableModel, scale: float) -> NDArray:
    """(N, 3) the hair's vertices, sideways out of the ears where they would poke through from behind."""
    ears = np.flatnonzero(model.regions["ears"] > 0.5)
    moved = vertices.copy()
    for side in (-1, 1):
        ear = ears[np.sign(neutral[ears, 0]) == side]
        apart, nearest = cKDTree(neutral[ear]).query(vertices, distance_upper_bound=EAR_REACH_M * scale)
        close = np.isfinite(apart)
        foot = ear[np.asarray(nearest)[close]]
        depth = LEAST_M * scale - ((vertices[close] - neutral[foot]) * normals[foot]).sum(axis=1)
        moved[close] += np.clip(depth, 0, EAR_REACH_M * scale)[:, None] * normals[foot]
    return moved


def laid_down(hair: PlacedHair) -> PlacedHair:
    """Hair whose cards end on the cards below them: over a gap light that bounces about leaves a dark line."""
    faces = hair.style.faces
    edges, _, uses = edges_of(faces, len(hair.vertices))
    rim = np.unique(edges[uses == 1])
    inward = -outward_of(hair)[rim]
    inward /= np.maximum(np.linalg.norm(inward, axis=1, keepdims=True), 1e-9)
    start = hair.vertices[rim] + BENEATH_M * inward
    apart = BENEATH_M + RayCaster(hair.vertices, faces).first_hits(start, inward)[2]
    step = np.where(apart < GAP_M, np.maximum(apart - LAYER_M, 0), 0)
    vertices = hair.vertices.copy()
    vertices[rim] += step[:, None] * inward
    return replace(hair, vertices=vertices)


def outward_of(hair: PlacedHair) -> NDArray:
    """(V, 3) the way out of the hair as a volume: out of the skull, and sideways where it hangs freely."""
    away = hair.vertices - hair.feet.mean(axis=0)
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    hangs = smoothstep(np.linalg.norm(hair.vertices - hair.feet, axis=1), HANG_M, 2 * HANG_M)[:, None]
    outward: NDArray = hair.outward + hangs * (away * [1, 0, 1] - hair.outward)
    return outward


def lit_normals(hair: PlacedHair) -> tuple[NDArray, NDArray, NDArray]:
    """How hair is lit.

    Returns:
        normals: (V, 3) float32 between the cards' own and the way out of the head.
        faces: (F, 3) wound to agree with them.
        turned: (F,) bool: which of them were turned around.
    """
    faces, outward = hair.style.faces, outward_of(hair)
    corners = hair.vertices[faces]
    own = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    turned = (own * outward[faces].sum(axis=1)).sum(axis=1) < 0
    own[turned] *= -1
    wound = np.where(turned[:, None], faces[:, ::-1], faces)
    total = np.zeros_like(hair.vertices)
    for corner in range(3):
        np.add.at(total, faces[:, corner], own)
    total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    mixed = total + ROUND * outward
    return (mixed / np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-9)).astype(np.float32), wound, turned
