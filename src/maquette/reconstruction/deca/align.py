"""From a photo to DECA's crop and back: the box around 68 landmarks, as published.

Crops are never turned as published, and the networks saw faces that stand; one that leans more than 30 degrees is
turned upright here, its camera back.

Convention:
    Pixels of the frame: x right, y down, pixel (0, 0) centred on (0.5, 0.5). The published code counts pixels of the
    crop from 0 at the first one's centre, and learned with landmarks in these numbers, 112 (p + 1) of -1 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from maquette.core.errors import BadInput
from maquette.core.types import Camera, Observation
from maquette.perception.affine import apply, scale_of
from maquette.perception.faces.topology import landmarks68, lean68
from maquette.reconstruction.deca.head import CROP

WIDER, MARGIN = 1.1, 1.25  # of the mean of width and height of the landmarks' box
LEANS = np.radians(30)  # up to which a face is not turned
AWAY_M = 1.0  # from the camera's plane to the origin: an orthographic one may stand anywhere


@dataclass(frozen=True, eq=False)
class HeadCrop:
    """One face cut out for DECA.

    Attributes:
        to_crop: (2, 3) from pixels of the frame to the crop's, which begin at 0.
        picture: (1, 3, 224, 224) RGB 0-1. landmarks: (68, 2) float64 pixels of the crop.
    """

    to_crop: NDArray
    picture: Tensor
    landmarks: NDArray


def crop_transform(marks: NDArray, turn: float = 0.0, side: int = CROP) -> NDArray:
    """(2, 3) from pixels of a picture to those of the crop.

    Args:
        marks: (68, 2) pixels. turn: radians by which the face leans clockwise; it stands upright in the crop.

    Raises:
        BadInput: the landmarks lie on one spot.

    Example:
        >>> square = np.array([[100.0, 100], [260, 260]])
        >>> crop_transform(square)[:, 2].round(2).tolist()  # 220 pixels wide about (180, 180)
        [-70.95, -70.95]
    """
    cos, sin = np.cos(turn), np.sin(turn)
    upright = np.array([[cos, sin], [-sin, cos]])
    turned = marks @ upright.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    size = int(MARGIN * (WIDER * float((high - low).mean())))
    if size < 1:
        raise BadInput("landmarks: wanted those of a face, got points on one spot")
    return around((low + high) / 2, size, side, upright)


def around(centre: NDArray, size: float, side: int, upright: NDArray | None = None) -> NDArray:
    """(2, 3) from pixels of a picture to those of a crop of a square.

    Args:
        centre: (2,) of the square, in the upright picture. size: of its sides, pixels.
        upright: (2, 2) turn of the picture, or None.
    """
    scale = (side - 1) / size
    turned = np.eye(2) if upright is None else upright
    return np.column_stack([scale * turned, (side - 1) / 2 - scale * centre])


def cut(pixels: NDArray, to_crop: NDArray, side: int = CROP) -> Tensor:
    """(1, 3, side, side) float32 0-1: the crop of a picture (H, W, 3) uint8, bilinear, black beyond its edge."""
    height, width = pixels.shape[:2]
    inverse = inverted(to_crop)
    steps = np.arange(side, dtype=float)
    at = apply(inverse, np.stack(np.meshgrid(steps, steps), axis=-1))  # pixels of the picture
    low, high = np.floor(at.min(axis=(0, 1))) - 2, np.ceil(at.max(axis=(0, 1))) + 2
    (left, top), (right, bottom) = np.maximum(low, 0).astype(int), np.minimum(high, [width, height]).astype(int)
    if right <= left or bottom <= top:
        return torch.zeros(1, 3, side, side)
    part = torch.from_numpy(pixels[top:bottom, left:right].astype(np.float64) / 255).permute(2, 0, 1)[None]
    grid = 2 * (at - [left, top]) / [right - left, bottom - top] - 1
    return functional.grid_sample(part, torch.from_numpy(grid)[None], align_corners=False).float()


def inverted(matrix: NDArray) -> NDArray:
    """(2, 3): the affine that undoes a (2, 3) affine."""
    back = np.linalg.inv(matrix[:, :2])
    return np.column_stack([back, -back @ matrix[:, 2]])


def aligned(observation: Observation) -> HeadCrop:
    """The crop of a face.

    Raises:
        BadInput: see `topology.landmarks68`, `crop_transform`.
    """
    marks = landmarks68(observation)
    turn = lean68(marks)
    to_crop = crop_transform(marks, turn if abs(turn) > LEANS else 0.0)
    return HeadCrop(to_crop, cut(observation.frame.pixels, to_crop), apply(to_crop, marks))


def to_frame(to_crop: NDArray, projected: NDArray) -> NDArray:
    """(..., 2) pixels of the frame of places (..., 2+) over the crop, -1 to 1."""
    return apply(inverted(to_crop), (projected[..., :2] + 1) * (CROP / 2))


@dataclass(frozen=True, eq=False)
class FlameFrame:
    """Where the world lies in FLAME's frame: origin (3,) metres of FLAME, and metres of the world per metre of it."""

    origin: NDArray
    scale: float

    def to_world(self, points: NDArray) -> NDArray:
        """(..., 3) float32 metres of points in FLAME's frame."""
        return ((points - self.origin) * self.scale).astype(np.float32)


def camera_of(
    to_crop: NDArray, turn: NDArray, moved: NDArray, cam: NDArray, frame: FlameFrame, size: tuple[int, int]
) -> Camera:
    """The orthographic camera that sees an unturned head in the world as DECA saw it.

    Args:
        to_crop: (2, 3), see `HeadCrop`. cam: (3,) scale and shift.
        turn: (3, 3) and moved: (3,) metres by which the pose takes points of FLAME's frame.
        size: (width, height) of the observation's frame.
    """
    zoom = scale_of(to_crop)
    leaning, rigid = np.eye(3), np.eye(4)
    leaning[:2, :2] = to_crop[:, :2].T / zoom  # from the crop's axes to the frame's
    downwards = leaning @ np.diag([1.0, -1.0, -1.0])
    rigid[:3, :3] = downwards @ turn
    place = turn @ frame.origin + moved + [cam[1], cam[2], 0]
    rigid[:3, 3] = downwards @ place * frame.scale + [0, 0, AWAY_M]
    rigid[2, 3] = AWAY_M  # how deep an orthographic camera stands shows nowhere
    focal = float(cam[0]) * CROP / 2 / (zoom * frame.scale)
    intrinsics = np.diag([focal, focal, 1.0])
    intrinsics[:2, 2] = apply(inverted(to_crop), np.array([CROP / 2, CROP / 2]))
    return Camera(intrinsics, rigid, size, "orthographic")
