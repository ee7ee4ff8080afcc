"""Build the body of dogs and cats: python tools/build_dog_body.py WHEEL

Writes src/maquette/morphable/data/dog.safetensors from dm_control-1.0.50-py3-none-any.whl (Apache-2.0), which you
give by its path: its dog's skin with fewer triangles, bones and weights; our own variation of build on top.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import refresh_zoo
from numpy.typing import NDArray
from safetensors.numpy import save_file

sys.path.insert(0, str(Path(__file__).parent))
from dog.points import landmarks
from dog.proportions import EAR_ACROSS, EAR_BASE, MODES, SLIDERS, moves
from dog.simplify import Simplifier
from dog.source import Dog, read_dog

from maquette.geometry.mesh import vertex_normals

TARGET = Path(__file__).parents[1] / "src/maquette/morphable/data/dog.safetensors"
HALF, COARSE = 4500, 900  # vertices of the left half that are kept, and of the mesh for fitting
INFLUENCES = 4
MOUTH_WORTH, HEAD_WORTH = 0.15, 2.0  # of detail inside the mouth, and of the head's beside the body's
RINGS, SPOKES = 7, 12  # of an eyeball
EYE_SHRUNK = 0.97
MIRROR = np.array([-1.0, 1, 1])


@dataclass(frozen=True, eq=False)
class Half:
    """The left half, simplified: faces and uv_faces (F, 3), in the numbers of the whole dog."""

    faces: NDArray
    uv_faces: NDArray
    mouth: NDArray


def simplified(dog: Dog) -> tuple[Half, NDArray]:
    """The left half, and the faces (G, 3) of a coarser one on some of its vertices."""
    left = np.flatnonzero(dog.vertices[dog.faces][:, :, 0].mean(axis=1) > 0)
    inside = (dog.uvs[dog.uv_faces] < 0).any(axis=(1, 2)) | (dog.uvs[dog.uv_faces] > 1).any(axis=(1, 2))
    worth = 1 + HEAD_WORTH * dog.weights[:, [dog.bones.index("skull"), dog.bones.index("jaw")]].sum(axis=1)
    worth[np.unique(dog.faces[inside])] *= MOUTH_WORTH
    work = Simplifier(dog.vertices, dog.faces[left], dog.uvs, dog.uv_faces[left], dog.weights, worth)
    work.run(HALF)
    faces, corners = work.result()
    outside = np.unique(dog.uv_faces[inside])
    mouth = np.isin(corners, outside).any(axis=1)
    coarse = Simplifier(dog.vertices, faces, dog.uvs, corners, dog.weights, worth)
    coarse.run(COARSE)
    return Half(faces, corners, mouth), coarse.result()[0]


def mirrored_uvs(dog: Dog) -> NDArray:
    """(T,) the texture coordinate that each one has in the mirror."""
    keys = {tuple(k): n for n, k in enumerate(np.round(dog.vertices * 1e6).astype(int).tolist())}
    other = np.array([keys[tuple(k)] for k in np.round(dog.vertices * MIRROR * 1e6).astype(int).tolist()])
    along: dict[tuple[int, int], set[int]] = {}
    for face, corners in zip(dog.faces.tolist(), dog.uv_faces.tolist()):
        for k in range(3):
            for j in (k - 1, k - 2):
                along.setdefault((face[k], face[j]), set()).add(corners[k])
    out = np.full(len(dog.uvs), -1)
    for face, corners in zip(other[dog.faces].tolist(), dog.uv_faces.tolist()):
        for k in range(3):
            found = [along[face[k], face[j]] for j in (k - 1, k - 2) if (face[k], face[j]) in along]
            if found and out[corners[k]] < 0:
                out[corners[k]] = min(set.intersection(*found) or found[0])
    return out


def free_squares(uvs: NDArray, count: int, side: float) -> list[NDArray]:
    """Lower left corners (2,) of squares of the texture that nothing uses; uvs: (F, 3, 2)."""
    import cv2

    cells = 512
    used = np.zeros((cells, cells), np.uint8)
    for triangle in np.round(uvs * cells).astype(np.int32):
        cv2.fillConvexPoly(used, triangle, (1,))
        cv2.polylines(used, [triangle], True, (1,), 3)
    wide, found = int(side * cells) + 4, []
    for y in range(2, cells - wide, 4):
        for x in range(2, cells - wide, 4):
            if len(found) < count and not used[y : y + wide, x : x + wide].any():
                used[y : y + wide, x : x + wide] = 1
                found.append(np.array([x + 2, y + 2]) / cells)
    if len(found) < count:
        raise ValueError(f"the texture has room for {len(found)} of {count} squares")
    return found


def eyeball(centre: NDArray, radius: float, corner: NDArray, side: float) -> tuple[NDArray, NDArray, NDArray]:
    """Vertices, faces and texture coordinates of a ball whose pole looks ahead (azimuthal layout)."""
    polar = np.linspace(0, np.pi, RINGS + 2)[1:-1]
    around = np.arange(SPOKES) * 2 * np.pi / SPOKES
    ring = np.stack([np.outer(np.sin(polar), f(around)) for f in (np.cos, np.sin)], axis=-1).reshape(-1, 2)
    ahead = np.repeat(np.cos(polar), SPOKES)
    points = np.vstack([[0, 0, 1], np.column_stack([ring, ahead]), [0, 0, -1]])
    flat = np.concatenate(
        [
            [[0, 0]],
            ring / np.linalg.norm(ring, axis=1, keepdims=True) * np.repeat(polar, SPOKES)[:, None] / np.pi,
            [[0.99, 0]],
        ]
    )
    faces, last = [], len(points) - 1
    for k in range(SPOKES):
        after = (k + 1) % SPOKES
        faces += [(0, 1 + k, 1 + after), (last, 1 + (RINGS - 1) * SPOKES + after, 1 + (RINGS - 1) * SPOKES + k)]
        for r in range(RINGS - 1):
            a, b, c, d = (1 + (r + i) * SPOKES + j for i in (0, 1) for j in (k, after))
            faces += [(a, c, d), (a, d, b)]
    return centre + radius * points, np.array(faces), corner + side * (0.5 + 0.49 * flat)


def with_ears(bones: tuple[str, ...], parents: NDArray, heads: NDArray, weights: NDArray, points: NDArray):
    """Bones of the ears, which the dog lacks: their share is taken from the skull's."""
    skull = bones.index("skull")
    for side, mirror in (("L", 1.0), ("R", -1.0)):
        off = points * [mirror, 1, 1] - EAR_BASE
        beyond = np.clip((off[:, :2] @ EAR_ACROSS + 0.004) / 0.022, 0, 1) * (np.abs(off[:, 2]) < 0.06)
        share = weights[:, skull] * beyond * (points[:, 0] * mirror > 0)
        weights = np.column_stack([weights, share])
        weights[:, skull] -= share
        bones, parents = (*bones, f"ear_{side}"), np.append(parents, skull)
        heads = np.vstack([heads, EAR_BASE * [mirror, 1, 1]])
    return bones, parents, heads, weights


