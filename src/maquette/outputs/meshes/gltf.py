"""The bytes of a binary glTF 2.0 file: buffer views, accessors, chunks."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FLOAT, USHORT, UINT, UBYTE = 5126, 5123, 5125, 5121
COMPONENTS = {
    np.dtype(np.float32): FLOAT,
    np.dtype(np.uint16): USHORT,
    np.dtype(np.uint32): UINT,
    np.dtype(np.uint8): UBYTE,
}
ARRAY_BUFFER, ELEMENT_BUFFER = 34962, 34963


@dataclass
class Builder:
    """Collects bytes, buffer views and accessors of one glTF file.

    Attributes:
        empty: vertex count -> the one accessor that all targets of that length share that move nothing.
    """

    blob: bytearray = field(default_factory=bytearray)
    views: list[dict] = field(default_factory=list)
    accessors: list[dict] = field(default_factory=list)
    empty: dict[int, int] = field(default_factory=dict)

    def view(self, data: bytes, target: int | None = None) -> int:
        """Append bytes on a 4-byte boundary; return the buffer view's index."""
        self.blob += b"\0" * (-len(self.blob) % 4)
        entry = {"buffer": 0, "byteOffset": len(self.blob), "byteLength": len(data)}
        if target is not None:
            entry["target"] = target
        self.blob += data
        self.views.append(entry)
        return len(self.views) - 1

    def dense(self, array: NDArray, target: int | None = ARRAY_BUFFER) -> int:
        """Accessor of an (N, 2), (N, 3), (N, 4) or (N, 16) array, the last column-major matrices, or (N,) scalars.

        Args:
            array: float32, uint8, uint16 or uint32; rows of uint8 must come in fours.
            target: what the data is for; None for what is no vertex and no index.
        """
        kind = "SCALAR" if array.ndim == 1 else "MAT4" if array.shape[1] == 16 else f"VEC{array.shape[1]}"
        entry = {
            "bufferView": self.view(np.ascontiguousarray(array).tobytes(), target),
            "byteOffset": 0,  # the default, but some readers refuse a file that leaves it out
            "componentType": COMPONENTS[array.dtype],
            "count": len(array),
            "type": kind,
        }
        if array.ndim == 2:
            entry |= {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
        elif array.dtype == np.float32:
            entry |= {"min": [float(array.min())], "max": [float(array.max())]}
        self.accessors.append(entry)
        return len(self.accessors) - 1

    def sparse(self, deltas: NDArray, smallest: float) -> int:
        """Accessor of (N, 3) float32 that stores only the rows longer than `smallest`.

        Where none is, the first row is stored as zero: an accessor without any data is refused by many readers.
        """
        rows = np.flatnonzero(longer(deltas, smallest))
        count, still = len(deltas), len(rows) == 0
        if still and count in self.empty:
            return self.empty[count]
        stored = np.array([0]) if still else rows
        values = np.zeros((1, 3), np.float32) if still else np.ascontiguousarray(deltas[rows])
        low, high = values.min(axis=0), values.max(axis=0)
        if len(rows) < count:  # the others are zero
            low, high = np.minimum(low, 0), np.maximum(high, 0)
        small = count <= 65535
        indices = stored.astype(np.uint16 if small else np.uint32)
        self.accessors.append(
            {
                "componentType": FLOAT,
                "count": count,
                "type": "VEC3",
                "min": low.tolist(),
                "max": high.tolist(),
                "sparse": {
                    "count": len(stored),
                    "indices": {
                        "bufferView": self.view(indices.tobytes()),
                        "byteOffset": 0,
                        "componentType": COMPONENTS[indices.dtype],
                    },
                    "values": {"bufferView": self.view(values.tobytes()), "byteOffset": 0},
                },
            }
        )
        if still:
            self.empty[count] = len(self.accessors) - 1
        return len(self.accessors) - 1


def longer(vectors: NDArray, smallest: float) -> NDArray:
    """(...) bool: which of (..., 3) vectors are longer than that."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    found: NDArray = x * x + y * y + z * z > smallest * smallest
    return found


def container(document: dict, blob: bytes) -> bytes:
    """The GLB file of a glTF document and its binary buffer (glTF 2.0 specification, chapter 4)."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % 4)
    blob += b"\0" * (-len(blob) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(blob), b"BIN\0") + blob
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def opened(data: bytes) -> tuple[dict, bytes]:
    """The document and the binary buffer of a GLB file that `container` made."""
    length = struct.unpack("<I", data[12:16])[0]
    return json.loads(data[20 : 20 + length]), data[28 + length :]
