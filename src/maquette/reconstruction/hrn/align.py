"""From a photo to HRN's aligned crops and back: five points decide scale and place.

Published crops are never turned, and the networks saw faces that lean up to ten degrees. A face that leans more is
turned upright; its camera is turned back.

Convention:
    Pixels: x right, y down, pixel (0, 0) centred on (0.5, 0.5), as everywhere here. The published code works on whole
    numbers with y up and cuts sizes down to whole pixels; its crops lie within a pixel of these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maquette.core.errors import BadInput
from maquette.core.types import Camera, Observation
from maquette.morphable.bfm import five_of
from maquette.perception.affine import apply, scale_of
from maquette.perception.faces.regressor.align import cut
from maquette.perception.faces.skin import face_mask
from maquette.perception.faces.topology import landmarks68
from maquette.reconstruction.hrn.detail import LARGE, Crops
from maquette.reconstruction.hrn.face_model import CENTRE, DISTANCE, FOCAL, SIDE

CROP_SCALE = 102.0  # pixels of the small crop per decimetre of the face, on average
LEANS = np.radians(10)  # up to which a face is not turned


@dataclass(frozen=True, eq=False)
class AlignedFace:
    """One face cut out for HRN.

    Attributes:
        to_crop: (2, 3) affine from pixels of the observation's frame to pixels of the small crop.
        crops: of one face. landmarks: (68, 2) float32 pixels of the small crop, y up from its lower edge.
    """

    to_crop: NDArray
    crops: Crops
    landmarks: Tensor


@dataclass(frozen=True, eq=False)
class WorldFrame:
    """Where the world lies in the model's frame: origin (3,) decimetres, and metres per decimetre."""

    origin: NDArray
    metres: float

    def to_world(self, points: NDArray) -> NDArray:
        """(..., 3) float32 metres of decimetres."""
        return ((points - self.origin) * self.metres).astype(np.float32)


def placement(points: NDArray, model_points: NDArray) -> tuple[float, NDArray]:
    """Scale and place of a face in a picture.

    Args:
        points: (5, 2) pixels, y up. model_points: (5, 3) decimetres.

    Returns:
        scale: pixels per decimetre. place: (2,) pixels of the model's origin.
    """
    homogeneous = np.concatenate([model_points, np.ones((5, 1))], axis=1)
    solved = np.linalg.lstsq(homogeneous, points, rcond=None)[0]
    return float(np.linalg.norm(solved[:3], axis=0).mean()), solved[3]


def lean(points: NDArray) -> float:
    """Radians by which a face leans clockwise as seen; (5, 2) eyes, nose, corners of the mouth, pixels, y down.

    Example:
        >>> lean(np.array([[0, -1], [0, 1], [0, 0], [-2, -1], [-2, 1.0]])) / np.pi  # lies on its side
        0.5
    """
    up = points[:2].mean(axis=0) - points[3:].mean(axis=0)
    return float(np.arctan2(up[0], -up[1]))


def crop_transform(
    points: NDArray, model_points: NDArray, side: int = SIDE, turn: float = 0.0, size: float = CROP_SCALE
) -> NDArray:
    """(2, 3) similarity from pixels of a picture to pixels of the crop of that side.

    Args:
        points: (5, 2) eyes, nose, corners of the mouth, pixels, y down. model_points: (5, 3) decimetres.
        turn: radians by which the face leans clockwise; it stands upright in the crop.
        size: pixels per decimetre of the face in a crop of 224.

    Raises:
        BadInput: the points lie on one spot.
    """
    scale, place = placement(points * [1, -1], model_points)
    if not scale > 0:
        raise BadInput("landmarks: wanted eyes, nose and mouth of a face, got points on one spot")
    cos, sin = np.cos(turn), np.sin(turn)
    upright = size * side / SIDE / scale * np.array([[cos, sin], [-sin, cos]])
    return np.column_stack([upright, side / 2 - upright @ (place * [1, -1])])


def aligned(
    observation: Observation,
    model_points: NDArray,
    device: torch.device | str = "cpu",
    size: float = CROP_SCALE,
) -> AlignedFace:
    """The crops of a face, and where they lie.

    Args:
        model_points: (5, 3) decimetres, see `BaselModel.five_points`.
        size: pixels of the small crop per decimetre of the face.

    Raises:
        BadInput: see `topology.landmarks68`, `crop_transform`.
    """
    marks = landmarks68(observation)
    five = five_of(marks)
    to_crop = crop_transform(five, model_points, turn=lean(five) if abs(lean(five)) > LEANS else 0.0, size=size)
    enlarged = to_crop * (LARGE / SIDE)
    pixels = observation.frame.pixels
    small, large = (_tensor(cut(pixels, m, side, 0), device) for m, side in ((to_crop, SIDE), (enlarged, LARGE)))
    mask = cut(np.round(255 * face_mask(observation)).astype(np.uint8), to_crop, SIDE, 0)
    seen = apply(to_crop, marks)
    upwards = np.stack([seen[:, 0], SIDE - seen[:, 1]], axis=1)
    return AlignedFace(
        to_crop, Crops(small, large, _tensor(mask[..., None], device)), torch.from_numpy(upwards).float().to(device)
    )


def _tensor(pixels: NDArray, device: torch.device | str) -> Tensor:
    return torch.from_numpy(pixels).to(device).permute(2, 0, 1)[None].float() / 255


def camera_of(
    to_crop: NDArray, turn: NDArray, translation: NDArray, frame: WorldFrame, size: tuple[int, int]
) -> Camera:
    """The camera that sees a face in the world as HRN saw it.

    Args:
        to_crop: (2, 3), see `AlignedFace`. turn: (3, 3) and translation: (3,) decimetres of `face_model.posed`.
        size: (width, height) of the observation's frame.
    """
    scale = scale_of(to_crop)
    leaning, rigid = np.eye(3), np.eye(4)
    leaning[:2, :2] = to_crop[:, :2].T / scale  # from the crop's axes to the frame's
    downwards = leaning @ np.diag([1.0, -1.0, -1.0])
    rigid[:3, :3] = downwards @ turn.T
    moved = downwards @ (turn.T @ frame.origin + translation) + [0, 0, DISTANCE]
    rigid[:3, 3] = moved * frame.metres
    intrinsics = np.diag([FOCAL / scale, FOCAL / scale, 1.0])
    intrinsics[:2, 2] = leaning[:2, :2] @ ([CENTRE, SIDE - CENTRE] - to_crop[:, 2]) / scale
    return Camera(intrinsics, rigid, size)
