"""One step of Loop subdivision as a fixed linear operator: triangles become four, whatever the vertices carry.

C. Loop, Smooth Subdivision Surfaces Based on Triangles (1987). The plain scheme shrinks what is round, eyeballs by
0.5 mm: so the vertices are first moved outwards by what it would pull them in, see `refine`. Edges may stay whole; a
triangle with one or two such edges becomes three or two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from maquette.geometry.subdivision import divide, edges_of

MOST_PIECES = 4  # of a face


@dataclass(frozen=True, eq=False)
class Subdivision:
    """A mesh's triangles split, and what each vertex takes from the old ones.

    The first V of the W = V + E vertices are the old ones, in their order; then one per edge that is split.

    Attributes:
        faces: (G, 3) int32, pieces of one old face beside each other, in the order of the old faces.
        origin: (G,) the old face each is a piece of.
        cut: (F, 3) bool: which edges ab, bc, ca of the old faces are split.
        edges: (E, 2) the ends of each edge that is split.
        old: (V, V) sparse, each row sums to one: where the scheme puts the old vertices.
        new: (E, V) sparse, likewise the new ones.
    """

    faces: NDArray
    origin: NDArray
    cut: NDArray
    edges: NDArray
    old: scipy.sparse.csr_matrix
    new: scipy.sparse.csr_matrix

    def refine(self, values: NDArray) -> NDArray:
        """(..., W, 3) positions or moves of positions, of (..., V, 3), in their float type; linear.

        With A the rows `old`, the scheme is applied to x + (x - A x) instead of x, the first terms of the inverse of A:
        the surface then passes near the old vertices. The next term halves what is left of the distance, but shows in
        the shading as dents, as a full inverse would as ripples.
        """
        columns = np.moveaxis(values, -2, 0)
        flat = np.ascontiguousarray(columns).reshape(len(columns), -1)
        old, new = self.old.astype(flat.dtype), self.new.astype(flat.dtype)
        control = 2 * flat - old @ flat
        fine = np.concatenate([old @ control, new @ control])
        return np.ascontiguousarray(np.moveaxis(fine.reshape(-1, *columns.shape[1:]), 0, -2))

    def spread(self, values: NDArray) -> NDArray:
        """(W, ...) values at the old vertices (V, ...), and at the new ones their ends' mean; integers are rounded."""
        return np.concatenate([values, _between(values, self.edges)])

    def spread_uvs(self, uvs: NDArray, uv_faces: NDArray) -> tuple[NDArray, NDArray]:
        """(T', 2) and (G, 3): texture coordinates (T, 2) and (F, 3) of the old faces in the order of `faces`.

        New ones lie midway between the ends, on either side of a seam by itself: so no texel moves on the surface.
        """
        edges, of_face, _ = edges_of(uv_faces, len(uvs))
        used, place = np.unique(of_face[self.cut], return_inverse=True)
        middle = np.full(self.cut.shape, -1)
        middle[self.cut] = len(uvs) + place
        return np.concatenate([uvs, _between(uvs, edges[used])]), divide(uv_faces, middle)[0]

    def pieces(self, faces: NDArray) -> NDArray:
        """(m,) the faces that (n,) old faces became, in rising order."""
        chosen = np.zeros(len(self.cut), bool)
        chosen[faces] = True
        return np.flatnonzero(chosen[self.origin]).astype(faces.dtype)

    def placed(self, faces: NDArray, barycentric: NDArray) -> tuple[NDArray, NDArray]:
        """Points of the old mesh on the new one, at the same place of the undivided triangle.

        Args:
            faces: (N,) old faces. barycentric: (N, 3) of their corners.

        Returns:
            faces: (N,) the pieces they lie on. barycentric: (N, 3) of the pieces' corners.
        """
        own = np.arange(self.cut.size).reshape(-1, 3)
        corner = divide(own, np.where(self.cut, self.cut.size + own, -1))[0]
        ends = np.eye(3)
        spots = np.concatenate([ends, (ends + np.roll(ends, -1, axis=0)) / 2])  # a, b, c, and midway ab, bc, ca
        within = spots[corner % 3 + 3 * (corner >= self.cut.size)]  # (G, 3, 3) corners of pieces in their old faces
        last = np.searchsorted(self.origin, faces, "right") - 1
        first = np.searchsorted(self.origin, faces)
        tried = np.minimum(first[:, None] + np.arange(MOST_PIECES), last[:, None])
        found = np.einsum("nk,npkj->npj", barycentric, np.linalg.inv(within[tried]))
        best = found.min(axis=2).argmax(axis=1)[:, None]
        inside = np.take_along_axis(found, best[..., None], axis=1)[:, 0]
        return np.take_along_axis(tried, best, axis=1)[:, 0].astype(faces.dtype), inside


