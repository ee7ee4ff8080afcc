"""Build the pets' head model: python tools/build_pet_model.py [--heads 150] [--out FILE]

Writes src/maquette/morphable/data/pet.safetensors: for cat, dog and wild the mean, the identity modes, the units, the
charts, parts, regions and landmarks, all on one mesh. Heads are drawn from synthesis.animals; no photograph is used.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import refresh_zoo
import trimesh
from numpy.typing import NDArray
from safetensors.numpy import save_file

sys.path.insert(0, str(Path(__file__).parent))
from pet.areas import areas
from pet.carriages import Eared, carried_ears, with_ears_of
from pet.heads import HeadTemplate, whole
from pet.layout import layout
from pet.movements import PAIRED, SINGLE, movements
from pet.template import build, reference

from maquette.perception.pets.schemes import FLIPPED, SPECIES
from maquette.synthesis.animals.head_landmarks import landmarks
from maquette.synthesis.animals.head_shape import IOD_M, AnimalShape, draw_shape, shape_of

FILE = Path(__file__).parents[1] / "src/maquette/morphable/data/pet.safetensors"
KEPT, MOST = 0.98, 40  # of the variance, and modes at most
LONGEST = 3.0  # times the mean's: an edge grown more is a fold in the carrying, and the head is left out
EARED = "dog"  # the species whose ears are carried in several ways
PARTS = {"skin": ("skin", "ear", "pocket"), "mouth": ("bag",), "tongue": ("tongue",), "teeth": ("teeth",)}


def drawn(template: HeadTemplate, species: str, count: int) -> tuple[NDArray, list[AnimalShape], NDArray]:
    """(n, count, 3) left halves, n heads' parameters and their numbers among those drawn."""
    rng = np.random.default_rng(SPECIES.index(species))
    shapes = [draw_shape(species, rng) for _ in range(count)]
    if species == EARED:
        shapes = [with_ears_of(shape, "upright", k) for k, shape in enumerate(shapes)]
    halves = np.array([template.vertices(shape) for shape in shapes])
    i, j = template.skin.faces[:, 0], template.skin.faces[:, 1]
    edges = np.linalg.norm(halves[:, i] - halves[:, j], axis=2)
    fair = np.quantile(edges / np.median(edges, axis=0), 0.999, axis=1) < LONGEST
    print(f"{species}: {fair.sum()} of {count} heads carried well")
    kept = np.flatnonzero(fair)
    return halves[kept], [shapes[k] for k in kept], kept


