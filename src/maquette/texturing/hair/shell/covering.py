"""What a shell stands for in a photo, hair with all that is worn on it, and how far from its edge each point lies."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from scipy.spatial import cKDTree

from maquette.geometry.camera import project
from maquette.morphable.model import MorphableModel
from maquette.texturing.hair.grow import HeadSeen
from maquette.texturing.hair.shell.grid import ShellGrid, around
from maquette.texturing.images import blurred, disc, image_at, smoothstep
from maquette.texturing.projection import view_directions

SPECK_M = 0.006  # narrower gaps in what covers, and narrower pieces of it, are none
BEYOND = 5.0  # columns over which what the photo shows goes on where it no longer looks
FAINT = 0.04  # share of what is seen from which on that counts more than what is usual
FACING = (0.1, 0.45)  # cosine of the way out of the head against the view, over which the photo is believed
UNDER_M = 0.020  # beside the bare head: hair under a hat is no farther off, what is belongs to somebody else
EVEN_M = 0.003  # over which an edge is smoothed in the photo
EVEN = (1.0, 1.5)  # rows and columns over which the edge is smoothed
BESIDE = np.cos(np.radians(25))  # to a side of the head
NAPE_M = 0.025  # by which a hat reaches farther down behind than beside
FAR_M = 0.06  # from an edge, the farthest that counts


@dataclass(frozen=True, eq=False)
class Covering:
    """What is on a head in one photo.

    Attributes:
        mask: (h, w) bool: hair and what is worn on the head.
        worn: (h, w) float32 0-1: what of it is no hair.
        edge: (h, w) float32 metres to where it ends at skin or clothes, negative beyond; the background is no end.
        veil: whether it hangs down beside and below the face on all sides.
    """

    mask: NDArray
    worn: NDArray
    edge: NDArray
    veil: bool


def covering_of(head: HeadSeen, worn: NDArray, veil: bool) -> Covering:
    """What covers the head; `worn`: (h, w) float32 0-1, hat or cloth."""
    seen, metre = head.seen, head.rays.metre
    size = seen.person.shape[::-1]
    whole = np.asarray(cv2.resize(head.observation.mask, size, interpolation=cv2.INTER_AREA) > 0.5)
    hair = np.asarray(seen.hair > 0.5)
    if worn.max() > 0.5 and not veil:
        hair &= cv2.dilate(np.isfinite(head.empty.depth).astype(np.uint8), disc(UNDER_M * metre)) > 0
    mask = ((seen.person > 0.5) & (hair | (worn > 0.5))).astype(np.uint8)
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, disc(SPECK_M * metre))
    grown = _largest(cv2.morphologyEx(closed, cv2.MORPH_OPEN, disc(SPECK_M * metre)))
    ends = (whole & ~grown).astype(np.uint8)
    away = cv2.distanceTransform(1 - ends, cv2.DIST_L2, 3) - cv2.distanceTransform(ends, cv2.DIST_L2, 3)
    edge = blurred(np.clip(away / metre, -FAR_M, FAR_M).astype(np.float32), EVEN_M * metre)
    return Covering(grown, worn.astype(np.float32), edge, veil)


def _largest(mask: NDArray) -> NDArray:
    """(h, w) bool: the largest piece of a mask, without holes narrower than it."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if count < 2:
        return np.zeros(mask.shape, bool)
    found: NDArray = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return found


def inside_edge(covering: Covering, head: HeadSeen, grid: ShellGrid, usual: NDArray) -> NDArray:
    """(R, C) metres by which the skin lies inside the edge of what covers the head, negative outside.

    The photo says it where it looks at the head, and the other half of the face where that one is seen better; farther
    around the head it goes on so, down to `usual`, (R, C), where nothing is near.
    """
    total, weight = np.zeros(usual.shape), np.zeros(usual.shape)
    points = grid.points(grid.skin)
    for flip in (np.array([1.0, 1, 1]), np.array([-1.0, 1, 1])):
        at = (points * flip).reshape(-1, 3)
        toward = view_directions(head.camera, at)[0].reshape(points.shape)
        facing = smoothstep((grid.directions * flip * toward).sum(axis=2), *FACING)
        pixels = project(head.seen.camera, at)[0].astype(np.float32)
        inside = image_at(head.seen.inside.astype(np.float32), pixels, border=cv2.BORDER_CONSTANT)
        share = facing * inside.reshape(facing.shape) * (1 - weight)
        total = total + share * image_at(covering.edge, pixels).reshape(facing.shape)
        weight = weight + share
    sums, counts = (gaussian_filter1d(of, BEYOND, axis=1, mode="wrap") for of in (total, weight))
    beyond = (sums + FAINT * usual) / (counts + FAINT)
    return around(gaussian_filter, total + (1 - weight) * beyond, EVEN)


def rim_edge(grid: ShellGrid, edge: NDArray, sides: NDArray) -> NDArray:
    """(R, C) metres above the rim of a hat, which goes on around the head from the sides that the photo shows.

    Args:
        edge: (R, C) metres inside the edge where the photo shows it.
        sides: (n,) radians around the head, where the outline is seen.
    """
    height = grid.points(grid.skin)[..., 1]
    near = np.cos(grid.turn[:, None] - sides).max(axis=1) > BESIDE
    lowest = np.where(edge > 0, height, np.inf).min(axis=0)[near]
    lowest = lowest[np.isfinite(lowest)]
    rim = np.median(lowest) if len(lowest) else 0.0
    back = smoothstep(-np.cos(grid.turn), 0.0, 1.0)
    return np.clip(height - (rim - NAPE_M * back), -FAR_M, FAR_M)


def scalp_edge(grid: ShellGrid, head: NDArray, model: MorphableModel) -> NDArray:
    """(R, C) metres by which points lie inside the scalp, where hair grows on everybody; negative outside."""
    skin = model.part_vertices("skin")
    grows = model.regions["scalp"][skin] > 0.5
    at = grid.points(grid.skin).reshape(-1, 3)
    there, other = (cKDTree(head[skin[chosen]]).query(at)[0] for chosen in (grows, ~grows))
    return np.clip((other - there) / 2, -FAR_M, FAR_M).reshape(grid.skin.shape)