def subdivision(faces: NDArray, count: int, split: NDArray | None = None) -> Subdivision:
    """Loop's scheme for a mesh of `count` vertices.

    An edge of two faces is smooth; any other is a rim, along which old vertices move and new ones arise as on a cubic
    spline that knows the rim alone, so that parts whose rims meet still do. Where rims cross, and where no edge is
    split, vertices stay.

    Args:
        faces: (F, 3).
        split: bool, which of the edges that `edges_of` finds are split; None for all.
    """
    edges, of_face, uses = edges_of(faces, count)
    split = np.ones(len(edges), bool) if split is None else split
    smooth, number = uses == 2, np.cumsum(split) - 1
    cut = split[of_face]
    opposite = np.roll(faces, 1, axis=1)  # of ab lies c, of bc lies a, of ca lies b
    across = cut & smooth[of_face]
    ends = np.where(smooth, 3 / 8, 1 / 2)[split]
    new = _matrix(
        np.concatenate([ends, ends, np.full(int(across.sum()), 1 / 8)]),
        np.concatenate([number[split], number[split], number[of_face[across]]]),
        np.concatenate([edges[split, 0], edges[split, 1], opposite[across]]),
        (int(split.sum()), count),
    )
    pieces, origin = divide(faces, np.where(cut, count + number[of_face], -1))
    stays = np.ones(count, bool)
    stays[edges[split]] = False
    return Subdivision(pieces, origin, cut, edges[split], _old_rows(edges, smooth, stays), new)


def _old_rows(edges: NDArray, smooth: NDArray, stays: NDArray) -> scipy.sparse.csr_matrix:
    """What the scheme makes of the old vertices: inside by Loop's weights, on a rim by the spline's 1/8, 3/4, 1/8.

    Args:
        stays: (V,) bool: those left where they are.
    """
    count = len(stays)
    near, far = np.concatenate([edges, edges[:, ::-1]]).T
    rims = np.concatenate([~smooth, ~smooth])
    rim_ends = np.bincount(near[rims], minlength=count)
    inner = loop_weight(np.bincount(near, minlength=count))
    weight = np.where(rim_ends == 0, inner, np.where(rim_ends == 2, 1 / 8, 0))
    counted = (rims | (rim_ends[near] == 0)) & ~stays[near]
    around = _matrix(weight[near[counted]], near[counted], far[counted], (count, count))
    kept = scipy.sparse.diags(1 - np.asarray(around.sum(axis=1)).ravel())
    return (around + kept).tocsr()


def loop_weight(valence: NDArray) -> NDArray:
    """The weight of each neighbour of a vertex that has that many of them (Loop 1987, eq. 2).

    Example:
        >>> loop_weight(np.array([3, 6]))
        array([0.1875, 0.0625])
    """
    count = np.maximum(valence, 1)
    return (5 / 8 - (3 / 8 + np.cos(2 * np.pi / count) / 4) ** 2) / count


def _between(values: NDArray, edges: NDArray) -> NDArray:
    middle = np.asarray(values)[edges].astype(np.float64).mean(axis=1)
    return (np.round(middle) if np.issubdtype(values.dtype, np.integer) else middle).astype(values.dtype)


def _matrix(weights: NDArray, rows: NDArray, columns: NDArray, shape: tuple[int, int]) -> scipy.sparse.csr_matrix:
    return scipy.sparse.coo_matrix((weights, (rows, columns)), shape).tocsr()
