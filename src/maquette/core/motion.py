"""How a head moves in a clip."""

from __future__ import annotations

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
