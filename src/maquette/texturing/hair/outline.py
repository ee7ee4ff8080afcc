"""Hair bent to the person's outline in the photo: how far either reaches from the head's middle, ray by ray."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.spatial import cKDTree

from maquette.core.types import Camera
from maquette.geometry.camera import pixels_per_metre, project
from maquette.geometry.mesh import adjacency
from maquette.morphable.model import MorphableModel
from maquette.texturing.hair.place import THICK_M, PlacedHair, chin_of
from maquette.texturing.hair.seen import HairSeen
from maquette.texturing.hair.styles import HANGING
from maquette.texturing.images import image_at, smoothstep

ALIEN_M = 0.015  # between hair and the person's outline: what is wider is not hair
MIDDLE_M = np.array([[0.0, 0.035, -0.055], [0.0, 0.085, -0.055]])  # of a head, and straight above it
REACH, STEP = 105.0, 3.0  # degrees to either side of the way up, and between rays
ANGLES = np.arange(-REACH, REACH + 1e-6, STEP)
CLAMP_M = (-0.012, 0.032)  # by how much hair is bent in and out
SIDES, SIDE_M = (45.0, 85.0), 0.010  # degrees between which the limit of hair that does not hang falls to that
AFRO_M = 0.055  # the limit of a ball of curls
SMOOTH, MEDIAN = 2.0, 5  # rays
INNER_M = (0.012, 0.045)  # from bare skin: between these, hair begins to move as a whole, down to the skull
FADE_M = (0.003, 0.036)  # from bare skin: hair lies on the skin at its line, wherever its outer layers go
FULL = 0.6  # share of the local thickness from which on layers move as one
ROUNDS = 3
LEAST = 0.25  # share of the rays that must end in the picture
SIDEWAYS = 0.45  # share by which hair is bent that points to the camera or away from it
EVENED = 3  # times that a card's vertices are averaged in how far they follow
LEVEL_M = 0.012  # height of the slices in which hanging hair is straightened
HANGING_M = (-0.02, 0.05)  # above the chin: between these bending ends


@dataclass(frozen=True, eq=False)
class Rays:
    """Rays in the picture, upright with the head.

    Attributes:
        camera: of the picture; centre: (2,) pixels; up: (2,) unit, in the picture.
        metre: pixels per metre at the head's middle.
        target: (R,) metres from the centre to the person's outline, nan where it is not in the picture.
    """

    camera: Camera
    centre: NDArray
    up: NDArray
    metre: float
    target: NDArray

    @property
    def share(self) -> float:
        """Share of the rays that end in the picture."""
        return float(np.isfinite(self.target).mean())

    def polar(self, points: NDArray) -> tuple[NDArray, NDArray]:
        """Degrees from the way up, positive to the picture's right, and metres from the centre, of (N, 3) points."""
        away = (project(self.camera, points)[0] - self.centre) / self.metre
        x, y = away @ [-self.up[1], self.up[0]], away @ self.up
        return np.degrees(np.arctan2(x, y)), np.hypot(x, y)

    def reach(self, points: NDArray) -> NDArray:
        """(R,) metres: how far points (N, 3) reach along each ray; nan where there are none."""
        angle, radius = self.polar(points)
        slot = np.round((angle + REACH) / STEP).astype(int)
        inside = (slot >= 0) & (slot < len(ANGLES))
        found = np.full(len(ANGLES), -np.inf)
        np.maximum.at(found, slot[inside], radius[inside])
        known = np.isfinite(found)
        return np.interp(ANGLES, ANGLES[known], found[known]) if known.any() else np.full(len(ANGLES), np.nan)

    def error(self, points: NDArray) -> float:
        """Mean distance in millimetres between outline and points, where the outline is in the picture; else nan."""
        apart = np.abs(self.reach(points) - self.target)
        return float(1000 * np.nanmean(apart)) if np.isfinite(apart).any() else float("nan")


