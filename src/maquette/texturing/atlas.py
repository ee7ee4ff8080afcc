"""Which point of the mesh each texel shows: triangles drawn into the texture, barycentric weights per texel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

SUBPIXEL_BITS = 8  # cv2 draws with fixed-point corners


@dataclass(frozen=True, eq=False)
class Chart:
    """A rectangle of the texture in which every texel knows its place on the mesh.

    Texels outside all triangles carry the place of the nearest texel that is inside, so that padding comes by itself.

    Attributes:
        window: (row0, row1, column0, column1) of the texture.
        size: width and height of the whole texture, texels.
        inside: (h, w) bool, whether a triangle covers the texel.
        face: (h, w) int32, index into the mesh's faces.
        weights: (h * w, V) sparse float32, barycentric: `weights @ values` takes vertex values to texels.
    """

    window: tuple[int, int, int, int]
    size: int
    inside: NDArray
    face: NDArray
    weights: scipy.sparse.csr_matrix

    @property
    def shape(self) -> tuple[int, int]:
        """(h, w) of the window."""
        height, width = self.inside.shape
        return height, width

    @property
    def region(self) -> tuple[slice, slice]:
        """The window as an index into the texture."""
        row0, row1, column0, column1 = self.window
        return slice(row0, row1), slice(column0, column1)

    def paint(self, texture: NDArray, colour: NDArray, padding: int = 4) -> None:
        """Put colours (h, w, 3) into the texture (S, S, 3) uint8, in place, with a few texels around the triangles."""
        reach = cv2.dilate(self.inside.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=padding) > 0
        texture[self.region][reach] = np.clip(np.rint(colour[reach]), 0, 255).astype(np.uint8)

    def spread(self, values: NDArray) -> NDArray:
        """(h, w, ...) float32: vertex values (V, ...) interpolated at the texels."""
        flat = np.ascontiguousarray(values.reshape(len(values), -1), np.float32)
        return (self.weights @ flat).reshape(*self.shape, *values.shape[1:])


def texel_coordinates(uvs: NDArray, size: int) -> NDArray:
    """(T, 2) x, y in texels, the first texel centred on (0, 0); row 0 is v = 1."""
    return np.stack([uvs[:, 0] * size, (1 - uvs[:, 1]) * size], axis=1) - 0.5


def draw_faces(corners: NDArray, shape: tuple[int, int]) -> NDArray:
    """(h, w) int32: the triangle over each texel, -1 for none; where several overlap, the smallest.

    Args:
        corners: (F, 3, 2) x, y in texels.
    """
    canvas = np.full(shape, -1, np.int32)
    fixed = np.rint(corners * (1 << SUBPIXEL_BITS)).astype(np.int32)
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    # At the back pole of an eyeball's round chart some triangles reach across the whole chart: they must lie below.
    for index in np.argsort(-np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]), kind="stable").tolist():
        cv2.fillConvexPoly(canvas, fixed[index], index, cv2.LINE_8, SUBPIXEL_BITS)
    return canvas


def barycentric(points: NDArray, corners: NDArray) -> NDArray:
    """(N, 3) weights of the corners (N, 3, 2) for points (N, 2); outside the triangle those of its nearest point."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    ab, ac, ap = b - a, c - a, points - a
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    area = np.where(np.abs(area) < 1e-12, 1e-12, area)
    beta = (ap[:, 0] * ac[:, 1] - ap[:, 1] * ac[:, 0]) / area
    gamma = (ab[:, 0] * ap[:, 1] - ab[:, 1] * ap[:, 0]) / area
    weights = np.stack([1 - beta - gamma, beta, gamma], axis=1)
    outside = np.flatnonzero(weights.min(axis=1) < 0)
    weights[outside] = _nearest_on_edges(points[outside], corners[outside])
    return weights


def _nearest_on_edges(points: NDArray, corners: NDArray) -> NDArray:
    """(N, 3) weights of the point on the triangles' edges that is nearest to each point."""
    start, end = corners, corners[:, [1, 2, 0]]
    edge = end - start
    length = np.maximum((edge**2).sum(axis=2), 1e-12)
    along = np.clip(((points[:, None] - start) * edge).sum(axis=2) / length, 0, 1)
    distance = ((start + along[..., None] * edge - points[:, None]) ** 2).sum(axis=2)
    row, best = np.arange(len(points)), distance.argmin(axis=1)
    weights = np.zeros((len(points), 3))
    weights[row, best] = 1 - along[row, best]
    weights[row, (best + 1) % 3] = along[row, best]
    return weights


def nearest_inside(inside: NDArray) -> NDArray:
    """(h, w) flat index of the nearest True texel; `inside` (h, w) bool holds at least one."""
    _, labels = cv2.distanceTransformWithLabels(
        (~inside).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    source = np.zeros(labels.max() + 1, np.int64)
    where = np.flatnonzero(inside)
    source[labels.ravel()[where]] = where
    return source[labels]


def chart(
    faces: NDArray, uvs: NDArray, uv_faces: NDArray, select: NDArray, size: int, window: NDArray | None = None
) -> Chart:
    """Draw some faces of a mesh into the texture.

    Args:
        faces: (F, 3) int, uvs: (T, 2), v up, uv_faces: (F, 3) int.
        select: (n,) indices of the faces to draw.
        size: of the whole texture, texels.
        window: row0, row1, column0, column1; None for the faces' bounding box and a margin.
    """
    corners = texel_coordinates(uvs, size)[uv_faces[select]]
    if window is None:
        margin = max(2, size // 256)
        low = np.floor(corners.reshape(-1, 2).min(axis=0)).astype(int) - margin
        high = np.ceil(corners.reshape(-1, 2).max(axis=0)).astype(int) + margin + 1
        window = np.clip([low[1], high[1], low[0], high[0]], 0, size)
    row0, row1, column0, column1 = map(int, window)
    corners = corners - [column0, row0]
    canvas = draw_faces(corners, (row1 - row0, column1 - column0))
    inside = canvas >= 0
    where = np.flatnonzero(inside)
    triangle = canvas.ravel()[where]
    points = np.stack([where % canvas.shape[1], where // canvas.shape[1]], axis=1)
    source = np.zeros(canvas.size, np.int64)
    source[where] = np.arange(len(where))
    source = source[nearest_inside(inside).ravel()]
    weights = barycentric(points, corners[triangle]).astype(np.float32)[source]
    columns = faces[select][triangle[source]].astype(np.int32)
    pointers = np.arange(0, 3 * canvas.size + 1, 3, dtype=np.int32)
    vertex_count = int(faces.max()) + 1
    matrix = scipy.sparse.csr_matrix((weights.ravel(), columns.ravel(), pointers), (canvas.size, vertex_count))
    face = np.asarray(select, np.int32)[triangle[source]].reshape(canvas.shape)
    return Chart((row0, row1, column0, column1), size, inside, face, matrix)
