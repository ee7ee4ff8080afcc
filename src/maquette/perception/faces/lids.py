"""Which eyes are shut. The landmarks know when both are; of a wink they show two open eyes, so the picture is asked.

An open eye is dark over the height of its iris; a shut one has skin above and below a line of lashes. Measured as the
height of what is dark in a column, over the eye's width: 0.22 to 0.38 on 44 open eyes in 21 photos, 0.16 on the shut
eye of a wink. Eyes that are narrow alike are left to the landmarks, and so is what is brighter than skin.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.affine import warp
from maquette.perception.faces import topology
from maquette.perception.square import Square

WIDTH = 64  # pixels between an eye's corners in the crop
MARGIN = 14  # pixels beside the corners
SIDE = WIDTH + 2 * MARGIN  # pixels of the crop
HALF = 14  # pixels above and below the line of the corners that are looked at: the brow lies beyond
CHEEK = (18, 30)  # pixels below the line where there is skin
SHUT_APERTURE = 0.10  # height over width of an opening that is none
SUSPECT_APERTURE = 0.24  # wider ones are open, whatever the picture says
LINE = 0.185  # height of the dark over the eye's width, below which it is a line of lashes
CONTRAST = 0.25  # of the dark against the skin: below it nothing can be said
GLARE = 0.4  # what is brighter than the skin by this share is the white of an eye
APART = 0.06  # by which the dark of the open eye is higher
WIDER = 1.25  # times as wide as that of the shut eye the landmarks show the opening of the other one
SMALLEST = 8.0  # pixels between the corners
GUESSED = 0.05  # trust in the lids and iris of a shut eye
OUTER = 0.1  # share of the width at each corner that is left out
LOWER, UPPER = 4, 12  # places of the lids' middles in topology's outlines of an eye


class Lashes(NamedTuple):
    """What a picture shows of one eye.

    Attributes:
        aperture: height over width of its opening by the landmarks.
        height: of what is dark in a column, over the width.
        contrast: of the darkest against the skin below, 0-1.
        glare: by how much the brightest exceeds the skin, of the skin: the white of an eye.
        width: between the corners, pixels.
    """

    aperture: float
    height: float
    contrast: float
    glare: float
    width: float


def shut_eyes(pixels: NDArray, landmarks: NDArray) -> tuple[bool, bool]:
    """Whether the subject's right and left eye are shut.

    Args:
        pixels: (H, W, 3) uint8.
        landmarks: (478, 3), pixels of it.
    """
    right, left = (_lashes(pixels, landmarks[list(eye), :2]) for eye in (topology.RIGHT_EYE, topology.LEFT_EYE))
    return (
        right.aperture < SHUT_APERTURE or _winks(right, left),
        left.aperture < SHUT_APERTURE or _winks(left, right),
    )


def trust(shut: tuple[bool, bool]) -> NDArray:
    """(478,) 0-1: how far each landmark is believed; of an eye that is shut, lids and iris are guesses."""
    out = np.ones(topology.LANDMARKS)
    eyes = ((topology.RIGHT_EYE, topology.RIGHT_IRIS), (topology.LEFT_EYE, topology.LEFT_IRIS))
    for is_shut, (eye, iris) in zip(shut, eyes):
        out[[*eye, *iris]] = GUESSED if is_shut else 1.0
    return out


def _lashes(pixels: NDArray, outline: NDArray) -> Lashes:
    """What the picture shows of one eye.

    Args:
        pixels: (H, W, 3) uint8.
        outline: (16, 2), as in `topology.RIGHT_EYE`: outer corner, lower lid, inner corner, upper lid.
    """
    width = float(np.linalg.norm(outline[8] - outline[0]))
    aperture = float(np.linalg.norm(outline[LOWER] - outline[UPPER])) / max(width, 1e-6)
    red = cv2.GaussianBlur(_upright(pixels, outline)[..., 0].astype(np.float32), (0, 0), WIDTH / 64)
    middle, inner = SIDE // 2, slice(MARGIN, MARGIN + WIDTH)
    skin = max(float(np.median(red[middle + CHEEK[0] : middle + CHEEK[1], inner])), 1.0)
    band = red[middle - HALF : middle + HALF, inner]
    darkest, brightest = np.percentile(band, (3, 97))
    dark = band < (skin + darkest) / 2
    cut = round(OUTER * WIDTH)
    heights = np.sort([_longest_run(column) for column in dark.T[cut:-cut]])
    height = float(heights[int(0.85 * len(heights))]) / WIDTH
    return Lashes(aperture, height, 1 - float(darkest) / skin, float(brightest) / skin - 1, width)


def _winks(eye: Lashes, other: Lashes) -> bool:
    """Whether an eye is shut while the other one is open."""
    alone = eye.height < other.height - APART and eye.aperture * WIDER < other.aperture
    line = eye.height < LINE and eye.contrast > CONTRAST and eye.glare < GLARE
    return alone and line and eye.aperture < SUSPECT_APERTURE and eye.width >= SMALLEST


def _upright(pixels: NDArray, outline: NDArray) -> NDArray:
    """(SIDE, SIDE, 3): the eye in the middle with its corners level and WIDTH apart."""
    first, last = sorted((outline[0], outline[8]), key=lambda corner: float(corner[0]))
    across = last - first
    side = max(float(np.linalg.norm(across)), 1e-6) * SIDE / WIDTH
    square = Square((first + last) / 2, side, float(np.arctan2(across[1], across[0])))
    sharp = pixels if side < 1.6 * SIDE else cv2.GaussianBlur(pixels, (0, 0), 0.4 * side / SIDE)
    return warp(sharp, square.to_crop(SIDE), (SIDE, SIDE))


def _longest_run(column: NDArray) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], column.astype(int), [0]])))
    return int(np.max(edges[1::2] - edges[::2], initial=0))
