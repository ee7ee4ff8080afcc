"""Hair cut away where the photo shows that there is none: over the face's skin and over the background."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.geometry.camera import project
from maquette.geometry.mesh import face_normals
from maquette.geometry.raycast import render_buffers
from maquette.texturing.hair.place import PlacedHair
from maquette.texturing.hair.seen import HairSeen
from maquette.texturing.hair.styles import SAMPLES, TexelMap
from maquette.texturing.images import blurred, image_at, smoothstep
from maquette.texturing.projection import view_directions

SOFT_M = 0.0025  # over which the photo's masks are smoothed: the edge of a cut is a smooth line
BESIDE_M = 0.004  # hair so far outside the person's outline stays
STRANDS = 0.35  # how far single strands reach over the edge of a cut, of that soft border
LOWEST_M = 0.0  # the eyes' height: farther down the background carves nothing, hair hangs where it will
FACING = (0.15, 0.4)  # cosine of the head's surface against the view
CRUMB = 0.3  # share of a cut triangle below which its rest is dropped
FEATHER_M = 0.05  # over which hanging hair ends, strand by strand


@dataclass(frozen=True, eq=False)
class CarvedHair:
    """What is left of a style.

    Attributes:
        kept: (F,) bool, triangles.
        opacity: (H, W) float32 0-1, to be multiplied with the style's.
    """

    kept: NDArray
    opacity: NDArray


@dataclass(frozen=True, eq=False)
class EmptyPixels:
    """Where the photo shows no hair.

    Attributes:
        seen: the photo.
        skin: (h, w) float32 0-1: bare skin; hair before the head's surface is wrong here.
        beyond: (h, w) float32 0-1: background; any hair is wrong here.
        depth: (h, w) metres, of the head's surface, infinite beside it.
    """

    seen: HairSeen
    skin: NDArray
    beyond: NDArray
    depth: NDArray

    def wrong(self, points: NDArray) -> NDArray:
        """(N,) 0-1: how surely there is no hair at points (N, 3)."""
        pixels, depth = project(self.seen.camera, points)
        at = pixels.astype(np.float32)
        known = np.where(np.isfinite(self.depth), self.depth, 0.0).astype(np.float32)
        before = depth < image_at(known, at, cv2.INTER_NEAREST)
        inside = ((pixels > 0) & (pixels < self.seen.camera.size)).all(axis=1)
        skin = image_at(self.skin, at) * before
        return np.maximum(skin, image_at(self.beyond, at) * (points[:, 1] > LOWEST_M)) * inside


def empty_pixels(seen: HairSeen, head: NDArray, faces: NDArray, metre: float) -> EmptyPixels:
    """What the photo says against hair; `metre`: its pixels per metre at the head."""
    face, _, depth = render_buffers(seen.camera, head, faces)
    # Where the head turns away, a pixel's breadth decides what is before it: there nothing is carved.
    normals = face_normals(head, faces)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    toward = view_directions(seen.camera, head[faces].mean(axis=1))[0]
    facing = np.append(smoothstep((normals * toward).sum(axis=1), *FACING), 0)[face].astype(np.float32)
    soft = max(SOFT_M * metre, 0.7)
    person = seen.person * seen.inside + ~seen.inside
    grown = cv2.dilate(person.astype(np.float32), np.ones((2 * max(1, round(BESIDE_M * metre)) + 1,) * 2, np.uint8))
    beyond = blurred(1 - grown, soft)
    skin = blurred((seen.bare * (1 - seen.hair)).astype(np.float32), soft) * facing
    return EmptyPixels(seen, skin, beyond.astype(np.float32), depth)


def carve(hair: PlacedHair, texels: TexelMap, empty: EmptyPixels | None, floor: float) -> CarvedHair:
    """Cut a placed style.

    Args:
        hair: where it is.
        texels: of its style.
        empty: where the photo shows no hair, or None: nothing is carved.
        floor: metres, the height at which hanging hair ends.
    """
    faces, style = hair.style.faces, hair.style
    strand = style.grey / np.maximum(blurred(style.grey, 5.0), 0.05) - 1

    def judged(points: NDArray) -> NDArray:
        wrong = np.zeros(len(points)) if empty is None else empty.wrong(points)
        ends = floor + FEATHER_M * strand_lengths(points)
        return np.maximum(wrong, smoothstep(ends - points[:, 1], -0.004, 0.004))

    corners = hair.vertices[faces]
    sampled = judged(np.einsum("sk,fkd->fsd", SAMPLES, corners).reshape(-1, 3)).reshape(len(faces), -1)
    mean = sampled.mean(axis=1)
    gone = np.where(texels.own, sampled.min(axis=1) > 0.8, mean > 0.5)
    mixed = texels.own & ~gone & (sampled.max(axis=1) > 0.15)
    owner = texels.face
    cut = (owner >= 0) & mixed[np.maximum(owner, 0)]
    row, column = np.nonzero(cut)
    triangle = owner[row, column]
    points = np.einsum("nk,nkd->nd", texels.barycentric[row, column], corners[triangle])
    limit = 0.5 + STRANDS * np.clip(2.0 * strand[row, column], -1, 1)
    opacity: NDArray = np.ones(style.opacity.shape, np.float32)
    opacity[row, column] = 1 - smoothstep(judged(points) - limit, -0.06, 0.06)
    opacity[(owner >= 0) & (gone & texels.own)[np.maximum(owner, 0)]] = 0
    opacity[_shared(hair, ~gone & ~texels.own)] = 1
    opacity = cv2.morphologyEx(opacity, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    # What is left of a triangle in crumbs and hairlines goes too.
    left = np.bincount(triangle, opacity[row, column], len(faces)) / np.maximum(
        np.bincount(triangle, minlength=len(faces)), 1
    )
    gone |= mixed & (left < CRUMB)
    return CarvedHair(~gone, opacity)


def strand_lengths(points: NDArray) -> NDArray:
    """(N,) 0-1: how much sooner the strands at points (N, 3) end than the longest; the same all along a strand."""
    turn = np.arctan2(points[:, 0], points[:, 2] + 0.06)
    waves = np.sin(23 * turn + 1.0) + np.sin(57 * turn + 2.0) + np.sin(131 * turn) + np.sin(311 * turn + 0.5)
    lengths: NDArray = 0.5 + waves / 8
    return lengths


def _shared(hair: PlacedHair, chosen: NDArray) -> NDArray:
    """(H, W) bool: texels of the chosen triangles, (F,) bool, which others may own."""
    height, width = hair.style.opacity.shape
    drawn = np.zeros((height, width), np.uint8)
    pixels = np.round((hair.style.uvs * [1, -1] + [0, 1]) * [width, height] - 0.5).astype(np.int32)
    for corners in pixels[hair.style.uv_faces[chosen]]:
        cv2.fillConvexPoly(drawn, corners, (1,))
    return drawn > 0