def strongest(weights: NDArray) -> tuple[NDArray, NDArray]:
    """(V, 4) bones and their weights, which sum to 1."""
    index = np.argsort(-weights, axis=1, kind="stable")[:, :INFLUENCES]
    weight = np.take_along_axis(weights, index, axis=1)
    return index, weight / weight.sum(axis=1, keepdims=True)


def build(dog: Dog) -> tuple[dict[str, NDArray], dict[str, str]]:
    """Tensors and facts of the file."""
    half, coarse = simplified(dog)
    kept = np.unique(half.faces)
    side = kept[dog.vertices[kept, 0] > 1e-6]
    count = len(kept)
    number = np.full(len(dog.vertices), -1)
    number[kept] = np.arange(count)
    mirror = np.arange(count)
    mirror[number[side]] = count + np.arange(len(side))
    mirror = np.concatenate([mirror, number[side]])
    points = np.concatenate([dog.vertices[kept], dog.vertices[side] * MIRROR])
    points[np.abs(points[:, 0]) < 1e-6, 0] = 0

    def both(faces: NDArray) -> NDArray:
        return np.concatenate([number[faces], mirror[number[faces]][:, ::-1]])

    faces, twins = both(half.faces), mirrored_uvs(dog)
    corners = np.concatenate([half.uv_faces, twins[half.uv_faces][:, ::-1]])
    mouth = np.tile(half.mouth, 2)
    uvs, uv_faces = _compact(dog.uvs, corners)
    squares = free_squares(uvs[uv_faces[~mouth]], 3, 0.05)
    uvs, uv_faces = _mouth_laid_out(uvs, uv_faces, points, faces, mouth, squares[0], 0.05)
    # Weights of the left half, mirrored with the names.
    swap = [dog.bones.index(_twin(name)) for name in dog.bones]
    weights = np.concatenate([dog.weights[kept], dog.weights[side][:, swap]])
    weights[points[:, 0] == 0] = (weights[points[:, 0] == 0] + weights[points[:, 0] == 0][:, swap]) / 2
    heads = (dog.heads + dog.heads[swap] * MIRROR) / 2
    bones, parents, heads, weights = with_ears(dog.bones, dog.parents, heads, weights, points)
    parts = {"skin": np.flatnonzero(~mouth), "mouth": np.flatnonzero(mouth)}
    skin = np.unique(faces[~mouth])
    normals = vertex_normals(points, faces)
    for place, name, corner in zip(dog.eyes, ("eyeLeft", "eyeRight"), squares[1:]):
        ball, triangles, flat = eyeball(place, EYE_SHRUNK * dog.eye_radius, corner, 0.05)
        parts[name] = len(faces) + np.arange(len(triangles))
        faces, uv_faces = np.vstack([faces, triangles + len(points)]), np.vstack([uv_faces, triangles + len(uvs)])
        own = np.zeros((len(ball), len(bones)))
        own[:, bones.index("skull")] = 1
        twin = len(points) + np.arange(len(ball)) + (len(ball) if name == "eyeLeft" else -len(ball))
        mirror = np.concatenate([mirror, twin])
        points, uvs, weights = np.vstack([points, ball]), np.vstack([uvs, flat]), np.vstack([weights, own])
        normals = np.vstack([normals, np.zeros_like(ball)])
    mirror = _eyes_mirrored(points, mirror, faces, parts)
    basis = moves(points, weights, normals, bones, heads)
    index, weight = strongest(weights)
    tensors = {
        "mean": points.astype(np.float32),
        "identity_basis": basis.astype(np.float16),
        "heads": heads.astype(np.float32),
        "heads_basis": moves(heads, np.eye(len(bones)), np.zeros_like(heads), bones, heads).astype(np.float32),
        "units": np.zeros((0, 0, 3), np.float16),
        "unit_vertices": np.zeros(0, np.int32),
        "faces": faces.astype(np.int32),
        "uvs": uvs.astype(np.float32),
        "uv_faces": uv_faces.astype(np.int32),
        "mirror": mirror.astype(np.int32),
        "parents": parents.astype(np.int32),
        "bone_index": index.astype(np.uint8),
        "bone_weight": weight.astype(np.float16),
        "coarse": both(coarse).astype(np.int32),
        "keypoint_index.pet20": landmarks(points, skin, mirror)[:, None].astype(np.int32),
        "keypoint_weight.pet20": np.ones((20, 1), np.float32),
    }
    names = [mode.__name__ for mode in MODES]
    for species, build_ in SLIDERS.items():
        tensors[f"slider.{species}"] = np.array([build_.get(name, 0.0) for name in names], np.float32)
    tensors |= {f"part.{name}": value.astype(np.int32) for name, value in parts.items()}
    facts = {
        "name": "maquette-pet-body",
        "bones": json.dumps(bones),
        "expression_names": "[]",
        "modes": json.dumps(names),
        "licence": json.dumps(
            {"spdx": "Apache-2.0", "source": "the dog of dm_control 1.0.50, Google DeepMind; changed"}
        ),
    }
    return tensors, facts


