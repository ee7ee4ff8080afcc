"""The last millimetres: the face slides in the picture plane until its landmarks lie where the detector sees them.

The fit distrusts what the detector gets wrong on average, which keeps the depth right but leaves lips and lids some
millimetres beside the photo's. A smooth field of sideways movement (Gaussian process regression, Rasmussen and
Williams 2006, eq. 2.23) closes that gap. It has no part along the line of sight, so it costs no depth; measured on
scans, see benchmarks/accuracy.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.geometry.mesh import vertex_normals
from maquette.morphable import MorphableModel
from maquette.reconstruction.face_fit.state import FaceView
from maquette.reconstruction.face_fit.terms.landmarks import LandmarkTerm

REACH_M = 0.010  # how far a landmark's movement carries over the skin
TRUST = 4.0  # expected movement over the detector's own jitter
KEPT_NORMAL = 0.15  # share of the movement along the normal, which changes the shape: none costs fit, all costs depth
LIMIT_M = 0.006  # no landmark pulls further
INNER_LIPS = (13, 14)  # MediaPipe's landmarks in the middle of the inner rims
RIGID = ("eyeLeft", "eyeRight")  # parts that move as a whole
STILL = ("teeth", "tongue")  # parts that follow the bones


def slide(
    model: MorphableModel, term: LandmarkTerm, view: FaceView, observation: Observation, identity: NDArray
) -> NDArray:
    """(V, 3) float32 metres to add to the vertices of this photo, in the model, at right angles to the view."""
    points = term.mean + term.basis @ np.concatenate([identity, view.expression])
    placed = points @ view.rotation.T + view.translation
    gap = term.unbiased(view, observation) - view.pixels(points)
    sideways = np.column_stack([gap * (placed[:, 2:] / view.focal), np.zeros(len(gap))])
    length = np.linalg.norm(sideways, axis=1, keepdims=True)
    sideways *= np.minimum(1.0, LIMIT_M / np.maximum(length, 1e-9))
    kernel = np.exp(-squared_distances(points, points) / (2 * REACH_M**2))
    jitter = (1 / TRUST / np.clip(observation.landmark_confidence, 0.05, 1.0)) ** 2
    pull = np.linalg.solve(kernel + np.diag(jitter), sideways @ view.rotation)
    vertices = model.vertices(identity, view.expression).astype(float)
    near = np.exp(-squared_distances(vertices, points) / (2 * REACH_M**2))
    field = near @ pull
    # Lips and lids take the normals of the face at large: those of their inner rims would hold mouth and eyes shut.
    normals = vertex_normals(vertices, model.faces)
    large = near @ model.embeddings["mediapipe478"].points(normals, model.faces)
    parted = np.linalg.norm(np.subtract(*observation.landmarks[list(INNER_LIPS), :2])) / view.unit()
    lips = model.regions["lips"] * np.clip((parted - 0.02) / 0.06, 0, 1)
    soft = np.clip(lips + model.regions["eyelids"], 0, 1)[:, None]
    normals = (1 - soft) * normals + soft * large / np.maximum(np.linalg.norm(large, axis=1, keepdims=True), 1e-12)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    field -= (1 - KEPT_NORMAL) * (field * normals).sum(axis=1, keepdims=True) * normals
    for part in RIGID:
        used = model.part_vertices(part)
        front = used[vertices[used, 2] > np.quantile(vertices[used, 2], 0.8)]
        field[used] = field[front].mean(axis=0)
    for part in STILL:
        field[model.part_vertices(part)] = 0.0
    return field.astype(np.float32)


def squared_distances(a: NDArray, b: NDArray) -> NDArray:
    """(N, M) squared distances between (N, 3) and (M, 3) points."""
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T, 0.0)
