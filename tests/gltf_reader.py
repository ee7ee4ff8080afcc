"""A reader of glTF accessors that knows nothing but the specification."""

from __future__ import annotations

import numpy as np
from pygltflib import GLTF2

TYPES = {5126: np.float32, 5123: np.uint16, 5125: np.uint32, 5121: np.uint8}
WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def decoded(gltf: GLTF2, index: int) -> np.ndarray:
    """(N, k): an accessor, sparse or not, read with nothing but the specification."""
    accessor, blob = gltf.accessors[index], gltf.binary_blob()

    def read(view: int, count: int, kind: int, columns: int) -> np.ndarray:
        start = gltf.bufferViews[view].byteOffset
        return np.frombuffer(blob, TYPES[kind], count * columns, start).reshape(count, columns)

    width = WIDTH[accessor.type]
    values = np.zeros((accessor.count, width), TYPES[accessor.componentType])
    if accessor.bufferView is not None:
        values = read(accessor.bufferView, accessor.count, accessor.componentType, width).copy()
    if accessor.sparse is not None:
        rows = read(accessor.sparse.indices.bufferView, accessor.sparse.count, accessor.sparse.indices.componentType, 1)
        values[rows[:, 0]] = read(
            accessor.sparse.values.bufferView, accessor.sparse.count, accessor.componentType, width
        )
    return values
