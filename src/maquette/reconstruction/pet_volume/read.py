"""One photo through the network: log-odds of the head's solid in the pixels of its crop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from maquette.core.threads import computing
from maquette.core.types import Observation
from maquette.perception.faces.regressor.align import cut
from maquette.perception.pets.landmarks import square_of
from maquette.reconstruction.pet_volume.space import slice_at
from maquette.reconstruction.vrn.heatmaps import guided
from maquette.reconstruction.vrn.network import VRN, VRNSize
from maquette.reconstruction.vrn.read import smoothly_upsampled
from maquette.reconstruction.vrn.solid import CropProjection


class PetVRN(VRN):
    """The network for crops of animals' heads with their 20 landmarks.

    Attributes:
        side: of the crop, pixels.
    """

    def __init__(self, size: VRNSize, side: int) -> None:
        super().__init__(size, "running")
        self.side = side


@dataclass(frozen=True, eq=False)
class SolidReading:
    """What the network says of one photo.

    Attributes:
        logits: (D, S, S) float32 log-odds, slices towards the camera, rows, columns of the crop.
        matrix: (2, 3) from pixels of the observation to pixels of the crop.
    """

    logits: NDArray
    matrix: NDArray

    def sample(self, projection: CropProjection, points: NDArray) -> NDArray:
        """(N,) log-odds at points (N, 3) of the head, between voxels; those of the nearest beyond the crop.

        Args:
            projection: of the head in the observation, see `space.projection_of`.
        """
        count, side = self.logits.shape[0], self.logits.shape[1]
        seen = projection.moved(self.matrix).project(points)
        index = [slice_at(seen[:, 2], count, side), seen[:, 1] - 0.5, seen[:, 0] - 0.5]
        found: NDArray = map_coordinates(self.logits, index, order=1, mode="nearest")
        return found


def read_solid(network: VRN, observation: Observation) -> SolidReading:
    """Ask the network about one observation with landmarks of the scheme "pet20"."""
    points = observation.landmarks[:, :2]
    matrix = square_of(points).to_crop(network.side)
    crop = cut(observation.frame.pixels, matrix, network.side).transpose(2, 0, 1)
    seen = torch.from_numpy((points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32))[None]
    with computing("vrn"), torch.inference_mode():
        picture = guided(torch.from_numpy(crop.astype(np.float32) / 255)[None], seen)
        logits = smoothly_upsampled(network.coarse(picture).float(), network.side)[0].cpu().numpy()
    return SolidReading(logits, matrix)
