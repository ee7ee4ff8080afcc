"""A closed solid of thin cards before a body, as hair is modelled: what prints and meets the body without a gap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, gaussian_filter
from scipy.spatial import cKDTree

from maquette.geometry.surfaces.isosurface import marching_cubes

MARGIN = 3  # voxels around the cards
CLOSED = 2  # voxels: narrower gaps between cards are closed
SOFT = 1.1  # voxels over which the surface is rounded
MOST_STEPS = 64  # along an edge, or from a card to the body


def solid_of_cards(
    corners: NDArray, body: NDArray, voxel: float, reach: float, floor: float
) -> tuple[NDArray, NDArray]:
    """The solid between cards and a body.

    Args:
        corners: (F, 3, 3) metres, triangles of the cards.
        body: (N, 3, 3) metres, triangles of the body.
        voxel: metres.
        reach: metres: where a card is nearer to the body, all between them is filled.
        floor: metres: what lies lower is left out.

    Returns:
        vertices: (V, 3) metres.
        faces: (F, 3), anticlockwise from outside; both empty where there is nothing.
    """
    nothing = np.zeros((0, 3)), np.zeros((0, 3), np.int64)
    points = _once(_samples(corners, voxel), voxel)
    surface = _once(_samples(body, voxel), voxel)
    apart, found = cKDTree(surface).query(points)
    nearest = np.asarray(found)
    # A card by itself is one voxel thin, which rounding would wear away.
    sides = voxel * np.concatenate([np.eye(3), -np.eye(3)])
    filled = [points, (points[apart >= reach][:, None] + sides).reshape(-1, 3)]
    steps = np.minimum(np.ceil(apart / voxel).astype(int), MOST_STEPS)
    for count in np.unique(steps[apart < reach]):
        some = (steps == count) & (apart < reach)
        way = np.linspace(0, 1, count + 1)[:, None, None]
        filled.append((points[some] + way * (surface[nearest[some]] - points[some])).reshape(-1, 3))
    whole = np.concatenate(filled)
    whole = whole[whole[:, 1] > floor]
    if not len(whole):
        return nothing
    low = whole.min(axis=0) - MARGIN * voxel
    index = np.round((whole - low) / voxel).astype(int)
    grid = np.zeros(index.max(axis=0) + MARGIN + 1, bool)
    grid[tuple(index.T)] = True
    grid = binary_closing(grid, iterations=CLOSED) | grid
    vertices, faces = marching_cubes(gaussian_filter(grid.astype(np.float32), SOFT), 0.4)
    return vertices * voxel + low, faces


def _samples(corners: NDArray, spacing: float) -> NDArray:
    """(N, 3) points on triangles (F, 3, 3), no farther apart than that."""
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    steps = np.clip(2 ** np.ceil(np.log2(np.maximum(longest / spacing, 1))).astype(int), 1, MOST_STEPS)
    points = []
    for count in np.unique(steps):
        i, j = np.meshgrid(np.arange(count + 1), np.arange(count + 1))
        inside = i + j <= count
        weights = np.stack([i[inside], j[inside], (count - i - j)[inside]], axis=1) / count
        points.append(np.einsum("sk,fkd->fsd", weights, corners[steps == count]).reshape(-1, 3))
    return np.concatenate(points)


def _once(points: NDArray, voxel: float) -> NDArray:
    """(M, 3): one point per voxel."""
    _, first = np.unique(np.round(points / voxel).astype(np.int64), axis=0, return_index=True)
    return points[first]
