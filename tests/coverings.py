"""Coverings drawn before a face in a photo: the pixels of a mask, a hand's fingers or sunglasses are known exactly."""

from __future__ import annotations

import cv2
import numpy as np

from maquette.perception.faces import topology

COLOURS = {
    "turquoise": (110, 205, 190),
    "white": (238, 238, 240),
    "black": (24, 24, 28),
    "red": (170, 30, 40),
}
# The upper edge lies on the nose's bridge and below the eyes, the lower one around the chin.
UPPER = (127, 117, 118, 101, 100, 197, 329, 330, 347, 346, 356)
BELOW_NOSE = (234, 50, 205, 203, 2, 423, 425, 280, 454)  # of a mask that is worn too low
LOWER = (454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234)


def mask_region(shape, landmarks, upper=UPPER):
    """(H, W) float32 0-1 of a mask from its upper edge to below the chin, for landmarks (478, 3) in pixels."""
    points = landmarks[:, :2].copy()
    chin, top = points[topology.CHIN], points[topology.FOREHEAD_TOP]
    low = points[list(LOWER)] + 0.06 * (chin - top)  # it stands off the chin
    outline = np.concatenate([points[list(upper)], low])
    region = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(region, [np.round(outline * 16).astype(np.int32)], (255,), cv2.LINE_AA, 4)
    return cv2.GaussianBlur(region, (0, 0), 1.0).astype(np.float32) / 255


def with_mask(pixels, landmarks, colour, upper=UPPER):
    """The photo with a pleated mask of a colour (3,) in 0-255, lit as the face is; and its region (H, W)."""
    region = mask_region(pixels.shape, landmarks, upper)
    height = np.linalg.norm(landmarks[topology.CHIN, :2] - landmarks[topology.FOREHEAD_TOP, :2])
    y, x = np.mgrid[0 : pixels.shape[0], 0 : pixels.shape[1]]
    centre = landmarks[topology.NOSE[0], :2]
    bent = (y - centre[1]) / height + 0.25 * ((x - centre[0]) / height) ** 2
    pleats = 1 + 0.10 * np.sin(2 * np.pi * bent * 7)
    round_face = 1.05 - 0.9 * ((x - centre[0]) / height) ** 2
    noise = np.random.default_rng(0).normal(0, 2.5, pixels.shape)
    cloth = np.clip(np.asarray(colour, float) * (pleats * np.clip(round_face, 0.4, 1.1))[..., None] + noise, 0, 255)
    return np.rint(pixels + region[..., None] * (cloth - pixels)).astype(np.uint8), region


def with_glasses(pixels, landmarks, size=1.0):
    """The photo with dark round glasses; with size 1 they are 1.75 eyes wide."""
    drawn = pixels.copy()
    for corners in (topology.RIGHT_EYE_CORNERS, topology.LEFT_EYE_CORNERS):
        first, second = landmarks[list(corners), :2]
        width, centre = float(np.linalg.norm(second - first)) * size, (first + second) / 2
        box = ((float(centre[0]), float(centre[1])), (1.75 * width, 1.3 * width), 0.0)
        cv2.ellipse(drawn, box, (18, 18, 20), -1, cv2.LINE_AA)
    ends = landmarks[[topology.RIGHT_EYE_CORNERS[0], topology.LEFT_EYE_CORNERS[1]], :2].astype(int)
    cv2.line(drawn, ends[0].tolist(), ends[1].tolist(), (18, 18, 20), max(2, int(0.08 * width)))
    return drawn
