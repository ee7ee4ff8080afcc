"""All texels of a textured mesh at once: which triangle each shows, and vertex values brought there."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from maquette.core.types import Mesh
from maquette.texturing.atlas import barycentric, draw_faces, nearest_inside, texel_coordinates

UNSEEN = 127  # grey of texels that no photo shows when nothing is filled


@dataclass(frozen=True, eq=False)
class Texels:
    """The texels that triangles cover, N of them, in row order.

    Attributes:
        size: width and height of the texture.
        inside: (S, S) bool, which texels these are.
        face: (N,) int32, index into the mesh's faces.
        weights: (N, V) sparse float32, barycentric: `weights @ values` takes vertex values to texels.
    """

    size: int
    inside: NDArray
    face: NDArray
    weights: scipy.sparse.csr_matrix

    def spread(self, values: NDArray) -> NDArray:
        """(N, ...) float32: vertex values (V, ...) interpolated at the texels."""
        flat = np.ascontiguousarray(np.reshape(values, (len(values), -1)), np.float32)
        return (self.weights @ flat).reshape(-1, *np.shape(values)[1:])

    def picture(self, values: NDArray, size: int | None = None) -> NDArray:
        """(size, size, ...) uint8 of values (N, ...) in 0-255; what no triangle covers takes the nearest texel's."""
        whole = np.clip(np.rint(values), 0, 255).astype(np.uint8)
        source = np.zeros(self.inside.size, np.int32)
        source[np.flatnonzero(self.inside)] = np.arange(len(whole))
        found = whole[source[nearest_inside(self.inside)]]
        if size is None or size == self.size:
            return found
        kind = cv2.INTER_AREA if size < self.size else cv2.INTER_CUBIC
        return cv2.resize(found, (size, size), interpolation=kind)


def texels_of(mesh: Mesh, size: int) -> Texels:
    """Draw all triangles of a mesh with uvs into a texture of `size` texels."""
    assert mesh.uvs is not None, "a mesh has its uvs before its texture"
    corners = texel_coordinates(mesh.uvs, size)[mesh.uv_faces].astype(np.float32)
    canvas = draw_faces(corners, (size, size))
    inside = canvas >= 0
    where = np.flatnonzero(inside)
    face = canvas.ravel()[where]
    points = np.stack([where % size, where // size], axis=1).astype(np.float32)
    weights = barycentric(points, corners[face]).astype(np.float32)
    pointers = np.arange(0, 3 * len(face) + 1, 3, dtype=np.int32)
    matrix = scipy.sparse.csr_matrix(
        (weights.ravel(), mesh.faces[face].ravel(), pointers), (len(face), len(mesh.vertices))
    )
    return Texels(size, inside, face, matrix)