def _twin(name: str) -> str:
    return name[:-1] + {"L": "R", "R": "L"}[name[-1]] if name.endswith(("_L", "_R")) else name


def _compact(uvs: NDArray, corners: NDArray) -> tuple[NDArray, NDArray]:
    used, place = np.unique(corners, return_inverse=True)
    return uvs[used], place.reshape(corners.shape)


def _mouth_laid_out(
    uvs: NDArray, uv_faces: NDArray, points: NDArray, faces: NDArray, mouth: NDArray, corner: NDArray, side: float
) -> tuple[NDArray, NDArray]:
    """The inside of the mouth seen from above, in a square of its own: it has one colour."""
    inner = np.unique(faces[mouth])
    place = np.full(len(points), -1)
    place[inner] = len(uvs) + np.arange(len(inner))
    flat = points[inner][:, [0, 2]]
    flat = (flat - flat.min(axis=0)) / np.ptp(flat, axis=0).max()
    laid = uv_faces.copy()
    laid[mouth] = place[faces[mouth]]
    return _compact(np.vstack([uvs, corner + side * flat]), laid)


def _eyes_mirrored(points: NDArray, mirror: NDArray, faces: NDArray, parts: dict[str, NDArray]) -> NDArray:
    """The mirror with each eyeball's vertices paired by place: both are turned alike."""
    from scipy.spatial import cKDTree

    out = mirror.copy()
    for one, other in (("eyeLeft", "eyeRight"), ("eyeRight", "eyeLeft")):
        mine, theirs = np.unique(faces[parts[one]]), np.unique(faces[parts[other]])
        out[mine] = theirs[cKDTree(points[theirs]).query(points[mine] * MIRROR)[1]]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="dm_control-1.0.50-py3-none-any.whl")
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args()
    tensors, facts = build(read_dog(options.wheel))
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, options.out, metadata=facts)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB, {len(tensors['mean'])} vertices")
    if options.out == TARGET:
        refresh_zoo.main()


if __name__ == "__main__":
    main()