def rays_of(seen: HairSeen, scale: float) -> Rays:
    """The rays of one photo from the middle of a head `scale` times the model's size."""
    ends, depth = project(seen.camera, MIDDLE_M * scale)
    up = (ends[1] - ends[0]) / max(float(np.linalg.norm(ends[1] - ends[0])), 1e-9)
    metre = pixels_per_metre(seen.camera, float(depth[0]))
    angle = np.radians(ANGLES)
    across = np.array([-up[1], up[0]])
    directions = np.cos(angle)[:, None] * up + np.sin(angle)[:, None] * across
    skull = 0.05 * scale
    lengths = np.arange(skull * metre, 0.32 * scale * metre, 0.5)
    at = ends[0] + lengths[None, :, None] * directions[:, None]
    person = image_at(_without_holes(seen.person), at.astype(np.float32)) > 0.5
    size = np.array(seen.camera.size)
    within = ((at >= 0) & (at < size)).all(axis=2)
    within &= image_at(seen.inside.astype(np.float32), at.astype(np.float32)) > 0.5
    gap = max(2, round(0.006 * metre / 0.5))
    outside = ~person
    # The first stretch of background that is no mere gap between strands.
    run = np.cumsum(outside, axis=1)
    long = np.zeros_like(outside)
    long[:, :-gap] = (run[:, gap:] - run[:, :-gap]) == gap
    ends_at = np.where(long.any(axis=1), long.argmax(axis=1), len(lengths) - 1)
    sound = (
        long.any(axis=1) & (ends_at > 0) & within[np.arange(len(angle)), np.minimum(ends_at + gap, len(lengths) - 1)]
    )
    if seen.by_network:  # what goes on far beyond the hair is a hat, a shadow or somebody else
        hair = image_at(seen.hair, at.astype(np.float32)) > 0.5
        last = len(lengths) - 1 - hair[:, ::-1].argmax(axis=1)
        sound &= ~hair.any(axis=1) | (lengths[ends_at] - lengths[last] < ALIEN_M * metre)
    target = np.where(sound, lengths[ends_at] / metre, np.nan)
    return Rays(seen.camera, ends[0], up, float(metre), target)


def _without_holes(person: NDArray) -> NDArray:
    """(h, w) float32: the person, with what it encloses."""
    around = cv2.copyMakeBorder((person < 0.5).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(1,))
    _, labels = cv2.connectedComponents(around, connectivity=4)
    return np.maximum(person, (labels != labels[0, 0])[1:-1, 1:-1]).astype(np.float32)


def outline_points(hair: PlacedHair, solid: NDArray) -> NDArray:
    """(N, 3) corners and middles of edges of the hair's triangles that are opaque, `solid` (F,) bool."""
    corners = hair.vertices[hair.style.faces[solid]]
    return np.concatenate([corners.reshape(-1, 3), (corners + np.roll(corners, 1, axis=1)).reshape(-1, 3) / 2])


def bend(
    hair: PlacedHair, rays: Rays, head: NDArray, model: MorphableModel, solid: NDArray, limit: float = np.inf
) -> PlacedHair:
    """The hair moved away from the skull or towards it until its outline is the person's.

    Args:
        hair: as placed.
        head: (V, 3) metres, neutral.
        solid: (F,) bool: triangles that are drawn.
        limit: metres: no vertex is moved farther, in or out.
    """
    if rays.share < LEAST:
        return hair
    skin = outer_skin(head, model)
    weight = _mobility(hair, head, model) * _sideways(hair, rays)
    moved, total = hair, np.zeros(len(hair.vertices))
    known, hanging = np.isfinite(rays.target), hair.style.name in HANGING
    high = 1 - smoothstep(np.abs(rays.polar(hair.vertices)[0]), *SIDES)
    most = CLAMP_M[1] if hanging else SIDE_M + high * (CLAMP_M[1] - SIDE_M)
    most = np.minimum(AFRO_M if hair.style.name == "afro01" else most, limit)
    for _ in range(ROUNDS):
        have = rays.reach(np.concatenate([skin, outline_points(moved, solid)]))
        # Where the outline is not in the picture the hair goes on as beside it.
        left = np.interp(ANGLES, ANGLES[known], median_filter((rays.target - have)[known], MEDIAN, mode="nearest"))
        smooth = gaussian_filter1d(left, SMOOTH, mode="nearest")
        angle = rays.polar(moved.vertices)[0]
        total = np.clip(total + np.interp(angle, ANGLES, smooth), max(CLAMP_M[0], -limit), most)
        height = np.maximum(hair.height, 0)
        step = np.maximum(weight * total, 0.0015 - height)  # in, no farther than to the skin
        step = np.where(total * weight < 0, step, weight * total)
        moved = replace(hair, vertices=hair.vertices + step[:, None] * hair.outward)
    return straightened(moved, chin_of(head, model)) if hanging else moved


