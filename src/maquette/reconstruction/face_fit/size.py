"""True size: the human iris is the ruler."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.reconstruction.face_fit.state import FaceView
from maquette.reconstruction.face_fit.terms.landmarks import LandmarkTerm

IRIS_MM, IRIS_SD_MM = 11.7, 0.5  # horizontal visible iris diameter, adults: Caroline and Andre 2002
HEAD_SD = 0.05  # relative spread of adult head sizes, the prior when the iris is not seen well
IRISES = ((469, 471, 468), (474, 476, 473))  # left and right edge, centre, of each iris in MediaPipe's landmarks
GAZE_ERROR = 0.1  # radians; the narrower an iris is seen, the more it counts
LEAST_FACING = 0.3  # cosine
GRAZING = np.radians(45.0)  # yaw from which on an iris is too narrow in the picture to be a ruler
AVERAGE = "average head"  # where the size comes from when nothing was measured
PIXEL_ERROR = 0.6  # standard error of an iris diameter in pixels of the photo, measured on renders


@dataclass(frozen=True)
class HeadSize:
    """How much larger the head is than the model, the relative standard error, and where it comes from."""

    scale: float
    error: float
    source: str


def measure_size(
    views: Sequence[FaceView],
    observations: Sequence[Observation],
    term: LandmarkTerm,
    identity: NDArray,
    pupil_distance: float | None,
) -> HeadSize:
    """Combine the irises of all photos with the spread of adult heads, or take the pupils' distance as given.

    Args:
        pupil_distance: millimetres, or None.
    """
    if pupil_distance is not None:
        rest = term.mean + term.basis[:, :, : len(identity)] @ identity
        model_mm = 1000 * np.linalg.norm(rest[468] - rest[473])
        return HeadSize(float(pupil_distance / model_mm), 0.5 / pupil_distance, "pupil distance")
    seen = [iris for v, o in zip(views, observations) for iris in iris_scales(v, o, term, identity)]
    if not seen:
        return HeadSize(1.0, HEAD_SD, AVERAGE)
    logs = [iris.log_scale for iris in seen]
    weights = np.array([iris.spread for iris in seen]) ** -2
    measured = float(np.average(logs, weights=weights))
    error = np.hypot(IRIS_SD_MM / IRIS_MM, np.sqrt(1 / weights.sum() + np.var(logs) / len(logs)))
    # Bayes: the iris' evidence against the spread of adult heads around the model's size.
    trust = HEAD_SD**2 / (HEAD_SD**2 + error**2)
    return HeadSize(float(np.exp(trust * measured)), float(np.sqrt(trust) * error), "iris")


@dataclass(frozen=True)
class IrisScale:
    """What one iris says: log of how much larger the head is than the model, and its spread."""

    log_scale: float
    spread: float


def iris_scales(view: FaceView, observation: Observation, term: LandmarkTerm, identity: NDArray) -> Iterator[IrisScale]:
    """Those irises of one photo that are seen well enough."""
    if abs(view.yaw_pitch_roll()[0]) > GRAZING:
        return
    points = term.mean + term.basis @ np.concatenate([identity, view.expression])
    placed = points @ view.rotation.T + view.translation
    pixels, seen = view.pixels(points), term.unbiased(view, observation)
    per_crop = (observation.box[2] - observation.box[0]) / observation.frame.size[0]
    for left, right, centre in IRISES:
        diameter = np.linalg.norm(seen[left] - seen[right])
        if observation.landmark_confidence[centre] < 0.5 or diameter * per_crop < 3:
            continue
        # As wide as the model's iris is there, which looks where the eye does, were it as large as people's are.
        expected = np.linalg.norm(pixels[left] - pixels[right])
        model_mm = 1000 * np.linalg.norm(points[left] - points[right])
        facing = np.clip(1000 * expected * placed[centre, 2] / (view.focal * model_mm), LEAST_FACING, 1.0)
        spread = np.hypot(PIXEL_ERROR / (diameter * per_crop), GAZE_ERROR * np.sqrt(facing**-2 - 1))
        yield IrisScale(float(np.log(IRIS_MM / model_mm * expected / diameter)), float(spread))
