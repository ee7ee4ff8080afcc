"""Heads whose shape, pose and expression are known, as a perfect detector sees them."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from maquette import morphable
from maquette.core.types import Frame, Observation, Subject
from maquette.geometry.camera import project
from maquette.reconstruction.face_fit.method import landmark_term
from maquette.reconstruction.face_fit.state import OPENCV, FaceView
from maquette.weights.store import fetch

MODEL = morphable.load("maquette-head")


def make_view(
    yaw: float, pitch: float, roll: float, expression: np.ndarray | None = None, focal: float = 900.0
) -> FaceView:
    rotation = OPENCV @ Rotation.from_euler("YXZ", [yaw, -pitch, -roll]).as_matrix()
    units = np.zeros(52) if expression is None else expression
    return FaceView(rotation, np.array([0.02, 0.01, 1.1]), focal, np.array([256.0, 256.0]), units)


def observe(view: FaceView, identity: np.ndarray, noise: float = 0.0) -> Observation:
    """A perfect detector on a known head, with its learned bias."""
    vertices = MODEL.vertices(identity, view.expression)
    points = MODEL.embeddings["mediapipe478"].points(vertices, MODEL.faces)
    pixels, depth = project(view.camera((512, 512)), points)
    term = landmark_term(fetch)
    depth = (depth - depth.mean()) * view.focal / view.translation[2]
    seen = np.column_stack([pixels, depth]) + term.bias(view) * view.unit()
    seen += noise * np.random.default_rng(0).normal(size=seen.shape)
    blank = Frame(np.zeros((512, 512, 3), np.uint8))
    box = np.array([0.0, 0, 512, 512])
    trust = np.ones(len(seen))
    return Observation(
        blank, box, Subject.FACE, seen, "mediapipe478", trust, np.ones((512, 512), np.float32), full_size=(512, 512)
    )