def straightened(hair: PlacedHair, chin: float) -> PlacedHair:
    """Hanging hair that below the chin is no wider and lies no farther back than there: there are no shoulders."""
    x, y, z = hair.vertices.T
    near = np.abs(y - chin) < LEVEL_M
    if not near.any() or not (y < chin - LEVEL_M).any():
        return hair
    wide, back = np.abs(x[near]).max(), z[near].min()
    edges = np.arange(y.min(), chin + LEVEL_M, LEVEL_M)
    slot = np.clip(np.searchsorted(edges, y) - 1, 0, len(edges) - 1)
    widest, deepest = np.full(len(edges), wide), np.full(len(edges), back)
    below = y < chin
    np.maximum.at(widest, slot[below], np.abs(x[below]))
    np.minimum.at(deepest, slot[below], z[below])
    factor = gaussian_filter1d(wide / widest, 1.5, mode="nearest")
    shift = gaussian_filter1d(back - deepest, 1.5, mode="nearest")
    share = smoothstep(chin - y, 0.0, 2 * LEVEL_M)
    middle = edges + LEVEL_M / 2
    x = x * (1 + share * (np.interp(y, middle, factor) - 1))
    z = z + share * np.interp(y, middle, shift)
    return replace(hair, vertices=np.stack([x, y, z], axis=1))


def outer_skin(head: NDArray, model: MorphableModel) -> NDArray:
    """(n, 3) vertices of the skin, without the mouth's inside."""
    return head[np.setdiff1d(model.part_vertices("skin"), model.part_vertices("mouth"))]


def _mobility(hair: PlacedHair, head: NDArray, model: MorphableModel) -> NDArray:
    """(V,) 0-1: how far each vertex follows: not at the skull, not at the hairline, not where it hangs freely."""
    feet = cKDTree(hair.feet)
    height = np.linalg.norm(hair.vertices - hair.feet, axis=1)
    near = feet.query(hair.feet, k=min(24, len(hair.feet)), distance_upper_bound=THICK_M)[1]
    thick = np.append(height, 0)[near].max(axis=1)
    layer = np.clip(height / np.maximum(FULL * thick, 1e-4), 0, 1)
    skin = outer_skin(head, model)
    scalp = model.regions["scalp"][np.setdiff1d(model.part_vertices("skin"), model.part_vertices("mouth"))] > 0.5
    bare = skin[(feet.query(skin)[0] > 0.012) & ~scalp]
    apart = cKDTree(bare).query(hair.feet)[0] if len(bare) else np.full(len(height), np.inf)
    inner = smoothstep(apart, *FADE_M)
    layer = np.maximum(layer, smoothstep(apart, *INNER_M))
    chin = chin_of(head, model)
    hangs = smoothstep(hair.vertices[:, 1] - chin, *HANGING_M)
    weight = layer * inner * hangs
    near_by = adjacency(hair.style.faces, len(weight))
    count = 1 + np.asarray(near_by.sum(axis=1)).ravel()
    for _ in range(EVENED):
        weight = (weight + near_by @ weight) / count
    return weight


def _sideways(hair: PlacedHair, rays: Rays) -> NDArray:
    """(V,) SIDEWAYS-1: how far the way out of the head runs across the view."""
    ahead = rays.camera.world_to_camera[2, :3]
    across = np.sqrt(np.clip(1 - (hair.outward @ ahead) ** 2, 0, 1))
    return np.maximum(across, SIDEWAYS)
