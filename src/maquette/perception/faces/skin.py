"""Bare facial skin: inside the face's outline, outside eyes and mouth, and coloured like this face's cheeks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.perception.faces import topology

WORKING_FACE = 256  # pixels, height of the face at which colours are judged
SOFT = (2.6, 4.2)  # robust standard deviations from the skin model: surely skin, surely not
LEAST_SPREAD = (7.0, 2.5, 2.5)  # 8-bit Lab: skin never varies less than that (pores, noise, JPEG)
MOST_SPREAD = (20.0, 5.5, 6.0)  # and no more than this before hair and shadows count as skin
ROUNDS = 4
EDGE_SIDE = 1024  # pixels, longer side at which the outline is drawn
SAMPLE = 6000  # pixels that are enough to learn the model
FEATURES = (
    [*range(17, 22), *range(36, 42)],
    [*range(22, 27), *range(42, 48)],
    [*range(48, 60)],
)  # of 68 landmarks: each eye with its brow, the lips
SHIFTED = 16  # OpenCV's fixed point
SAMPLED = topology.RIGHT_CHEEK + topology.LEFT_CHEEK + topology.NOSE + topology.FOREHEAD


def face_region(shape: tuple[int, ...], landmarks: NDArray, openings: bool = True) -> NDArray:
    """(H, W) float32 in 0-1: inside the face's outline; with `openings`, without eyes and open mouth.

    The outline is that of all triangles: in a profile the nose stands out beyond the oval.

    Args:
        shape: of the crop, at least (H, W).
        landmarks: (478, 3), pixels of the crop.
    """
    region = np.zeros(shape[:2], np.uint8)
    for corners in np.round((landmarks[topology.triangles(), :2] - 0.5) * 8).astype(np.int32):
        cv2.fillConvexPoly(region, corners, (255,), shift=3)
    _fill(region, landmarks[list(topology.FACE_OVAL)], 255)
    if openings:
        for outline in (topology.RIGHT_EYE, topology.LEFT_EYE, topology.MOUTH_OPENING):
            _fill(region, landmarks[list(outline)], 0)
    return region.astype(np.float32) / 255


def skin_mask(pixels: NDArray, landmarks: NDArray, facing: NDArray, covered: NDArray | None = None) -> NDArray:
    """How likely each pixel shows bare facial skin.

    Colour in Lab is modelled as a plane over the face (light falls off to one side) plus a Gaussian, learned on cheeks,
    nose and forehead and re-estimated without what does not fit: hair, glasses, hands of another colour, background.

    Args:
        pixels: (H, W, 3) uint8 crop.
        landmarks: (478, 3), pixels of the crop.
        facing: (478,) 0-1, how far each landmark is turned to the camera; hidden cheeks teach nothing.
        covered: (H, W) 0-1, what is not this face's skin whatever its colour, and teaches nothing; None: nothing.

    Returns:
        (H, W) float32 in 0-1.
    """
    height = np.linalg.norm(landmarks[topology.CHIN, :2] - landmarks[topology.FOREHEAD_TOP, :2])
    factor = min(1.0, WORKING_FACE / max(float(height), 1.0))
    size = max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if factor < 1 else pixels
    points = landmarks * [size[0] / pixels.shape[1], size[1] / pixels.shape[0], 1.0]
    region = face_region(small.shape, points)
    if covered is not None:
        region *= cv2.resize(covered, size, interpolation=cv2.INTER_AREA) < 0.5
    distance = _colour_distance(small, points, region, facing)
    likely: NDArray = np.clip((SOFT[1] - distance) / (SOFT[1] - SOFT[0]), 0, 1).astype(np.float32)
    # Single pixels are noise; eyelashes and glasses' rims are not.
    likely = cv2.medianBlur((likely * 255).astype(np.uint8), 3).astype(np.float32) / 255
    outline = _feathered_region(pixels.shape, landmarks)
    whole = cv2.resize(likely, outline.shape[::-1], interpolation=cv2.INTER_LINEAR) * outline
    whole = cv2.resize(whole, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return whole if covered is None else whole * (1 - covered)


def _feathered_region(shape: tuple[int, ...], landmarks: NDArray) -> NDArray:
    """(h, w) float32 in 0-1, the face region with a soft edge, at most `EDGE_SIDE` pixels on the longer side."""
    factor = min(1.0, EDGE_SIDE / max(shape[:2]))
    size = max(1, round(shape[1] * factor)), max(1, round(shape[0] * factor))
    points = landmarks * [size[0] / shape[1], size[1] / shape[0], 1.0]
    feather = (1 + 2 * round(max(1.0, 0.004 * float(np.ptp(points[:468, 1])))),) * 2
    return cv2.blur(cv2.blur(face_region(size[::-1], points), feather), feather)


def _colour_distance(pixels: NDArray, landmarks: NDArray, region: NDArray, facing: NDArray) -> NDArray:
    """(H, W) distance from the skin model in robust standard deviations; infinite outside the region's box."""
    far = np.full(region.shape, np.inf, np.float32)
    rows, columns = np.nonzero(region.max(axis=1))[0], np.nonzero(region.max(axis=0))[0]
    if not len(rows):
        return far
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    lab = cv2.cvtColor(cv2.GaussianBlur(pixels[part], (3, 3), 0), cv2.COLOR_RGB2LAB).astype(np.float32)
    inside = region[part] > 0.5
    trusted = _sample_region(region.shape, landmarks, facing)[part] & inside
    lips = np.zeros(region.shape, np.uint8)
    _fill(lips, landmarks[list(topology.LIPS)], 1)
    y, x = np.mgrid[-1.0 : 1.0 : inside.shape[0] * 1j, -1.0 : 1.0 : inside.shape[1] * 1j].astype(np.float32)
    plane = np.stack([np.ones_like(x), x, y], axis=2)
    model, spread = _skin_model(lab, plane, inside, trusted if trusted.sum() >= 30 else inside)
    residual = lab - plane @ model
    # Lips are skin that is redder and somewhat darker; a microphone before them is neither red nor skin.
    on_lips = lips[part] > 0
    residual[..., 1] = np.where(on_lips, np.minimum(residual[..., 1], 0), residual[..., 1])
    residual[..., 0] = np.where(on_lips, 0.5 * residual[..., 0], residual[..., 0])
    far[part] = _deviation(residual, spread)
    return far


