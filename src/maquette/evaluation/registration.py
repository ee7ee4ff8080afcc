"""Laying one shape onto another: trimmed ICP, least squares on distances, and non-rigid correspondences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.evaluation.meshes import Shape
from maquette.evaluation.shapes import ClosestPoints
from maquette.geometry.alignment import IDENTITY, Similarity, similarity

STIFFNESS = (50.0, 10.0, 2.0, 0.5)  # of the non-rigid graph, in units of the data term, stiff to soft
ROUNDS_PER_STIFFNESS = 3


def corresponding_distances(prediction: NDArray, truth: NDArray, scale: bool, region: NDArray | None = None) -> NDArray:
    """Distances of corresponding points after Procrustes: the estimator to trust where correspondences are known.

    Args:
        prediction, truth: (V, 3) of one topology, in one unit.
        scale: True for a similarity, False keeps the prediction's own size (metric).
        region: (V,) bool or indices, the points that are aligned and measured; None for all.

    Returns:
        (N,) one per point of the region.

    Raises:
        BadInput: different counts, NaN, too few points.
    """
    if np.shape(prediction) != np.shape(truth):
        raise BadInput(f"corresponding points: wanted one topology, got {np.shape(prediction)} and {np.shape(truth)}")
    chosen = slice(None) if region is None else region
    mine, theirs = np.asarray(prediction, np.float64)[chosen], np.asarray(truth, np.float64)[chosen]
    return np.linalg.norm(similarity(mine, theirs, scale).apply(mine) - theirs, axis=1)


def align_robustly(source: NDArray, target: NDArray, scale: bool, least: float) -> Similarity:
    """`similarity`, five times without the points that lie farther off than `least` and three medians.

    Args:
        least: distance below which a point is never dropped, in the target's unit.
    """
    good = np.isfinite(source).all(axis=1) & np.isfinite(target).all(axis=1)
    valid = good
    for _ in range(5):
        motion = similarity(source[good], target[good], scale)
        rest = np.full(len(source), np.inf)
        rest[valid] = np.linalg.norm(motion.apply(source[valid]) - target[valid], axis=1)
        good = rest < max(least, 3 * float(np.median(rest[valid])))
    return motion


def icp(
    shape: Shape, points: NDArray, scale: bool, keep: float = 1.0, rounds: int = 100, tolerance: float = 1e-5
) -> Similarity:
    """Trimmed ICP (Chetverikov et al. 2002): the motion that brings a mesh to a scan, closest points on the mesh.

    Args:
        shape: already near the scan.
        points: (N, 3), the scan.
        scale: whether the scale is free.
        keep: share of the points that count, the nearest ones.
        rounds: most iterations.
        tolerance: stop when the root mean square distance changes by less than this share.
    """
    # The scan moves towards the fixed mesh, so that the search tree is built once.
    tree, motion, before = ClosestPoints(shape), IDENTITY, np.inf
    for _ in range(rounds):
        back = motion.inverse()
        closest, _, _ = tree.query(back.apply(points))
        gaps = np.linalg.norm(motion.apply(closest) - points, axis=1)
        inner = gaps <= np.quantile(gaps, keep)
        now = float(np.sqrt((gaps[inner] ** 2).mean()))
        if now <= 1e-12 or abs(before - now) <= tolerance * now:
            break
        motion, before = similarity(closest[inner], points[inner], scale), now
    return motion


def neighbour_edges(points: NDArray, count: int = 6) -> NDArray:
    """(E, 2) int: each point with its nearest `count` others, for scans that have no triangles."""
    from scipy.spatial import cKDTree

    near = cKDTree(points).query(points, k=min(count + 1, len(points)))[1].reshape(len(points), -1)[:, 1:]
    edges = np.stack([np.repeat(np.arange(len(points)), near.shape[1]), near.ravel()], axis=1)
    return np.unique(np.sort(edges, axis=1), axis=0)


def correspondences(
    points: NDArray,
    edges: NDArray,
    target: Shape,
    anchors: tuple[NDArray, NDArray] | None = None,
    stiffness: Sequence[float] = STIFFNESS,
) -> NDArray:
    """Non-rigid ICP: where each scan point lands on the target when the scan is bent onto it.

    Minimises sum |p + d - q|^2 + stiffness sum over edges |d_i - d_j|^2 for the shifts d, the stiffness falling
    (Amberg et al. 2007 with shifts instead of affine maps). The distance from a point to its landing place counts
    sliding along the surface, which the nearest point hides.

    Args:
        points: (N, 3), the scan, aligned to the target.
        edges: (E, 2) int between points.
        target: the surface, in the same unit.
        anchors: ((K,) indices of points, (K, 3) where they belong), or None; they pull 50 times as strongly.

    Returns:
        (N, 3) on the target.
    """
    import scipy.sparse
    from scipy.sparse.linalg import splu

    tree, count = ClosestPoints(target), len(points)
    ones = np.ones(len(edges))
    links = scipy.sparse.coo_matrix((ones, (edges[:, 0], edges[:, 1])), (count, count))
    links = links + links.T
    laplacian = scipy.sparse.diags(np.asarray(links.sum(axis=1)).ravel()) - links
    weight, pull = np.zeros(count), np.zeros((count, 3))
    if anchors is not None:
        weight[anchors[0]] = 50.0
        pull[anchors[0]] = 50.0 * (anchors[1] - points[anchors[0]])
    shift = np.zeros((count, 3))
    for stiff in stiffness:
        system = splu((scipy.sparse.diags(1.0 + weight) + stiff * laplacian).tocsc())
        for _ in range(ROUNDS_PER_STIFFNESS):
            closest = tree.query(points + shift)[0]
            shift = system.solve(closest - points + pull)
    return tree.query(points + shift)[0]


def settle(shape: Shape, points: NDArray, scale: bool, rounds: int = 60, tolerance: float = 1e-7) -> Similarity:
    """The motion of a mesh that makes the sum of squared distances from the scan to its surface smallest.

    The same goal as untrimmed ICP, by Levenberg and Marquardt's steps on the distances themselves: ICP creeps, and
    where it is stopped changes the median by several percent.

    Args:
        shape: already near the scan.
        points: (N, 3), the scan.
        scale: whether the scale is free.
        rounds: most evaluations of the distances.
        tolerance: stop when a step lowers the root mean square distance by less than this share.
    """
    from maquette.geometry.mesh import face_normals

    tree, normals = ClosestPoints(shape), face_normals(shape.vertices, shape.faces)
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)

    def look(motion: Similarity) -> tuple[NDArray, NDArray, float]:
        closest, _, faces = tree.query(motion.inverse().apply(points))
        placed = motion.apply(closest)
        gaps = points - placed
        length = np.linalg.norm(gaps, axis=1)
        # On the surface the direction of the gap is lost; the triangle's normal is its limit.
        far = length > 1e-9 * max(shape.diagonal * motion.scale, 1e-300)
        direction = np.where(
            far[:, None], gaps / np.maximum(length, 1e-300)[:, None], normals[faces] @ motion.rotation.T
        )
        return placed, direction, float(np.sqrt((length**2).mean()))

    motion, damping = IDENTITY, 1e-6
    placed, direction, now = look(motion)
    for _ in range(rounds):
        if now <= 1e-12 * max(shape.diagonal, 1e-300):
            break
        centre = placed.mean(axis=0)
        size = float(np.sqrt(((placed - centre) ** 2).sum(axis=1).mean()))
        arm = (placed - centre) / size
        columns = [np.cross(arm, direction), direction, (arm * direction).sum(axis=1, keepdims=True)]
        jacobian = np.concatenate(columns if scale else columns[:2], axis=1)
        gaps = ((points - placed) * direction).sum(axis=1)
        normal, right = jacobian.T @ jacobian, jacobian.T @ gaps
        step = np.linalg.solve(normal + damping * (np.trace(normal) + 1e-300) * np.eye(len(right)), right) / size
        tried = _step(step, centre, size).after(motion)
        seen = look(tried)
        if seen[2] >= now:
            damping *= 10
            if damping > 1e3:
                break
            continue
        small = now - seen[2] <= tolerance * now
        motion, (placed, direction, now), damping = tried, seen, max(damping / 10, 1e-9)
        if small:
            break
    return motion


def _step(step: NDArray, centre: NDArray, size: float) -> Similarity:
    """A small motion about a centre: turn (3), shift (3) in units of `size`, logarithm of the scale (1) if free."""
    from scipy.spatial.transform import Rotation

    rotation = Rotation.from_rotvec(step[:3]).as_matrix()
    factor = float(np.exp(step[6])) if len(step) > 6 else 1.0
    return Similarity(factor, rotation, centre + size * step[3:6] - factor * rotation @ centre)
