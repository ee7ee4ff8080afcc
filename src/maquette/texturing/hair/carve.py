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
from maquette.texturing.images import blurred, disc, image_at, smoothstep
from maquette.texturing.projection import view_directions

SOFT_M = 0.0040  # over which the photo's masks are smoothed: the edge of a cut is a smooth line
BESIDE_M = 0.004  # hair so far outside the person's outline stays
STRANDS = 0.45  # how far single strands reach over the edge of a cut, of that soft border
HIDDEN = (0.05, 0.3)  # cosine of the way out of the head against the view: below it the photo says nothing
LOWEST_M = (0.02, 0.06)  # above the eyes: farther down the background carves nothing, hair hangs where it will
FACING = (0.15, 0.4)  # cosine of the head's surface against the view
CRUMB_TEXELS = 250  # of a piece of texture that was cut off
CRUMB = 0.3  # share of a cut triangle below which its rest is dropped
SLIVER_TEXELS = 2  # half the breadth of a strip beside a cut that is dropped
FEATHER_M = 0.06  # over which hanging hair ends, strand by strand


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

    def wrong(self, points: NDArray, outward: NDArray) -> NDArray:
        """(N,) 0-1: how surely there is no hair at points (N, 3), where (N, 3) is the way out of the head.

        On the side that is turned away the other side speaks.
        """
        toward = view_directions(self.seen.camera, points)[0]
        away = 1 - smoothstep((outward * toward).sum(axis=1), *HIDDEN)
        skin, beyond = self._shown(points)
        twin = np.zeros(len(points))
        there = away > 0
        twin[there] = self._shown(points[there] * [-1, 1, 1])[0]
        return np.maximum(np.maximum(skin, away * twin), beyond * smoothstep(points[:, 1], *LOWEST_M))

    def _shown(self, points: NDArray) -> tuple[NDArray, NDArray]:
        """(N,) 0-1 each: bare skin behind the points, and background around them."""
        pixels, depth = project(self.seen.camera, points)
        at = pixels.astype(np.float32)
        known = np.where(np.isfinite(self.depth), self.depth, 0.0).astype(np.float32)
        inside = ((pixels > 0) & (pixels < self.seen.camera.size)).all(axis=1)
        before = inside & (depth < image_at(known, at, cv2.INTER_NEAREST))
        return image_at(self.skin, at) * before, image_at(self.beyond, at) * inside


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

    def judged(points: NDArray, outward: NDArray, fine: NDArray | float = 0.0) -> NDArray:
        wrong = np.zeros(len(points)) if empty is None else empty.wrong(points, outward)
        ends = floor + FEATHER_M * strand_lengths(points, fine)
        return np.maximum(wrong, smoothstep(ends - points[:, 1], -0.004, 0.004))

    both = np.concatenate([hair.vertices, hair.outward], axis=1)[faces]
    at = np.einsum("sk,fkd->fsd", SAMPLES, both).reshape(-1, 6)
    sampled = judged(at[:, :3], at[:, 3:]).reshape(len(faces), -1)
    mean = sampled.mean(axis=1)
    gone = np.where(texels.own, sampled.min(axis=1) > 0.8, mean > 0.5)
    mixed = texels.own & ~gone & (sampled.max(axis=1) > 0.15)
    owner = texels.face
    cut = (owner >= 0) & mixed[np.maximum(owner, 0)]
    row, column = np.nonzero(cut)
    triangle = owner[row, column]
    at = np.einsum("nk,nkd->nd", texels.barycentric[row, column], both[triangle])
    limit = 0.5 + STRANDS * np.clip(2.0 * strand[row, column], -1, 1)
    opacity: NDArray = np.ones(style.opacity.shape, np.float32)
    opacity[row, column] = 1 - smoothstep(judged(at[:, :3], at[:, 3:], strand[row, column]) - limit, -0.06, 0.06)
    opacity[(owner >= 0) & (gone & texels.own)[np.maximum(owner, 0)]] = 0
    opacity[_shared(hair, ~gone & ~texels.own)] = 1
    opacity = cv2.morphologyEx(opacity, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    opacity[_slivers(style.opacity * opacity, opacity < 0.5)] = 0
    opacity[_crumbs(style.opacity * opacity, opacity < 0.5)] = 0
    # What is left of a triangle in crumbs and hairlines goes too.
    left = np.bincount(triangle, opacity[row, column], len(faces)) / np.maximum(
        np.bincount(triangle, minlength=len(faces)), 1
    )
    gone |= mixed & (left < CRUMB)
    return CarvedHair(~gone, opacity)


def _slivers(opacity: NDArray, cut: NDArray) -> NDArray:
    """(H, W) bool: the narrow rests between the cut, (H, W) bool, and the edge of a card."""
    thick = cv2.morphologyEx(opacity, cv2.MORPH_OPEN, disc(SLIVER_TEXELS))
    near = cv2.dilate(cut.astype(np.uint8), disc(3 * SLIVER_TEXELS)) > 0
    return np.asarray(near & (thick < 80))


def _crumbs(opacity: NDArray, cut: NDArray) -> NDArray:
    """(H, W) bool: small pieces that the cut, (H, W) bool, has left over."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((opacity > 80).astype(np.uint8), connectivity=4)
    beside = np.unique(labels[cv2.dilate(cut.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0])
    small = beside[stats[beside, cv2.CC_STAT_AREA] < CRUMB_TEXELS]
    return np.isin(labels, small[small > 0])


def strand_lengths(points: NDArray, fine: NDArray | float = 0.0) -> NDArray:
    """(N,) 0-1: how much sooner the strands at points (N, 3) end than the longest; the same all along a strand.

    `fine`: (N,) how much lighter the texture is there than around: which differs from strand to strand.
    """
    turn = np.arctan2(points[:, 0], points[:, 2] + 0.06)
    waves = np.sin(11 * turn + 1.0) + np.sin(23 * turn + 2.0)
    lengths: NDArray = 0.35 * np.cos(turn / 2) ** 2 + 0.3 + waves / 16 + 0.3 * np.clip(4 * np.asarray(fine), -1, 1)
    return lengths


def _shared(hair: PlacedHair, chosen: NDArray) -> NDArray:
    """(H, W) bool: texels of the chosen triangles, (F,) bool, which others may own."""
    height, width = hair.style.opacity.shape
    drawn = np.zeros((height, width), np.uint8)
    pixels = np.round((hair.style.uvs * [1, -1] + [0, 1]) * [width, height] - 0.5).astype(np.int32)
    for corners in pixels[hair.style.uv_faces[chosen]]:
        cv2.fillConvexPoly(drawn, corners, (1,))
    return drawn > 0
