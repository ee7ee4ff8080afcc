"""How a head moves in a clip, and how a surface follows a skeleton."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from maquette.core.check import expect

Array = np.ndarray
SIDES = ("Left", "Right")  # of the subject, as gaze is ordered


@dataclass(frozen=True, eq=False)
class HeadMotion:
    """One head over the frames of a clip in which it is seen, on one identity and one size.

    The camera stands still at the origin of its own axes: x to its right, y up, z towards the viewer, so that a head
    that looks into the camera upright has no turn.

    Attributes:
        times: (N,) float64 seconds since the start of the clip, rising.
        frames: (N,) int64 numbers in the clip.
        rotations: (N, 4) float64 unit quaternions wxyz, head to camera axes.
        translation: (N, 3) float64 metres, camera axes: the head's origin, midway between the eyeballs.
        expression: (N, E) float64 weights of the model's units, 0-1.
        gaze: (N, 2, 2) float64 radians, left and right eye, each yaw (to the subject's left) and pitch (up), relative
            to the head.
        light: (N, 9, 3) float64 or None: what lights the head, in camera axes: real spherical harmonics up to second
            order of the irradiance, RGB, linear.
        focal: pixels of the full frame, of the whole clip.
        size: (width, height) of the full frame; the principal point is its middle.
        opening: (N, 2) float64: how far the left and the right eye are open, height over width, as seen from the front;
            NaN where that was not seen.
        trust: (N,) 0-1 how surely each frame was read.
        reprojection: (N,) pixels of the full frame, median distance between landmarks seen and fitted.
        evidence: (N, F) float32 or None: what a learned smoother reads of each frame, beside the values themselves.
    """

    times: Array
    frames: Array
    rotations: Array
    translation: Array
    expression: Array
    gaze: Array
    focal: float
    size: tuple[int, int]
    opening: Array
    trust: Array
    reprojection: Array
    light: Array | None = None
    evidence: Array | None = None

    def __post_init__(self) -> None:
        expect("HeadMotion.times", self.times, ("N",), np.float64)
        if len(self) > 1 and not (np.diff(self.times) > 0).all():
            raise ValueError("HeadMotion.times: wanted rising seconds")
        expect("HeadMotion.frames", self.frames, (len(self),), np.int64)
        expect("HeadMotion.rotations", self.rotations, (len(self), 4), np.float64)
        expect("HeadMotion.translation", self.translation, (len(self), 3), np.float64)
        expect("HeadMotion.expression", self.expression, (len(self), "E"), np.float64)
        expect("HeadMotion.gaze", self.gaze, (len(self), 2, 2), np.float64)
        expect("HeadMotion.opening", self.opening, (len(self), 2), np.float64, finite=False)
        expect("HeadMotion.trust", self.trust, (len(self),), np.float64)
        expect("HeadMotion.reprojection", self.reprojection, (len(self),), np.float64)
        if self.light is not None:
            expect("HeadMotion.light", self.light, (len(self), 9, 3), np.float64)
        if self.evidence is not None:
            expect("HeadMotion.evidence", self.evidence, (len(self), "F"), np.float32)

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True, eq=False)
class Skinning:
    """How the mesh of a person follows the bones of a fitted body, from a rest pose with arms held out sideways.

    Linear blend skinning; bones, their order and what a turn means are those of `morphable.rig.Rig`.

    Attributes:
        vertices: (V, 3) float32 metres: the mesh at rest, without expression.
        joints: (B, 3) float32 metres: where the bones begin at rest.
        bone_index, bone_weight: (V, 4) int32 and float32; weights sum to 1.
        rotations: (N, B, 4) float64 unit quaternions wxyz, one row per pose. translation: (N, 3) metres, added last.
        unit_vertices: (n,) int32: which vertices the units move. units: (E, n, 3) float32 metres at weight 1, at rest.
        unit_names: E names, Apple's spelling.
        parts: name -> (m,) int32 faces: "skin", and of a head of its own "mouth", "teeth", "tongue", "eyeLeft",
            "eyeRight".
        landmarks: scheme -> (faces (L,), barycentric (L, 3)): landmarks on the mesh.
    """

    vertices: Array
    joints: Array
    bone_index: Array
    bone_weight: Array
    rotations: Array
    translation: Array
    unit_vertices: Array
    units: Array
    unit_names: tuple[str, ...]
    parts: Mapping[str, Array]
    landmarks: Mapping[str, tuple[Array, Array]]

    def __post_init__(self) -> None:
        count = len(expect("Skinning.vertices", self.vertices, ("V", 3), np.float32))
        bones = len(expect("Skinning.joints", self.joints, ("B", 3), np.float32))
        expect("Skinning.bone_index", self.bone_index, (count, 4), np.int32)
        weight = expect("Skinning.bone_weight", self.bone_weight, (count, 4), np.float32)
        if np.abs(weight.sum(axis=1) - 1).max(initial=0) > 1e-4:
            raise ValueError("Skinning.bone_weight: wanted rows that sum to 1")
        expect("Skinning.rotations", self.rotations, ("N", bones, 4), np.float64)
        expect("Skinning.translation", self.translation, (len(self.rotations), 3), np.float64)
        expect("Skinning.units", self.units, (len(self.unit_names), len(self.unit_vertices), 3), np.float32)
