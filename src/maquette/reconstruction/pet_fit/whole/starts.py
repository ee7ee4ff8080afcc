"""Where a fit begins: stances seen from all around, each as large and where the photo has the animal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maquette.morphable.animals.stance import STANCES, TURNS
from maquette.reconstruction.pet_fit.whole.solve import BodyFit, Fitted
from maquette.reconstruction.pet_fit.whole.state import FLIP, TRUNK, Stand, drawn

AZIMUTHS = np.radians([0, 35, 70, 100, 140, 180, -140, -100, -70, -35])  # 0 faces the camera, 90 its own left shows
ELEVATION = 0.2  # radians that the camera looks down
FIRST, SECOND, LAST = 6, 2, 1  # starts that go on to the second and third look
ROUNDS = (5, 12, 16)
SHARED = 0.6  # of the head's turn against the trunk that the neck takes; the skull takes the rest, and less
NECK, SKULL = ([turn.name for turn in TURNS].index(name) for name in ("neck_yaw", "head_yaw"))


def best_fit(fit: BodyFit) -> Fitted:
    """The best of all starts, in three looks of which each takes fewer and looks longer."""
    facing = head_yaw(fit)
    tried = [fit.judged(placed(fit, stance, float(azimuth), facing)) for stance in STANCES for azimuth in AZIMUTHS]
    tried = sorted(tried, key=lambda one: -one.score)[: 2 * FIRST]
    for kept, rounds in zip((FIRST, SECOND, LAST), ROUNDS):
        tried = sorted((fit.solved(one.stand, rounds) for one in tried), key=lambda one: -one.score)[:kept]
    return tried[0]


def head_yaw(fit: BodyFit) -> float | None:
    """Radians by which the head is turned from the camera, by its landmarks; None where none were read."""
    outline = fit.outline
    if not np.isfinite(outline.sigma).any():
        return None
    points = fit.body.model.mean[fit.marks].astype(float)
    weight = 1 / outline.sigma**2
    middle, spot = weight @ points / weight.sum(), weight @ outline.landmarks / weight.sum()
    root = np.sqrt(weight)[:, None]
    flat, *_ = np.linalg.lstsq(root * (points - middle), root * (outline.landmarks - spot), rcond=1e-3)
    left, _, right = np.linalg.svd(flat.T, full_matrices=False)
    rows = left @ right
    rotation = FLIP @ np.vstack([rows, np.cross(rows[0], rows[1])])
    ahead = rotation @ np.array([0.0, 0, 1])
    if ahead[2] < 0:
        ahead = ahead * [1, 1, -1]
    return float(np.arctan2(ahead[0], ahead[2]))


def placed(fit: BodyFit, stance: str, azimuth: float, facing: float | None) -> Stand:
    """A start, as large as the animal and over its middle."""
    pose = fit.usual_angles(stance)
    if facing is not None:
        turn = (facing - azimuth + np.pi) % (2 * np.pi) - np.pi
        pose[NECK] = np.clip(SHARED * turn, fit.low[NECK], fit.high[NECK])
        pose[SKULL] = np.clip((1 - SHARED) * turn, fit.low[SKULL], fit.high[SKULL])
    rotation = view_rotation(azimuth, ELEVATION)
    stand = Stand(fit.usual.copy(), pose, rotation, np.zeros(3), stance)
    depth = 3.0
    for _ in range(3):
        stand = replace(stand, translation=np.array([0, 0, depth]) - rotation @ TRUNK)
        stand, depth = _over(fit, stand, depth)
    return stand


def view_rotation(azimuth: float, elevation: float) -> NDArray:
    """(3, 3) from the rig's to camera axes, of an animal turned by an azimuth that is looked down upon; radians."""
    return FLIP @ _turned_x(elevation) @ _turned_y(azimuth)


def _over(fit: BodyFit, stand: Stand, depth: float) -> tuple[Stand, float]:
    """The stand moved so that its drawing has the outline's middle, and the depth at which it has its area."""
    outline = fit.outline
    posed = fit.poser.of(stand, fit.used)
    pixels = drawn(posed @ stand.rotation.T + stand.translation, outline)
    wide = _spread(pixels)
    rows, columns = np.nonzero(outline.inside)
    seen = np.column_stack([columns, rows]) + 0.5
    factor = wide / _spread(seen)
    shift = (seen.min(axis=0) + seen.max(axis=0) - pixels.min(axis=0) - pixels.max(axis=0)) / 2 / outline.focal * depth
    moved = replace(stand, translation=stand.translation + np.append(shift, 0.0))
    farther = depth * factor
    offset = (moved.pivot[:2] / moved.pivot[2]) * farther
    return replace(moved, translation=np.append(offset, farther) - moved.rotation @ TRUNK), farther


def _spread(pixels: NDArray) -> float:
    """Root of the area of the box around pixels (n, 2)."""
    return float(np.sqrt(np.prod(np.ptp(pixels, axis=0))))


def _turned_x(angle: float) -> NDArray:
    return np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])


def _turned_y(angle: float) -> NDArray:
    return np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])


def seen_from(stand: Stand) -> float:
    """Radians by which the trunk is turned from the camera: 0 faces it, positive looks to the picture's right."""
    return float(np.arctan2(stand.ahead[0], stand.ahead[2]))
