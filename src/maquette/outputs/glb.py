"""head.glb: the neutral head with 52 morph targets, eyes that turn, texture, licence inside."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from maquette.geometry.mesh import vertex_normals
from maquette.outputs.asset import EYES, VERSION, Asset
from maquette.outputs.figure import split_seams

SMALLEST_STEP_M = 2e-6  # smaller moves are left out of a morph target
SMALLEST_TURN = 2e-3  # so are smaller changes of a unit normal
JPEG_QUALITY = 92
FLOAT, USHORT, UINT = 5126, 5123, 5125
ARRAY_BUFFER, ELEMENT_BUFFER = 34962, 34963


@dataclass
class Builder:
    """Collects bytes, buffer views and accessors of one glTF file."""

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

    def dense(self, array: NDArray, target: int = ARRAY_BUFFER) -> int:
        """Accessor of (N, 2), (N, 3) float32 or (N,) index data."""
        kinds = {np.dtype(np.float32): FLOAT, np.dtype(np.uint16): USHORT, np.dtype(np.uint32): UINT}
        entry = {
            "bufferView": self.view(np.ascontiguousarray(array).tobytes(), target),
            "componentType": kinds[array.dtype],
            "count": len(array),
            "type": "SCALAR" if array.ndim == 1 else f"VEC{array.shape[1]}",
        }
        if array.ndim == 2:
            entry |= {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
        self.accessors.append(entry)
        return len(self.accessors) - 1

    def sparse(self, deltas: NDArray, smallest: float) -> int:
        """Accessor of (N, 3) float32 that stores only the rows longer than `smallest`."""
        rows = np.flatnonzero(np.linalg.norm(deltas, axis=1) > smallest)
        count = len(deltas)
        if len(rows) == 0 and count in self.empty:
            return self.empty[count]
        entry: dict = {"componentType": FLOAT, "count": count, "type": "VEC3"}
        kept = np.zeros_like(deltas)
        kept[rows] = deltas[rows]
        entry |= {"min": kept.min(axis=0).tolist(), "max": kept.max(axis=0).tolist()}
        if len(rows):
            small = count <= 65535
            entry["sparse"] = {
                "count": len(rows),
                "indices": {
                    "bufferView": self.view(rows.astype(np.uint16 if small else np.uint32).tobytes()),
                    "componentType": USHORT if small else UINT,
                },
                "values": {"bufferView": self.view(np.ascontiguousarray(deltas[rows]).tobytes())},
            }
        self.accessors.append(entry)
        if len(rows) == 0:
            self.empty[count] = len(self.accessors) - 1
        return len(self.accessors) - 1


@dataclass(frozen=True, eq=False)
class Targets:
    """All moves of all vertices.

    Attributes:
        names: E target names.
        moves: (E, V, 3) float32 metres at weight 1.
        turns: (E, V, 3) float32 change of the unit normal at weight 1.
    """

    names: tuple[str, ...]
    moves: NDArray
    turns: NDArray


def morph_targets(asset: Asset, normals: NDArray) -> Targets:
    """The model's expression units at this head's size, with the normals they lead to.

    Args:
        normals: (V, 3) of the neutral head.
    """
    if asset.model is None:
        return Targets((), np.zeros((0, len(normals), 3), np.float32), np.zeros((0, len(normals), 3), np.float32))
    moves = (asset.scale * asset.model.expression_basis).astype(np.float32)
    neutral = asset.neutral.astype(float)
    turns = np.stack([vertex_normals(neutral + move, asset.mesh.faces) - normals for move in moves])
    still = np.zeros(moves.shape[:2], bool)
    for row, move in zip(still, moves):  # a normal turns only where a face at the vertex moves
        moved = np.linalg.norm(move, axis=1) > SMALLEST_STEP_M
        touched = np.unique(asset.mesh.faces[moved[asset.mesh.faces].any(axis=1)])
        row[:] = True
        row[touched] = False
    turns[still] = 0
    return Targets(tuple(asset.model.expression_names), moves, turns.astype(np.float32))


def _primitive(
    builder: Builder, asset: Asset, faces: NDArray, material: int, centre: NDArray, normals: NDArray, targets: Targets
) -> dict:
    """One glTF primitive of the given faces, positions relative to `centre`."""
    mesh = asset.mesh
    uv_faces = mesh.faces if mesh.uv_faces is None else mesh.uv_faces
    corners, vertex_of, uv_of = split_seams(mesh.faces[faces], uv_faces[faces])
    attributes = {
        "POSITION": builder.dense((asset.neutral[vertex_of] - centre).astype(np.float32)),
        "NORMAL": builder.dense(_unit(normals[vertex_of])),
    }
    if mesh.uvs is not None:
        uvs = mesh.uvs[uv_of]
        attributes["TEXCOORD_0"] = builder.dense(np.stack([uvs[:, 0], 1 - uvs[:, 1]], axis=1).astype(np.float32))
    if mesh.vertex_colors is not None and mesh.texture is None:
        attributes["COLOR_0"] = builder.dense(linear(mesh.vertex_colors[vertex_of]))
    index_type = np.uint16 if len(vertex_of) <= 65535 else np.uint32
    primitive = {
        "attributes": attributes,
        "indices": builder.dense(corners.ravel().astype(index_type), ELEMENT_BUFFER),
        "material": material,
        "mode": 4,
    }
    if targets.names:
        primitive["targets"] = [
            {
                "POSITION": builder.sparse(move[vertex_of], SMALLEST_STEP_M),
                "NORMAL": builder.sparse(turn[vertex_of], SMALLEST_TURN),
            }
            for move, turn in zip(targets.moves, targets.turns)
        ]
    return primitive


def _unit(normals: NDArray) -> NDArray:
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(length > 1e-6, normals / np.maximum(length, 1e-12), [0.0, 0.0, 1.0]).astype(np.float32)


def linear(colours: NDArray) -> NDArray:
    """float32 0-1 light of sRGB colours, uint8: glTF multiplies vertex colours as light (IEC 61966-2-1)."""
    value = np.asarray(colours, np.float64) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _materials(has_texture: bool, has_colours: bool) -> list[dict]:
    def material(name: str, roughness: float, two_sided: bool) -> dict:
        surface = {"metallicFactor": 0.0, "roughnessFactor": roughness}
        plain = {} if has_colours else {"baseColorFactor": [0.6, 0.57, 0.54, 1.0]}
        surface |= {"baseColorTexture": {"index": 0}} if has_texture else plain
        return {"name": name, "pbrMetallicRoughness": surface, "doubleSided": two_sided}

    return [material("skin", 0.6, True), material("eyes", 0.15, False), material("mouth", 0.35, True)]


def _texture(builder: Builder, pixels: NDArray) -> dict:
    import cv2

    ok, data = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not ok:
        raise ValueError(f"texture of shape {pixels.shape} cannot be compressed")
    image = {"name": "texture", "mimeType": "image/jpeg", "bufferView": builder.view(data.tobytes())}
    sampler = {"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}
    return {"images": [image], "samplers": [sampler], "textures": [{"sampler": 0, "source": 0, "name": "texture"}]}


def asset_extras(asset: Asset) -> dict:
    """Licence, provenance and units, as the file carries them."""
    provenance = asset.result.reconstruction.provenance
    return {
        "generator_version": VERSION,
        "method": str(provenance.get("method", "unknown")),
        "model": str(provenance.get("model", "none")),
        "model_licence": dict(asset.model.licence) if asset.model else {},
        "texture_licence": "follows the photograph it was made from",
        "units": "m",
        "up": "+Y",
        "forward": "+Z",
        "scale": asset.result.reconstruction.scale,
        "scale_source": str(provenance.get("scale_source", "unknown")),
    }


def _meshes(builder: Builder, asset: Asset) -> tuple[list[dict], list[dict]]:
    """Meshes and their nodes: the skin with the mouth's inside, and each eye about its own centre."""
    normals = vertex_normals(asset.neutral.astype(float), asset.mesh.faces)
    targets = morph_targets(asset, normals)
    groups = {"skin": [("skin", 0), *((name, 2) for name in asset.part_names if name not in ("skin", *EYES))]}
    groups |= {name: [(name, 1)] for name in EYES}
    meshes, nodes = [], []
    for name, parts in groups.items():
        parts = [(part, material) for part, material in parts if len(asset.part(part))]
        if not parts:
            continue
        centre = np.zeros(3)
        if name in EYES:
            centre = asset.model.eye_centre(asset.neutral, name.removeprefix("eye")).astype(np.float32).astype(float)
        mesh = {
            "name": name,
            "primitives": [
                _primitive(builder, asset, asset.part(part), material, centre, normals, targets)
                for part, material in parts
            ],
        }
        if targets.names:
            mesh |= {"weights": asset.expression.tolist(), "extras": {"targetNames": list(targets.names)}}
        node = {"name": name, "mesh": len(meshes)}
        if name in EYES:
            node["translation"] = centre.tolist()
        meshes.append(mesh)
        nodes.append(node)
    return meshes, nodes