def _skin_model(lab: NDArray, plane: NDArray, inside: NDArray, trusted: NDArray) -> tuple[NDArray, NDArray]:
    """Fit the skin model to a sample, then refit it to what agrees.

    Args:
        lab: (H, W, 3) float32, 8-bit Lab.
        plane: (H, W, 3) float32: 1, x, y over the face.
        inside: (H, W) bool, the face without its openings.
        trusted: (H, W) bool, nearly surely skin.

    Returns:
        model: (3, 3) float32, Lab = plane @ model.
        spread: (3,) float32, robust standard deviations around it.
    """
    step = max(1, int(inside.sum() / SAMPLE))
    colours, design, sure = lab[inside][::step], plane[inside][::step], trusted[inside][::step]
    if not sure.any():  # a face of a pixel or two
        return np.zeros((3, 3), np.float32), np.full(3, np.inf, np.float32)
    middle = np.median(colours[sure], axis=0)
    model = np.vstack([middle, np.zeros((2, 3))])
    spread = np.clip(1.5 * 1.4826 * np.median(np.abs(colours[sure] - middle), axis=0), LEAST_SPREAD, MOST_SPREAD)
    for _ in range(ROUNDS):
        fits = _deviation(colours - design @ model, spread) < np.where(sure, 2.6, 2.2)
        if fits.sum() < 30:
            break
        weighted = design[fits] * np.where(sure[fits], 1.0, 0.3)[:, None]
        ridge = np.diag([0.0, 0.04, 0.2]) * weighted[:, 0].sum()
        model = np.linalg.solve(weighted.T @ design[fits] + ridge, weighted.T @ (colours[fits] - middle))
        model[0] += middle
        residual = colours[fits] - design[fits] @ model
        spread = np.clip(1.4826 * np.median(np.abs(residual), axis=0), LEAST_SPREAD, MOST_SPREAD)
    return model.astype(np.float32), spread.astype(np.float32)


def _deviation(residual: NDArray, spread: NDArray) -> NDArray:
    """Residuals (..., 3) in standard deviations, 1 for typical skin; highlights, which only brighten, count half."""
    scaled = residual / spread
    lightness = np.where(scaled[..., 0] > 0, 0.5, 1.0) * scaled[..., 0]
    return np.sqrt((lightness**2 + scaled[..., 1] ** 2 + scaled[..., 2] ** 2) / 2)


def _sample_region(shape: tuple[int, ...], landmarks: NDArray, facing: NDArray) -> NDArray:
    """(H, W) bool: discs around the landmarks that are bare on nearly every face."""
    discs = np.zeros(shape[:2], np.uint8)
    radius = max(1, round(0.035 * float(np.ptp(landmarks[:468, 1]))))
    for index in SAMPLED:
        if facing[index] > 0.3:
            x, y = landmarks[index, :2]
            cv2.circle(discs, (int(x), int(y)), radius, (1,), -1)
    return discs > 0


def _fill(region: NDArray, outline: NDArray, value: int) -> None:
    """Fill a polygon with an eighth of a pixel; the first pixel is centred on (0.5, 0.5)."""
    corners = np.round((outline[:, :2] - 0.5) * 8).astype(np.int32)
    cv2.fillPoly(region, [corners], (value,), lineType=cv2.LINE_AA, shift=3)


def face_mask(observation: Observation) -> NDArray:
    """(H, W) float32 in 0-1: the face where nothing hides it, eyes, brows and lips too; the frame's pixels."""
    if observation.skin is None:
        return observation.shown
    mask, marks = np.zeros_like(observation.skin), topology.landmarks68(observation)
    for part in FEATURES:
        outline = cv2.convexHull(marks[part].astype(np.float32)[:, None])
        cv2.fillConvexPoly(mask, np.round(outline * SHIFTED).astype(np.int32), 1.0, cv2.LINE_8, shift=4)
    return np.maximum(observation.skin, mask * observation.shown)
