"""What the shape network says of one animal in a photo: a likely head of each species, before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maquette.core.threads import computing
from maquette.core.types import Observation
from maquette.perception.affine import apply
from maquette.perception.faces.regressor.align import cut
from maquette.perception.pets.landmark_network import CROP
from maquette.perception.pets.landmarks import square_of
from maquette.perception.pets.reader import load_features
from maquette.reconstruction.pet_fit.shape_network import MODES, PetShapeNetwork, mark_rows
from maquette.weights.tensors import filled, opened

REMEDY = "give a file that maquette train pet-shape made"
FACING = np.diag([1.0, -1.0, -1.0])  # the head's axes to the camera's, of a head that faces it


@dataclass(frozen=True, eq=False)
class ShapeReading:
    """One photo's.

    Attributes:
        means, spreads: (3, 24) coefficients of each species' model and their standard deviations.
        units: (3, 6) weights of the network's UNITS.
        rotation: (3, 3) from the head's axes to the camera's.
        shares: (3,) how likely each species is, as the shape alone says.
    """

    means: NDArray
    spreads: NDArray
    units: NDArray
    rotation: NDArray
    shares: NDArray


@lru_cache(maxsize=2)
def load_shape(path: Path) -> PetShapeNetwork:
    """The network of a file, in float32.

    Raises:
        BadInput: it is damaged.
    """
    with opened(path, "the pet shapes' weights", REMEDY) as file:
        return filled(PetShapeNetwork, file)


def read_shape(network: PetShapeNetwork, observation: Observation) -> ShapeReading:
    """Ask the network about one observation with landmarks of the scheme "pet20"."""
    square = square_of(observation.landmarks[:, :2])
    matrix = square.to_crop(CROP)
    crop = np.ascontiguousarray(cut(observation.frame.pixels, matrix, CROP).transpose(2, 0, 1))
    points = apply(matrix, observation.landmarks[:, :2]) / CROP
    sigma = (
        observation.landmark_sigma if observation.landmark_sigma is not None else np.full(len(points), square.side / 80)
    )
    variance = 2 * np.log(np.maximum(sigma / square.side, 1e-3))
    rows = (points, variance, observation.landmark_confidence)
    with computing("pet landmarks"), torch.inference_mode():
        maps = load_features().maps(torch.from_numpy(crop[None]))
        marks = mark_rows(*(torch.from_numpy(part.astype(np.float32))[None] for part in rows))
        found = [part[0].double().numpy() for part in network(maps[2].float(), maps[3].float(), marks)]
    shape, log_variance, turn, _, kinds = found
    upright = np.eye(3)
    upright[:2, :2] = matrix[:, :2].T * square.side / CROP
    shares = np.exp(kinds - kinds.max())
    return ShapeReading(
        shape[:, :MODES],
        np.exp(log_variance[:, :MODES] / 2),
        np.clip(shape[:, MODES:], 0, 1),
        upright @ FACING @ Rotation.from_rotvec(turn).as_matrix(),
        shares / shares.sum(),
    )
