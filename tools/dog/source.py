"""The dog inside the wheel of dm-control (Apache-2.0): skin, weights, bones, joint ranges, in maquette's frame."""

from __future__ import annotations

import hashlib
import io
import struct
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

SHA256 = "5434e1e51ff69016867426da7df6064b18d140e4d0a628f879bbcf0e7d0a586d"
FOLDER = "dm_control/suite/"
AXES = [1, 2, 0]  # theirs: x ahead, y to the left, z up; ours: x to the left, y up, z ahead


@dataclass(frozen=True, eq=False)
class Dog:
    """The skin in its rest pose.

    Attributes:
        vertices: (V, 3) metres, ours. faces: (F, 3). uv_faces: (F, 3) into uvs (T, 2), v up.
        bones: names, parents before children. parents: (B,). heads: (B, 3) metres.
        weights: (V, B), rows sum to 1.
        eyes: (2, 3) centres of the eyeballs, left first. eye_radius: metres.
    """

    vertices: NDArray
    faces: NDArray
    uvs: NDArray
    uv_faces: NDArray
    bones: tuple[str, ...]
    parents: NDArray
    heads: NDArray
    weights: NDArray
    eyes: NDArray
    eye_radius: float


def read_dog(wheel: Path) -> Dog:
    """The dog of the wheel at a path.

    Raises:
        ValueError: it is not the wheel that this was written for.
    """
    content = wheel.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ValueError(f"{wheel}: not dm_control-1.0.50-py3-none-any.whl (SHA-256 {SHA256})")
    with zipfile.ZipFile(io.BytesIO(content)) as files:
        skin = files.read(f"{FOLDER}dog_assets/dog_skin.skn")
        scene = ET.fromstring(files.read(f"{FOLDER}dog.xml"))
        eye = trimesh.load(io.BytesIO(files.read(f"{FOLDER}dog_assets/BONEeye_L.stl")), "stl")
    return _dog(*_skin(skin), scene, eye)


def _skin(content: bytes) -> tuple[NDArray, NDArray, NDArray, dict[str, tuple[NDArray, NDArray, NDArray]]]:
    """Vertices, texture coordinates, faces, and per bone its place and the vertices that it moves, with weights."""
    vertex_count, uv_count, face_count, bone_count = struct.unpack_from("4i", content, 0)
    at = 16

    def take(kind: str, count: int) -> NDArray:
        nonlocal at
        values = np.frombuffer(content, kind, count, at)
        at += values.nbytes
        return values

    vertices, uvs = take("<f4", 3 * vertex_count).reshape(-1, 3), take("<f4", 2 * uv_count).reshape(-1, 2)
    faces, bones = take("<i4", 3 * face_count).reshape(-1, 3), {}
    for _ in range(bone_count):
        name = content[at : at + 40].split(b"\0")[0].decode()
        at += 40
        place, _turn, count = take("<f4", 3), take("<f4", 4), int(take("<i4", 1)[0])
        bones[name] = place, take("<i4", count), take("<f4", count)
    return vertices, uvs, faces, bones


def _dog(vertices: NDArray, uvs: NDArray, faces: NDArray, bones: dict, scene: ET.Element, eye: trimesh.Trimesh) -> Dog:
    keys = np.round(vertices.astype(float) * 1e6).astype(np.int64)
    _, first, whole = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    whole = whole.ravel()
    parents = dict(_tree(scene.find("worldbody"), None, set(bones)))
    names = list(parents)
    weights = np.zeros((len(first), len(names)))
    for column, name in enumerate(names):
        _, index, share = bones[name]
        moved = np.zeros(len(vertices))
        moved[index] = share
        weights[:, column] = moved[first]
    heads = np.array([bones[name][0] for name in names], float)[:, AXES]
    ours = vertices[first].astype(float)[:, AXES]
    shift = -np.array([0, ours[:, 1].min(), heads[names.index("pelvis"), 2]])
    left = eye.vertices[:, AXES] + shift
    centre, radius = (left.min(axis=0) + left.max(axis=0)) / 2, float(np.ptp(left, axis=0).mean() / 2)
    outside = np.flatnonzero((uvs < 0).any(axis=1) | (uvs > 1).any(axis=1))  # inside the mouth: on no chart
    corners = faces.astype(np.int64)
    corners[np.isin(corners, outside)] = outside[0]
    return Dog(
        vertices=ours + shift,
        faces=whole[faces].astype(np.int64),
        uvs=np.column_stack([uvs[:, 0], 1 - uvs[:, 1]]).astype(float),
        uv_faces=corners,
        bones=tuple(names),
        parents=np.array([-1 if parents[n] is None else names.index(parents[n]) for n in names]),
        heads=heads + shift,
        weights=weights / weights.sum(axis=1, keepdims=True),
        eyes=np.stack([centre, centre * [-1, 1, 1]]),
        eye_radius=radius,
    )


def _tree(element: ET.Element, parent: str | None, known: set[str]):
    """Names of the skin's bones, each with the nearest of them above it, from the root on."""
    for body in element.findall("body"):
        name = body.get("name")
        if name in known:
            yield name, parent
        yield from _tree(body, name if name in known else parent, known)
