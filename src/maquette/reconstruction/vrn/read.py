"""One photo through the network: log-odds of the face solid in the pixels of its crop, and where its front lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from torch import Tensor
from torch.nn import functional

from maquette.core.threads import computing
from maquette.core.types import Observation
from maquette.geometry.surfaces.isosurface import front_depth
from maquette.perception.faces.regressor.align import face_square
from maquette.perception.faces.topology import IBUG68
from maquette.reconstruction.face_fit.state import FaceView
from maquette.reconstruction.vrn.crop import cut, image_to_crop
from maquette.reconstruction.vrn.heatmaps import guided
from maquette.reconstruction.vrn.network import VRN
from maquette.reconstruction.vrn.solid import CropProjection, depth_of, slice_at

Coarse = Callable[[Tensor], Tensor]


class FrontPlane(NamedTuple):
    """Depth d of a front beyond the fitted head's, pixels of the crop.

    Attributes:
        offset: in the crop's middle.
        across, down: its rise over the crop's side.
    """

    offset: float
    across: float
    down: float


LEVEL = FrontPlane(0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class FrontReading:
    """What the network says of one photo.

    Attributes:
        logits: (D, S, S) float32 log-odds, slices towards the camera, rows, columns of the crop.
        front: (S, S) float32 depth d of the front, pixels away from the camera; NaN where there is no face.
        matrix: (3, 3) from pixels of the observation to pixels of the crop.
        matte: (S, S) bool: crop pixels that lie in the photo.
        error: metres that the network's fronts are usually wrong by, once offset and tilt are taken off.
    """

    logits: NDArray
    front: NDArray
    matrix: NDArray
    matte: NDArray
    error: float = 0.003

    @property
    def side(self) -> int:
        """Of the crop, pixels."""
        return self.front.shape[0]

    def projection(self, view: FaceView, landmarks: NDArray) -> CropProjection:
        """How the head of this view lies in the crop.

        Args:
            landmarks: (N, 3) metres, the points of the head at whose mean depth d is 0.
        """
        R, t, f = view.rotation, view.translation, view.focal
        middle = float((landmarks @ R[2] + t[2]).mean())
        rows = np.concatenate([R, t[:, None]], axis=1) / middle
        matrix = np.stack([f * rows[k] + view.centre[k] * rows[2] for k in range(2)] + [f * rows[2]])
        matrix[2, 3] -= f
        return CropProjection(matrix, 1 / f).moved(self.matrix)

    def sample(self, seen: NDArray, plane: FrontPlane = LEVEL) -> NDArray:
        """(N,) log-odds at points (N, 3) x, y, d of the crop, between voxels; NaN beyond the crop, at its sides.

        Args:
            plane: added to d: where the fitted head's depth 0 lies for the network.
        """
        count = len(self.logits)
        shift = plane.offset + (seen[:, :2] / self.side - 0.5) @ plane[1:]
        index = slice_at(seen[:, 2] + shift, count)
        grid = np.stack(
            [seen[:, 0] / self.side * 2 - 1, seen[:, 1] / self.side * 2 - 1, (2 * index + 1) / count - 1], 1
        )
        found = functional.grid_sample(
            torch.from_numpy(self.logits)[None, None],
            torch.from_numpy(grid.astype(np.float32))[None, None, None],
            padding_mode="border",
            align_corners=False,
        ).numpy()[0, 0, 0, 0]
        outside = (np.abs(grid[:, :2]) > 1).any(axis=1)
        column, row = (np.clip(seen[:, k].astype(int), 0, self.side - 1) for k in range(2))
        return np.where(outside | ~self.matte[row, column], np.nan, found)

    def front_at(self, pixels: NDArray) -> NDArray:
        """(N,) d of the front at crop pixels (N, 2), between them; NaN beside the face."""
        return map_coordinates(self.front, (pixels[:, ::-1] - 0.5).T, order=1, cval=np.nan)


def read(network: VRN, coarse: Coarse, observation: Observation, landmarks: NDArray | None = None) -> FrontReading:
    """Ask the network about one face.

    Args:
        network: as `weights.load` gives it: how its pictures are cut.
        coarse: gives its logits before the upsampling, see `fast.prepared`.
        observation: with 478 landmarks.
        landmarks: (478, 2) pixels of the observation to use in place of the detector's.
    """
    side = network.side
    landmarks = observation.landmarks if landmarks is None else landmarks
    points = landmarks[list(IBUG68), :2]
    turn = face_square(landmarks).roll if network.upright else 0.0
    matrix = image_to_crop(points, side, network.crop, network.fill, turn)
    picture = cut(observation.frame.pixels, matrix, side)
    inside = np.full(observation.frame.pixels.shape[:2], 255, np.uint8)
    matte = cut(inside, matrix, side) > 127
    crops = torch.from_numpy(picture.transpose(2, 0, 1).astype(np.float32) / 255)[None]
    if network.size.channels > 3:
        seen = torch.from_numpy((points @ matrix[:2, :2].T + matrix[:2, 2]).astype(np.float32))[None]
        crops = guided(crops, seen)
    with computing("vrn"), torch.inference_mode():
        logits = smoothly_upsampled(coarse(crops).float(), side)[0].cpu().numpy()
    return FrontReading(logits, front_of(logits), matrix, matte, network.front_error)


def smoothly_upsampled(logits: Tensor, side: int) -> Tensor:
    """(N, D, S, S): like the network's own upsampling, corners kept, but without the creases of straight lines."""
    return functional.interpolate(logits, size=(side, side), mode="bicubic", align_corners=True)


def front_of(logits: NDArray) -> NDArray:
    """(S, S) d of the front of log-odds (D, S, S), pixels; NaN beside the solid."""
    return depth_of(front_depth(logits, axis=0), len(logits)).astype(np.float32)
