"""Bare facial skin: inside the face's outline, outside eyes and mouth, and coloured like this face's cheeks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception import topology

WORKING_FACE = 256  # pixels, height of the face at which colours are judged
SOFT = (2.6, 4.2)  # robust standard deviations from the skin model: surely skin, surely not
LEAST_SPREAD = (7.0, 2.5, 2.5)  # 8-bit Lab: skin never varies less than that (pores, noise, JPEG)
ROUNDS = 4
SAMPLED = topology.RIGHT_CHEEK + topology.LEFT_CHEEK + topology.NOSE + topology.FOREHEAD


def face_region(shape: tuple[int, ...], landmarks: NDArray, openings: bool = True) -> NDArray:
    """(H, W) float32 in 0-1: inside the face oval; with `openings`, without eyes and open mouth.

    Args:
        shape: of the crop, at least (H, W).
        landmarks: (478, 3), pixels of the crop.
    """
    region = np.zeros(shape[:2], np.uint8)
    _fill(region, landmarks[list(topology.FACE_OVAL)], 255)
    if openings:
        for outline in (topology.RIGHT_EYE, topology.LEFT_EYE, topology.MOUTH_OPENING):
            _fill(region, landmarks[list(outline)], 0)
    return region.astype(np.float32) / 255


def skin_mask(pixels: NDArray, landmarks: NDArray, facing: NDArray) -> NDArray:
    """How likely each pixel shows bare facial skin.

    Colour in Lab is modelled as a plane over the face (light falls off to one side) plus a Gaussian, learned on cheeks,
    nose and forehead and re-estimated without what does not fit: hair, glasses, hands of another colour, background.

    Args:
        pixels: (H, W, 3) uint8 crop.
        landmarks: (478, 3), pixels of the crop.
        facing: (478,) 0-1, how far each landmark is turned to the camera; hidden cheeks teach nothing.

    Returns:
        (H, W) float32 in 0-1.
    """
    height = np.linalg.norm(landmarks[topology.CHIN, :2] - landmarks[topology.FOREHEAD_TOP, :2])
    factor = min(1.0, WORKING_FACE / max(float(height), 1.0))
    size = max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if factor < 1 else pixels
    points = landmarks * [size[0] / pixels.shape[1], size[1] / pixels.shape[0], 1.0]
    region = face_region(small.shape, points)
    distance = _colour_distance(small, points, region, facing)
    likely = np.clip((SOFT[1] - distance) / (SOFT[1] - SOFT[0]), 0, 1).astype(np.float32)
    # Single pixels are noise; eyelashes and glasses' rims are not.
    likely = cv2.medianBlur((likely * 255).astype(np.uint8), 3).astype(np.float32) / 255
    whole = cv2.resize(likely, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR) if factor < 1 else likely
    edge = cv2.GaussianBlur(face_region(pixels.shape, landmarks), (0, 0), max(0.7, 0.004 * float(height)))
    return (whole * edge).astype(np.float32)


def _colour_distance(pixels: NDArray, landmarks: NDArray, region: NDArray, facing: NDArray) -> NDArray:
    """(H, W) distance from the skin model in robust standard deviations."""
    lab = cv2.cvtColor(cv2.GaussianBlur(pixels, (3, 3), 0), cv2.COLOR_RGB2LAB).astype(np.float32)
    y, x = np.mgrid[0 : region.shape[0], 0 : region.shape[1]].astype(np.float32)
    centre = landmarks[:468, :2].mean(axis=0)
    scale = max(float(np.ptp(landmarks[:468, 1])), 1.0) / 2
    plane = np.stack([np.ones_like(x), (x - centre[0]) / scale, (y - centre[1]) / scale], axis=2)
    inside = region > 0.5
    trusted = _sample_region(region.shape, landmarks, facing) & inside
    if trusted.sum() < 30:
        trusted = inside
    if trusted.sum() < 3:
        return np.zeros(region.shape, np.float32)
    middle = np.median(lab[trusted], axis=0)
    coefficients = np.vstack([middle, np.zeros((2, 3))])
    spread = np.maximum(1.5 * np.median(np.abs(lab[trusted] - middle), axis=0) * 1.4826, LEAST_SPREAD)
    for _ in range(ROUNDS):
        distance = np.sqrt((((lab - plane @ coefficients) / spread) ** 2).sum(axis=2) / 1.5)
        fits = inside & (distance < np.where(trusted, 3.5, 2.5))
        if fits.sum() < 30:
            break
        weights = np.where(trusted[fits], 1.0, 0.3)[:, None]
        design = plane[fits] * weights
        ridge = np.diag([0.0, 0.05, 0.05]) * weights.sum()
        coefficients = np.linalg.solve(design.T @ plane[fits] + ridge, design.T @ (lab[fits] - middle))
        coefficients[0] += middle
        residual = lab[fits] - plane[fits] @ coefficients
        spread = np.maximum(np.median(np.abs(residual), axis=0) * 1.4826, LEAST_SPREAD)
    return np.sqrt((((lab - plane @ coefficients) / spread) ** 2).sum(axis=2) / 1.5).astype(np.float32)


def _sample_region(shape: tuple[int, ...], landmarks: NDArray, facing: NDArray) -> NDArray:
    """(H, W) bool: discs around the landmarks that are bare on nearly every face."""
    discs = np.zeros(shape[:2], np.uint8)
    radius = max(1, round(0.035 * float(np.ptp(landmarks[:468, 1]))))
    for index in SAMPLED:
        if facing[index] > 0.3:
            x, y = landmarks[index, :2]
            cv2.circle(discs, (int(x), int(y)), radius, 1, -1)
    return discs > 0


def _fill(region: NDArray, outline: NDArray, value: int) -> None:
    """Fill a polygon with an eighth of a pixel; the first pixel is centred on (0.5, 0.5)."""
    corners = np.round((outline[:, :2] - 0.5) * 8).astype(np.int32)
    cv2.fillPoly(region, [corners], value, lineType=cv2.LINE_AA, shift=3)