def modes_of(halves: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """The mean (count, 3), modes (K, count, 3) of one standard deviation each, and how much each head has, (n, K)."""
    mean = halves.mean(axis=0)
    rows = (halves - mean).reshape(len(halves), -1)
    heads, sizes, ways = np.linalg.svd(rows, full_matrices=False)
    share = np.cumsum(sizes**2) / (sizes**2).sum()
    count = min(int(np.searchsorted(share, KEPT)) + 1, MOST)
    print(f"  {count} modes hold {share[count - 1]:.1%}; half the mesh has {len(mean)} vertices")
    scaled = ways[:count] * sizes[:count, None] / np.sqrt(len(halves) - 1)
    return mean, scaled.reshape(count, *mean.shape), heads[:, :count] * np.sqrt(len(halves) - 1)


def fixed_points(vertices: NDArray, faces: NDArray, points: NDArray, skin: NDArray) -> tuple[NDArray, NDArray]:
    """Face and barycentric place of each of 20 points' nearest on the skin, the right ones mirrored from the left."""
    half = len(faces) // 2
    skin = skin[skin < half]
    corners = vertices[faces[skin]]
    chosen, places = np.zeros(len(points), int), np.zeros((len(points), 3))
    for k, other in enumerate(FLIPPED):
        if points[k, 0] < 0:
            continue
        close = trimesh.triangles.closest_point(corners, np.broadcast_to(points[k], (len(corners), 3)))
        best = int(np.linalg.norm(close - points[k], axis=1).argmin())
        found = trimesh.triangles.points_to_barycentric(corners[best][None], close[best][None])[0]
        if other == k:  # on the middle, so on an edge there
            found = np.where(corners[best][:, 0] == 0, np.clip(found, 0, 1), 0)
            found /= found.sum()
        chosen[k], places[k] = skin[best], found
        if other != k:
            chosen[other], places[other] = skin[best] + half, found[::-1]
    return chosen.astype(np.int32), places


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heads", type=int, default=150, help="heads drawn of each species")
    parser.add_argument("--out", type=Path, default=FILE)
    options = parser.parse_args()
    start = time.time()
    template = HeadTemplate(build(), reference())
    base = template.vertices(template.reference)
    side = np.flatnonzero(base[:, 0] != 0)
    half_faces = np.concatenate([block.faces for block in template.blocks.values()])
    _, faces, mirror = whole(base, half_faces)
    uvs, uv_faces = layout(template, base, side)
    print(f"{len(mirror)} vertices, {len(faces)} faces, {time.time() - start:.0f} s")
    tensors = {
        "side": side.astype(np.int32),
        "half_faces": half_faces.astype(np.int32),
        "uvs": uvs,
        "uv_faces": uv_faces,
    } | parts_of(template, len(half_faces))
    for species in SPECIES:
        halves, shapes, numbers = drawn(template, species, options.heads)
        halves[:, base[:, 0] == 0, 0] = 0
        mean, modes, scores = modes_of(halves)
        typical = shape_of(np.mean([shape.vector() for shape in shapes], axis=0))
        points = np.array([landmarks(shape) for shape in shapes])
        vertices, _, _ = whole(mean, half_faces)
        skin = np.concatenate([tensors["part.skin"]])
        marks, places = fixed_points(vertices, faces, points.mean(axis=0), skin)
        at = np.einsum("nk,nkd->nd", places, vertices[faces[marks]])
        print(f"  landmarks off by {np.linalg.norm(at - points.mean(axis=0), axis=1).max():.3f} IOD on the mean")
        moved = movements(template, mean, typical)
        metres = IOD_M[species]
        tensors |= {
            f"{species}.mean": (mean * metres).astype(np.float32),
            f"{species}.modes": (modes * metres).astype(np.float16),
            f"{species}.single": np.stack([moved[name] * metres for name in SINGLE]).astype(np.float16),
            f"{species}.paired": np.stack([moved[name] * metres for name in PAIRED]).astype(np.float16),
            f"{species}.landmark_faces": marks,
            f"{species}.landmark_places": places.astype(np.float32),
        }
        if species == EARED:
            heads = Eared(halves, shapes, numbers, scores, mean, typical)
            tensors |= {f"{EARED}.{k}": v for k, v in carried_ears(template, heads, metres).items()}
        tensors |= {f"{species}.area.{k}": v.astype(np.float16) for k, v in areas(template, mean, typical).items()}
    facts = {
        "species": json.dumps(SPECIES),
        "single": json.dumps(SINGLE),
        "paired": json.dumps(PAIRED),
        "licence": json.dumps({"spdx": "Apache-2.0", "source": "heads drawn by maquette.synthesis.animals"}),
    }
    options.out.parent.mkdir(exist_ok=True)
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, options.out, metadata=facts)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB, {time.time() - start:.0f} s")
    if options.out == FILE:
        refresh_zoo.main()


def parts_of(template: HeadTemplate, half: int) -> dict[str, NDArray]:
    """part.NAME -> indices of faces of the whole mesh."""
    where, first = {}, 0
    for name, block in template.blocks.items():
        where[name] = first + np.arange(len(block.faces))
        first += len(block.faces)
    found = {"part.eyeLeft": where["eye"], "part.eyeRight": where["eye"] + half}
    for part, names in PARTS.items():
        own = np.concatenate([where[name] for name in names])
        found[f"part.{part}"] = np.concatenate([own, own + half])
    return {name: value.astype(np.int32) for name, value in found.items()}


if __name__ == "__main__":
    main()
