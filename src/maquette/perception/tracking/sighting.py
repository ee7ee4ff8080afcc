"""One person in one frame, small enough to keep for every frame of a long clip."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Frame, Observation, Subject

MASK_SIDE = 320  # pixels, longer side of a kept mask: finer than the fit looks


@dataclass(frozen=True, eq=False)
class Sighting:
    """An observation without its picture.

    Attributes:
        frame: its number in the clip. time: seconds. track: who.
        box: (4,) full-frame pixels. crop: (width, height) of the observation's picture. full: (width, height).
        landmarks: (33, 3) crop pixels. confidence: (33,). metric: (33, 3) metres, camera axes.
        mask: PNG bytes, at most MASK_SIDE pixels a side. score: 0-1. notes, flags: plain words.
    """

    frame: int
    time: float
    track: int
    box: NDArray
    crop: tuple[int, int]
    full: tuple[int, int]
    landmarks: NDArray
    confidence: NDArray
    metric: NDArray
    mask: bytes
    score: float
    notes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def rect(self) -> NDArray:
        """(4,) x, y, w, h full-frame pixels."""
        return np.concatenate([self.box[:2], self.box[2:] - self.box[:2]])

    def observation(self, frame: Frame | None = None) -> Observation:
        """The observation again: with its picture cut from the frame, or black and small as its mask without one."""
        decoded = cv2.imdecode(np.frombuffer(self.mask, np.uint8), cv2.IMREAD_GRAYSCALE)
        mask = np.asarray(decoded, np.float32) / 255
        pixels: NDArray = np.zeros((*mask.shape, 3), np.uint8)
        if frame is not None:
            x0, y0, x1, y1 = self.box.astype(int)
            pixels = frame.pixels[y0:y1, x0:x1]
            if pixels.shape[1::-1] != self.crop:
                pixels = cv2.resize(pixels, self.crop, interpolation=cv2.INTER_AREA)
            mask = np.clip(np.asarray(cv2.resize(mask, self.crop, interpolation=cv2.INTER_CUBIC), np.float32), 0, 1)
        scale = pixels.shape[1] / self.crop[0]
        return Observation(
            frame=Frame(np.ascontiguousarray(pixels), self.time, f"frame {self.frame}"),
            box=self.box,
            subject=Subject.PERSON,
            landmarks=self.landmarks * scale,
            landmark_scheme="mediapipe33",
            landmark_confidence=self.confidence,
            mask=np.ascontiguousarray(mask, np.float32),
            confidence=self.score,
            track=self.track,
            full_size=self.full,
            notes=self.notes,
            landmarks_metric=self.metric,
        )


def sighted(observation: Observation, frame: int, flags: tuple[str, ...] = ()) -> Sighting:
    """What is kept of an observation of a person."""
    width, height = observation.frame.size
    shrink = min(1.0, MASK_SIDE / max(width, height))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    mask = cv2.resize(observation.mask, size, interpolation=cv2.INTER_AREA)
    _, coded = cv2.imencode(".png", np.round(255 * mask).astype(np.uint8))
    return Sighting(
        frame=frame,
        time=float(observation.frame.time or 0.0),
        track=observation.track,
        box=observation.box,
        crop=(width, height),
        full=observation.full_size,
        landmarks=observation.landmarks.astype(np.float32).astype(float),
        confidence=observation.landmark_confidence,
        metric=np.zeros((33, 3)) if observation.landmarks_metric is None else observation.landmarks_metric,
        mask=coded.tobytes(),
        score=observation.confidence,
        notes=observation.notes,
        flags=flags,
    )
