"""Texture charts for a surface that comes without any: height fields along six directions, packed by their outlines.

Conformal charts (Levy et al. 2002; the xatlas library) took 14 s for 40,000 faces; parts of a person's surface that
look the same way are as good as flat, take about 1 s, and a photo lies on them hardly distorted.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from maquette.core.types import Mesh
from maquette.geometry.mesh import face_normals
from maquette.geometry.raycast import RayCaster

# Front and back first: there the photo lies; few photos show a crown or soles.
DIRECTIONS = np.array([[0, 0, 1], [0, 0, -1], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]], float)
FAVOUR = np.array([1.1, 1.1, 1.0, 1.0, 0.8, 0.8])
COHESION, ROUNDS = 0.35, 30  # pull of the three neighbours on a face's direction, and how often it is felt
STEEPEST = 0.15  # cosine: a face that looks farther away would be a line in its chart
SMALLEST = 0.002  # of all faces: smaller charts join a neighbour
PEELS = 3  # layers of one chart that lie one above the other, before the rest is left as it is
FEWEST_HIDDEN = 6  # faces: smaller overlaps are not worth a chart
GRID = 256  # cells along a side in which outlines are packed
FULL, SHRINK = 0.62, 0.96  # share of the texture that is tried first, factor of the scale after each failure
LIFT_M = 1e-5
INWARD = 0.2  # from a corner towards the middle of its face: where a ray starts that looks for other faces
TALL, CUT = 0.55, 0.47  # of the subject's height: charts as tall are cut there, smaller ones pack closer


def unwrap(mesh: Mesh) -> Mesh:
    """The mesh with `uvs` and `uv_faces`; all charts have one scale, and at 1024 four texels between each other.

    Args:
        mesh: metres; closed or not.
    """
    vertices, faces = mesh.vertices.astype(float), mesh.faces
    direction, chart = charts_of(vertices, faces)
    first = np.unique(chart, return_index=True)[1]
    corners, flat, owner = _flattened(vertices, faces, direction[first], chart)
    placed = _packed(flat, owner, corners)
    uvs = np.clip(placed, 0, 1).astype(np.float32)
    return replace(mesh, uvs=uvs, uv_faces=np.ascontiguousarray(corners, np.int32))


def charts_of(vertices: NDArray, faces: NDArray) -> tuple[NDArray, NDArray]:
    """(F,) which of DIRECTIONS each face is seen along, and (F,) its chart, 0 to C - 1."""
    normals = face_normals(vertices, faces)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)
    links = face_links(faces)
    toward = normals @ DIRECTIONS.T
    seen = toward > STEEPEST
    score = np.where(seen, FAVOUR * toward, -10.0)
    label = score.argmax(axis=1)
    for _ in range(ROUNDS):
        label = (score + COHESION * (links @ np.eye(6)[label])).argmax(axis=1)
    for _ in range(4):
        chart = _connected(links, label)
        size = np.bincount(chart)
        small = size[chart] < SMALLEST * len(faces)
        if not small.any():
            break
        others = links @ (np.eye(6)[label] * ~small[:, None])
        votes = np.where(small[:, None] & (toward > 0), others, 0)
        label = np.where(votes.max(axis=1) > 0, votes.argmax(axis=1), label)
    chart = _connected(links, label)
    chart = _connected(links, chart * 2 + _lower_half(vertices, faces, chart))
    for _ in range(PEELS):
        hidden = _overlapped(vertices, faces, label, chart)
        if not hidden.any():
            break
        chart = _connected(links, chart * 2 + hidden)
    return label, chart


def face_links(faces: NDArray) -> scipy.sparse.csr_matrix:
    """(F, F) symmetric 0/1 matrix: faces that share an edge."""
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64), axis=1)
    key = edges[:, 0] * (int(faces.max()) + 1) + edges[:, 1]
    order = np.argsort(key, kind="stable")
    same = np.flatnonzero(np.diff(key[order]) == 0)
    first, second = order[same] // 3, order[same + 1] // 3
    rows, columns = np.concatenate([first, second]), np.concatenate([second, first])
    return scipy.sparse.coo_matrix((np.ones(len(rows), np.float32), (rows, columns)), (len(faces),) * 2).tocsr()


def _connected(links: scipy.sparse.csr_matrix, label: NDArray) -> NDArray:
    """(F,) number of the connected piece of like-labelled faces."""
    pairs = links.tocoo()
    same = label[pairs.row] == label[pairs.col]
    graph = scipy.sparse.coo_matrix((np.ones(same.sum(), np.int8), (pairs.row[same], pairs.col[same])), links.shape)
    return connected_components(graph, directed=False)[1]


def _lower_half(vertices: NDArray, faces: NDArray, chart: NDArray) -> NDArray:
    """(F,) bool: faces of tall charts below the hips."""
    middle = vertices[faces, 1].mean(axis=1)
    low, high = middle.min(), middle.max()
    top, bottom = np.full(chart.max() + 1, -np.inf), np.full(chart.max() + 1, np.inf)
    np.maximum.at(top, chart, middle)
    np.minimum.at(bottom, chart, middle)
    tall = (top - bottom) > TALL * (high - low)
    return tall[chart] & (middle < low + CUT * (high - low))


def _overlapped(vertices: NDArray, faces: NDArray, label: NDArray, chart: NDArray) -> NDArray:
    """(F,) bool: faces that another face of the same chart covers, as an arm covers the chest it grows out of."""
    hidden = np.zeros(len(faces), bool)
    order = np.argsort(chart, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(chart[order])) + 1):
        if len(members) <= FEWEST_HIDDEN:
            continue
        along = DIRECTIONS[label[members[0]]]
        caster = RayCaster(vertices, faces[members])
        corners = vertices[faces[members]]
        middle = corners.mean(axis=1, keepdims=True)
        probes = np.concatenate([middle, corners + INWARD * (middle - corners)], axis=1).reshape(-1, 3)
        hit = caster.first_hits(probes + LIFT_M * along, np.broadcast_to(along, probes.shape))[0]
        below = (hit >= 0).reshape(len(members), -1).any(axis=1)
        if below.sum() > FEWEST_HIDDEN:
            hidden[members[below]] = True
    return hidden


def _flattened(
    vertices: NDArray, faces: NDArray, direction: NDArray, chart: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """(F, 3) indices of chart corners, (T, 2) metres where they lie in their chart, (T,) which chart that is."""
    key = chart[:, None].astype(np.int64) * len(vertices) + faces
    used, inverse = np.unique(key, return_inverse=True)
    owner, vertex = used // len(vertices), used % len(vertices)
    along = DIRECTIONS[direction[owner]]
    up = np.where(np.abs(along[:, 1:2]) > 0.5, [[0.0, 0.0, -1.0]], [[0.0, 1.0, 0.0]]) * np.where(
        along[:, 1:2] < 0, -1, 1
    )
    right = np.cross(up, along)
    place = vertices[vertex]
    flat = np.stack([(place * right).sum(axis=1), (place * up).sum(axis=1)], axis=1)
    for number in range(int(owner.max()) + 1):
        mine = owner == number
        flat[mine] = _upright(flat[mine])
    return inverse.reshape(-1, 3), flat, owner


def _upright(points: NDArray) -> NDArray:
    """(n, 2) turned so that their longest extent stands up, the lowest corner at the origin."""
    centred = points - points.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes * np.sign(axes[1] + 1e-12)
    if np.linalg.det(axes) < 0:
        axes[:, 0] *= -1
    turned = centred @ axes
    return turned - turned.min(axis=0)


def _packed(flat: NDArray, owner: NDArray, corners: NDArray) -> NDArray:
    """(T, 2) in 0-1: charts laid side by side at one scale, as large as found."""
    triangles = flat[corners]
    (ax, ay), (bx, by) = (np.moveaxis(triangles[:, k] - triangles[:, 0], 1, 0) for k in (1, 2))
    area = np.abs(ax * by - ay * bx).sum() / 2
    scale = GRID * np.sqrt(FULL / area)
    of = owner[corners[:, 0]]
    order = np.argsort(of, kind="stable")
    groups = np.split(triangles[order], np.flatnonzero(np.diff(of[order])) + 1)
    while True:
        offsets = _places([_outline(group * scale) for group in groups])
        if offsets is not None:
            return (flat * scale + offsets[owner] + 1) / GRID
        scale *= SHRINK


def _outline(triangles: NDArray) -> NDArray:
    """(h, w) uint8: the cells that a chart of (n, 3, 2) triangles needs, with an empty cell around."""
    cells = (triangles + 1).astype(np.int32)
    mask = np.zeros(cells.max(axis=(0, 1))[::-1] + 2, np.uint8)
    mask[cells[..., 1], cells[..., 0]] = 1
    large = np.ptp(cells, axis=1).max(axis=1) > 1
    for corners in cells[large]:
        cv2.fillConvexPoly(mask, corners, (1,))
    return mask


def _places(outlines: list[NDArray]) -> NDArray | None:
    """(C, 2) cells x, y of each outline's corner, large ones first in the lowest free place; None: they do not fit."""
    taken = np.zeros((GRID, GRID), np.float32)
    offsets = np.zeros((len(outlines), 2))
    for index in sorted(range(len(outlines)), key=lambda k: -outlines[k].size):
        mask = outlines[index]
        height, width = mask.shape
        if height > GRID or width > GRID:
            return None
        free = np.flatnonzero(cv2.matchTemplate(taken, mask.astype(np.float32), cv2.TM_CCORR).ravel() < 0.5)
        if not len(free):
            return None
        y, x = divmod(int(free[0]), GRID - width + 1)
        there = taken[y : y + height, x : x + width]
        np.maximum(there, cv2.dilate(mask, np.ones((3, 3), np.uint8)), out=there)
        offsets[index] = x, y
    return offsets
