"""Fewer triangles: vertices moved onto a neighbour along an edge, cheapest first (Garland and Heckbert 1997).

What stays is a subset of the vertices, with their weights and texture coordinates as they were: an edge is only used
where the charts of the texture, the surface and the plane of symmetry allow it.
"""

from __future__ import annotations

import heapq
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

SEAM, BORDER = 0.3, 10.0  # worth of staying on a chart's edge, and on the plane of symmetry
TURN = 0.35  # least cosine between a triangle's normals before and after
SKINNING = 2e-3  # metres that a wholly different skinning is worth
THIN = 0.02  # least height of a triangle over its longest edge, unless it was thinner


class Simplifier:
    """A mesh that loses vertices one by one.

    Args:
        vertices: (V, 3) metres. faces: (F, 3). uv_faces: (F, 3) into uvs (T, 2). weights: (V, B).
        worth: (V,) factor on the cost of removing a vertex.
    """

    def __init__(
        self, vertices: NDArray, faces: NDArray, uvs: NDArray, uv_faces: NDArray, weights: NDArray, worth: NDArray
    ) -> None:
        self.vertices, self.uvs, self.weights, self.worth = vertices, uvs, weights, worth
        self.faces, self.corners = [list(f) for f in faces.tolist()], [list(f) for f in uv_faces.tolist()]
        self.around: dict[int, set[int]] = defaultdict(set)
        for number, face in enumerate(self.faces):
            for vertex in face:
                self.around[vertex].add(number)
        self.quadrics = self._quadrics(faces)
        self.border = {v for edge, owners in self._edges().items() if len(owners) == 1 for v in edge}
        self.stamp: dict[int, int] = defaultdict(int)

    def _edges(self) -> dict[tuple[int, int], list[int]]:
        owners: dict[tuple[int, int], list[int]] = defaultdict(list)
        for number, face in enumerate(self.faces):
            for k in range(3):
                owners[tuple(sorted((face[k], face[k - 1])))].append(number)  # type: ignore[index]
        return owners

    def _quadrics(self, faces: NDArray) -> NDArray:
        corner = self.vertices[faces]
        normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        area = np.linalg.norm(normal, axis=1)
        normal /= np.maximum(area, 1e-20)[:, None]
        plane = np.column_stack([normal, -(normal * corner[:, 0]).sum(axis=1)])
        found = np.zeros((len(self.vertices), 4, 4))
        for k in range(3):
            np.add.at(found, faces[:, k], area[:, None, None] * plane[:, :, None] * plane[:, None, :])
        for (a, b), owners in self._edges().items():
            seam = len(owners) == 2 and any(
                self._corner(owners[0], vertex) != self._corner(owners[1], vertex) for vertex in (a, b)
            )
            if len(owners) == 2 and not seam:
                continue
            way = self.vertices[b] - self.vertices[a]
            for owner in owners:
                across = np.cross(way, normal[owner])
                across /= max(np.linalg.norm(across), 1e-20)
                flat = np.append(across, -across @ self.vertices[a])
                found[[a, b]] += (SEAM if seam else BORDER) * (way @ way) * np.outer(flat, flat)
        return found

    def _corner(self, face: int, vertex: int) -> int:
        return self.corners[face][self.faces[face].index(vertex)]

    def _cost(self, gone: int, kept: int) -> float:
        point = np.append(self.vertices[kept], 1.0)
        shape = point @ (self.quadrics[gone] + self.quadrics[kept]) @ point
        apart = self.vertices[gone] - self.vertices[kept]
        area = apart @ apart
        unlike = SKINNING * np.abs(self.weights[gone] - self.weights[kept]).sum()
        return float(self.worth[gone] * (max(shape, 0) + area * unlike**2 + 1e-7 * area * area))

    def _neighbours(self, vertex: int) -> set[int]:
        return {other for face in self.around[vertex] for other in self.faces[face]} - {vertex}

    def _moves(self, gone: int, kept: int) -> dict[int, int] | None:
        """Texture coordinates of the vertex that goes -> those of the one that stays; None where it may not go."""
        shared = self.around[gone] & self.around[kept]
        if gone in self.border and (kept not in self.border or len(shared) != 1):
            return None
        if len(self._neighbours(gone) & self._neighbours(kept)) != len(shared):
            return None
        moves: dict[int, int] = {}
        for face in shared:
            old, new = self._corner(face, gone), self._corner(face, kept)
            if moves.setdefault(old, new) != new:
                return None
        for face in self.around[gone] - shared:
            if self._corner(face, gone) not in moves or not self._stays_sound(face, gone, kept, moves):
                return None
        return moves

    def _stays_sound(self, face: int, gone: int, kept: int, moves: dict[int, int]) -> bool:
        at = self.faces[face].index(gone)
        before = self.vertices[self.faces[face]]
        after = before.copy()
        after[at] = self.vertices[kept]
        first, second = (np.cross(x[1] - x[0], x[2] - x[0]) for x in (before, after))
        sizes = np.linalg.norm(first), np.linalg.norm(second)
        longest = max(((after[k] - after[k - 1]) ** 2).sum() for k in range(3))
        if sizes[1] < THIN * longest and sizes[1] < sizes[0]:
            return False
        if sizes[0] > 1e-14 and first @ second < TURN * sizes[0] * sizes[1]:
            return False
        flat = self.uvs[self.corners[face]]
        moved = flat.copy()
        moved[at] = self.uvs[moves[self._corner(face, gone)]]
        old, new = _signed(flat), _signed(moved)
        return abs(old) < 1e-12 or old * new > 0

    def _offer(self, vertex: int, queue: list) -> None:
        self.stamp[vertex] += 1
        for cost, other in sorted((self._cost(vertex, other), other) for other in self._neighbours(vertex))[:3]:
            heapq.heappush(queue, (cost, vertex, other, self.stamp[vertex]))

    def run(self, count: int) -> None:
        """Go on until `count` vertices are left, or none may go."""
        queue: list = []
        left = len(self.around)
        for vertex in list(self.around):
            self._offer(vertex, queue)
        while left > count and queue:
            _, gone, kept, stamp = heapq.heappop(queue)
            if stamp != self.stamp[gone] or not self.around[gone] or not self.around[kept]:
                continue
            moves = self._moves(gone, kept)
            if moves is None:
                continue
            self._collapse(gone, kept, moves)
            left -= 1
            for vertex in self._neighbours(kept) | {kept}:
                self._offer(vertex, queue)

    def _collapse(self, gone: int, kept: int, moves: dict[int, int]) -> None:
        shared = self.around[gone] & self.around[kept]
        for face in shared:
            for vertex in self.faces[face]:
                self.around[vertex].discard(face)
        for face in list(self.around[gone]):
            at = self.faces[face].index(gone)
            self.corners[face][at] = moves[self.corners[face][at]]
            self.faces[face][at] = kept
            self.around[kept].add(face)
        self.around[gone] = set()
        self.stamp[gone] += 1
        self.quadrics[kept] = self.quadrics[kept] + self.quadrics[gone]

    def result(self) -> tuple[NDArray, NDArray]:
        """Faces (F', 3) and their texture coordinates, in the numbers of the whole mesh."""
        alive = sorted({face for faces in self.around.values() for face in faces})
        return np.array([self.faces[f] for f in alive]), np.array([self.corners[f] for f in alive])


def _signed(corners: NDArray) -> float:
    a, b = corners[1] - corners[0], corners[2] - corners[0]
    return float(a[0] * b[1] - a[1] * b[0])
