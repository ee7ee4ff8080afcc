"""A GLB of ours, read again: accessors, nodes in the world, tracks of its animation."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@dataclass(frozen=True, eq=False)
class GltfFile:
    """The two chunks of a GLB.

    Attributes:
        document: the JSON.
        blob: the binary chunk.
    """

    document: dict[str, Any]
    blob: bytes

    @classmethod
    def read(cls, data: bytes) -> GltfFile:
        """Split a GLB that `write_glb` made."""
        length = struct.unpack_from("<I", data, 12)[0]
        return cls(json.loads(data[20 : 20 + length]), data[28 + length :])

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """All nodes, in the order of the file."""
        found: list[dict[str, Any]] = self.document["nodes"]
        return found

    def values(self, index: int) -> NDArray:
        """(N, k): an accessor, dense or sparse, in its own type."""
        accessor = self.document["accessors"][index]
        kind, width = TYPES[accessor["componentType"]], WIDTHS[accessor["type"]]
        values = np.zeros((accessor["count"], width), kind)
        if "bufferView" in accessor:
            values = self._view(accessor["bufferView"], kind, accessor["count"] * width).reshape(-1, width).copy()
        if "sparse" in accessor:
            sparse, count = accessor["sparse"], accessor["sparse"]["count"]
            rows = self._view(sparse["indices"]["bufferView"], TYPES[sparse["indices"]["componentType"]], count)
            values[rows] = self._view(sparse["values"]["bufferView"], kind, count * width).reshape(-1, width)
        return values

    def image(self, index: int) -> bytes:
        """The bytes of a JPEG or PNG inside."""
        view = self.document["bufferViews"][self.document["images"][index]["bufferView"]]
        start = view.get("byteOffset", 0)
        return self.blob[start : start + view["byteLength"]]

    def _view(self, index: int, kind: type, count: int) -> NDArray:
        return np.frombuffer(self.blob, kind, count, self.document["bufferViews"][index].get("byteOffset", 0))

    @cached_property
    def parents(self) -> list[int]:
        """The parent of each node, -1 for a root."""
        parents = [-1] * len(self.nodes)
        for index, node in enumerate(self.nodes):
            for child in node.get("children", []):
                parents[child] = index
        return parents

    @cached_property
    def order(self) -> list[int]:
        """Nodes, parents before their children."""
        found = [index for index, parent in enumerate(self.parents) if parent < 0]
        for index in found:  # grows while it is walked
            found.extend(self.nodes[index].get("children", []))
        return found

    def local(self, index: int) -> NDArray:
        """(4, 4) from a node's axes to its parent's."""
        node, matrix = self.nodes[index], np.eye(4)
        matrix[:3, :3] = Rotation.from_quat(node.get("rotation", [0, 0, 0, 1])).as_matrix() * node.get("scale", 1.0)
        matrix[:3, 3] = node.get("translation", [0, 0, 0])
        return matrix

    @cached_property
    def world(self) -> NDArray:
        """(N, 4, 4) from each node's axes to the world."""
        found = np.tile(np.eye(4), (len(self.nodes), 1, 1))
        for index in self.order:
            parent = self.parents[index]
            found[index] = self.local(index) if parent < 0 else found[parent] @ self.local(index)
        return found

    def track(self, name: str, node: int, path: str) -> tuple[NDArray, NDArray] | None:
        """Times, (T,) seconds, and values, (T, k), of one node's "rotation", "translation" or "weights"; or None."""
        for animation in self.document.get("animations", []):
            if animation["name"] != name:
                continue
            for channel in animation["channels"]:
                if (channel["target"]["node"], channel["target"]["path"]) == (node, path):
                    sampler = animation["samplers"][channel["sampler"]]
                    times = self.values(sampler["input"])[:, 0]
                    return times, self.values(sampler["output"]).reshape(len(times), -1)
        return None
