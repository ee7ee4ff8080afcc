"""What every parametric model offers to the rooms above it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from maquette.morphable.rig import Rig

LID_SLACK = 0.1  # of a blink, beyond what shuts the average eye that looks down: wider ones shut too
SHUTTING = 0.7, 1.0  # weights of a blink from which on it reaches farther on wide eyes, and all that much farther
WIDEST = 1.4  # times the average opening, up to which a blink reaches farther
SIDES = ("Left", "Right")


@dataclass(frozen=True, eq=False)
class Embedding:
    """Points fixed on a mesh.

    Attributes:
        faces: (N,) int32, the triangle each point lies on.
        barycentric: (N, 3) float64, weights of its three corners.
    """

    faces: NDArray
    barycentric: NDArray

    def points(self, vertices: NDArray, faces: NDArray) -> NDArray:
        """(N, 3): where the points lie for these (V, 3) vertices and (F, 3) model faces."""
        return np.einsum("nk,nkd->nd", self.barycentric, vertices[faces[self.faces]])


@dataclass(frozen=True, eq=False)
class MorphableModel:
    """A model of a head or body: mean + identity + expression, in metres, in the canonical world frame.

    It is linear, but that a blink ends where the lids meet, see `held`.

    Attributes:
        name: model name, e.g. "maquette-head", "maquette-body".
        mean: (V, 3) float32 metres; origin midway between the eyeball centres, of a body on the floor under the pelvis.
        identity_basis: (K, V, 3) float32 metres per standard deviation; the prior on each weight is N(0, 1).
        expression_basis: (E, V, 3) float32 metres at weight 1; weights lie in 0-1.
        expression_names: E names, Apple's spelling ("eyeBlinkLeft").
        faces: (F, 3) int32, anticlockwise from outside.
        uvs: (T, 2) float32 in 0-1, v up.
        uv_faces: (F, 3) int32 into uvs.
        mirror: (V,) int32, the vertex on the other side of the face.
        parts: name -> (n,) int32 indices of faces: "skin", "mouth", "teeth", "tongue", "eyeLeft", "eyeRight".
            Parts share no vertices, except that mouth and skin join at the lips. Left is the subject's left (+x).
        regions: name -> (V,) float32 in 0-1, soft vertex masks: "face" (hairline to chin, before the ears),
            "scalp", "ears", "neck", "lips", "brows", "eyelids", "nostrils"; a head's "hollows": in those.
        embeddings: "mediapipe478" and "ibug68".
        landmark_mirror: (478,) int32, the MediaPipe landmark on the other side.
        landmark_noise: the detector's learned error (tools/calibrate_landmarks.py), in units of the interpupillary
            distance in pixels: "bias" (7, 478, 3) on 1, s, |s|, s^2, n, n s, n |s| with s = sin(yaw) and n the mean
            interpupillary distance over the camera's (older files: the first 4), "factor" (R, 478, 3) and "spread"
            (478, 3) of the covariance factor' factor + spread^2, "growth" (3,) polynomial in |s|; and "scores"
            (E, 3), what the detector's expression scores say of the units (tools/calibrate_expression.py).
        licence: SPDX and source of the data.
        rig: the skeleton of a body, whose mean is its rest pose; None for a head.
        lid_share: of a blink by which eyeLookDown lowers a lid too, see `held`; 0 for units that do not meet.
        lid_gap: (2, K) by how much of the mean's opening each mode opens the left and the right eye, or None.
        edition: counts up when weights of a name come to mean other shapes.
    """

    name: str
    mean: NDArray
    identity_basis: NDArray
    expression_basis: NDArray
    expression_names: tuple[str, ...]
    faces: NDArray
    uvs: NDArray
    uv_faces: NDArray
    mirror: NDArray
    parts: Mapping[str, NDArray]
    regions: Mapping[str, NDArray]
    embeddings: Mapping[str, Embedding]
    landmark_mirror: NDArray | None = None
    landmark_noise: Mapping[str, NDArray] = field(default_factory=dict)
    licence: Mapping[str, str] = field(default_factory=dict)
    rig: Rig | None = None
    lid_share: float = 0.0
    lid_gap: NDArray | None = None
    edition: int = 1

    def held(self, expression: NDArray, identity: NDArray | None = None) -> NDArray:
        """(..., E) weights as shapes take them. Those of eyes that are not nearly shut stay.

        A blink is held to what eyeLookDown leaves of a lid's way down: added up, both would draw the upper lid far
        below the lower one. For an identity (K,) with wide eyes it goes beyond 1, by which the average eye is shut.
        """
        weights = np.array(expression, float)
        if not self.lid_share:
            return weights
        start, full = SHUTTING
        for side, wide in zip(SIDES, self.lid_reach(identity)):
            blink, down = (self.expression_names.index(f"{unit}{side}") for unit in ("eyeBlink", "eyeLookDown"))
            shutting = np.clip((weights[..., blink] - start) / (full - start), 0, 1)
            left = wide * np.maximum(1 + LID_SLACK - self.lid_share * weights[..., down], 0)
            weights[..., blink] = np.minimum(weights[..., blink] * (1 + shutting * (wide - 1)), left)
        return weights

    def lid_reach(self, identity: NDArray | None) -> NDArray:
        """(2,) how much farther than on the mean a whole blink goes on the left and right eye of an identity (K,)."""
        if identity is None or self.lid_gap is None:
            return np.ones(2)
        return np.clip(1 + self.lid_gap[:, : len(identity)] @ np.asarray(identity, float), 1, WIDEST)

    def vertices(self, identity: NDArray, expression: NDArray, scale: float = 1.0) -> NDArray:
        """(V, 3) float32 metres for identity (K' <= K,), expression (E,) and a uniform scale."""
        shape = self.mean + np.tensordot(np.asarray(identity, np.float32), self.identity_basis[: len(identity)], 1)
        shape = shape + np.tensordot(self.held(expression, identity).astype(np.float32), self.expression_basis, 1)
        return (scale * shape).astype(np.float32)

    def part_vertices(self, part: str) -> NDArray:
        """(n,) sorted indices of the vertices a part uses."""
        return np.unique(self.faces[self.parts[part]])

    def eye_centre(self, vertices: NDArray, side: str) -> NDArray:
        """(3,) metres: the centre of the "Left" or "Right" eyeball."""
        ball = vertices[self.part_vertices(f"eye{side}")]
        return (ball.min(axis=0) + ball.max(axis=0)) / 2
