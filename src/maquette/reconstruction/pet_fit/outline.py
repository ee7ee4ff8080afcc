"""The outline of an animal's head: of the photo's mask, of the model, and which point of one belongs to the other."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

POINTS = 240  # on the outline of a photo at most
SMOOTH = 0.06  # radius over which directions of the outline are averaged, eye distances
BORDER = 0.015  # of the picture's longer side: an outline along its border is the picture's end
BELOW_CHIN = 0.05  # eye distances below the chin where the head's outline ends: then come body and fur of the neck
DIRECTION = 0.6  # what a whole turn of direction counts in matching, in eye distances
REACH = 0.7  # eye distances beyond which outlines do not belong together


def outline_of(mask: NDArray, chin: NDArray, up: NDArray, unit: float) -> tuple[NDArray, NDArray]:
    """Points (M, 2) along a mask's outline around the head, and its directions outwards (M, 2).

    Args:
        mask: (H, W) float32 0-1.
        chin: (2,) pixels; up: (2,) unit, from nose to forehead; unit: pixels of an eye distance.
    """
    inside = (mask > 0.5).astype(np.uint8)
    curves, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not curves:
        return np.zeros((0, 2)), np.zeros((0, 2))
    curve = max(curves, key=cv2.contourArea)[:, 0].astype(float) + 0.5
    if len(curve) < 16:
        return np.zeros((0, 2)), np.zeros((0, 2))
    radius = max(2, round(SMOOTH * unit))
    kernel = np.ones(2 * radius + 1) / (2 * radius + 1)
    wrapped = np.concatenate([curve[-radius:], curve, curve[:radius]])
    smooth = np.column_stack([np.convolve(wrapped[:, k], kernel, "valid") for k in range(2)])
    along = np.roll(smooth, -radius, axis=0) - np.roll(smooth, radius, axis=0)
    normals = np.column_stack([along[:, 1], -along[:, 0]])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    if np.sum(normals * (smooth - smooth.mean(axis=0))) < 0:
        normals = -normals
    height, width = mask.shape
    border = BORDER * max(height, width) + 1
    kept = (np.minimum(smooth, [width, height] - smooth) > border).all(axis=1)
    kept &= (smooth - chin) @ up > -BELOW_CHIN * unit
    index = np.flatnonzero(kept)
    index = index[:: max(1, len(index) // POINTS)]
    return smooth[index], normals[index]


def rim_of(pixels: NDArray, faces: NDArray) -> tuple[NDArray, NDArray]:
    """Vertices (R,) on the rim of a drawn mesh, and the directions (R, 2) outwards there.

    Args:
        pixels: (V, 2) where vertices are drawn, y down. faces: (F, 3).
    """
    a, b, c = (pixels[faces[:, k]] for k in range(3))
    turn = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    front = turn < 0  # anticlockwise from outside is clockwise with y down
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    facing = np.tile(front, 3)
    low, high = edges.min(axis=1), edges.max(axis=1)
    key = low.astype(np.int64) * len(pixels) + high
    order = np.argsort(key, kind="stable")
    same = key[order][:-1] == key[order][1:]
    first, second = order[:-1][same], order[1:][same]
    split = facing[first] != facing[second]
    ahead = np.where(facing[first], first, second)[split]
    edge = edges[ahead]
    along = pixels[edge[:, 1]] - pixels[edge[:, 0]]
    # Of a front triangle, anticlockwise from outside and so clockwise drawn, the outside lies on the left of its edge.
    outwards = np.column_stack([along[:, 1], -along[:, 0]]) * -1.0
    vertices, place = np.unique(edge[:, 0], return_inverse=True)
    sums = np.zeros((len(vertices), 2))
    np.add.at(sums, place, outwards)
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    return vertices, sums / np.maximum(length, 1e-9)


def outermost(pixels: NDArray, rim: NDArray, normals: NDArray, drawn: NDArray) -> NDArray:
    """(R,) bool: rim vertices that nothing of the drawn mesh surrounds: on its own outline, not on an inner fold.

    Args:
        drawn: (H, W) bool, the mesh's silhouette; rim vertices beyond it count as outermost.
    """
    height, width = drawn.shape
    beyond = pixels[rim] + 3.0 * normals
    x, y = np.floor(beyond).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    out = np.ones(len(rim), bool)
    out[inside] = ~drawn[y[inside], x[inside]]
    return out


def silhouette(pixels: NDArray, faces: NDArray, size: tuple[int, int]) -> NDArray:
    """(H, W) bool: where a mesh drawn at pixels (V, 2) covers a picture of (width, height)."""
    drawn = np.zeros(size[::-1], np.uint8)
    corners = np.clip(np.round(pixels[faces] - 0.5), -4000, 9000).astype(np.int32)
    for triangle in corners:
        cv2.fillConvexPoly(drawn, triangle, (1,))
    return drawn > 0


def matched(
    points: NDArray, normals: NDArray, others: NDArray, directions: NDArray, unit: float
) -> tuple[NDArray, NDArray]:
    """For each of points (M, 2) which of the others (R, 2) belongs to it, near and of like direction.

    Returns:
        index: (M,) into others. good: (M,) bool: near enough, and not turned away.
    """
    if not len(others) or not len(points):
        return np.zeros(len(points), int), np.zeros(len(points), bool)
    weight = DIRECTION * unit / 2
    tree = cKDTree(np.column_stack([others, weight * directions]))
    _, index = tree.query(np.column_stack([points, weight * normals]))
    near = np.linalg.norm(points - others[index], axis=1) < REACH * unit
    return np.asarray(index), near & ((normals * directions[index]).sum(axis=1) > 0.3)