def write_glb(asset: Asset) -> bytes:
    """The neutral head as binary glTF 2.0 (metres, y up, facing +z).

    The photo's expression is the default weight of 52 morph targets named as Apple's ARKit names them.
    """
    builder = Builder()
    meshes, nodes = _meshes(builder, asset)
    root = {"name": "head", "children": list(range(1, len(nodes) + 1))}
    document = {
        "asset": {"version": "2.0", "generator": f"maquette {VERSION}", "extras": asset_extras(asset)},
        "scene": 0,
        "scenes": [{"name": "head", "nodes": [0]}],
        "nodes": [root, *nodes],
        "meshes": meshes,
        "materials": _materials(asset.mesh.texture is not None, asset.mesh.vertex_colors is not None),
    }
    if asset.mesh.texture is not None:
        document |= _texture(builder, asset.mesh.texture)
    used = sorted({part["material"] for mesh in meshes for part in mesh["primitives"]})
    for mesh in meshes:
        for part in mesh["primitives"]:
            part["material"] = used.index(part["material"])
    document["materials"] = [document["materials"][index] for index in used]
    document |= {
        "bufferViews": builder.views,
        "accessors": builder.accessors,
        "buffers": [{"byteLength": len(builder.blob)}],
    }
    return container(document, bytes(builder.blob))


def container(document: dict, blob: bytes) -> bytes:
    """The GLB file of a glTF document and its binary buffer (glTF 2.0 specification, chapter 4)."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % 4)
    blob += b"\0" * (-len(blob) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(blob), b"BIN\0") + blob
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
