"""Reads one face: our network on crops placed by the landmarks, averaged."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from maquette.core.types import Reading
from maquette.perception.faces.detect import apply
from maquette.perception.faces.regressor import align
from maquette.weights.store import fetch

if TYPE_CHECKING:
    from maquette.perception.faces.regressor.network import FaceRegressor

Array = np.ndarray
NAME = "face-regressor"
# Averaged crops: shift x and y, log size, turn. Two scatter less than one; more hardly help.
JITTER = ((0.0, 0.0, 0.0, 0.0), (0.015, -0.015, 0.04, 0.05))
_in_use = threading.Lock()


@lru_cache(maxsize=1)
def load_regressor() -> FaceRegressor:
    """The shipped network in float32.

    Raises:
        WeightsMissing: its file is not in the package, or not the one that the zoo describes.
    """
    import json

    from safetensors import safe_open

    from maquette.perception.faces.regressor.network import FaceRegressor

    with safe_open(fetch(NAME), framework="pt") as file:
        facts = json.loads(file.metadata()["facts"])
        tensors = {name: file.get_tensor(name).float() for name in file.keys()}
    widths = tuple(int(width) for width in facts["widths"].split(","))
    network = FaceRegressor(widths).eval()
    network.load_state_dict({k: v.to(network.state_dict()[k].dtype) for k, v in tensors.items()})
    return network


def read(pixels: Array, place: align.Place, settle: int = 0) -> Reading:
    """Read the face at a place.

    Args:
        pixels: (H, W, 3) uint8.
        place: roughly where it is, pixels.
        settle: how often the crop is first placed anew by the network's own landmarks.

    Returns:
        The reading, in the same pixels.
    """
    for _ in range(settle):
        place = align.place_of(_read_once(pixels, place, JITTER[:1]).landmarks)
    return _read_once(pixels, place, JITTER)


def _read_once(pixels: Array, place: align.Place, jitter: tuple) -> Reading:
    import torch

    from maquette.perception.faces.regressor.network import SIDE, normalise

    matrices = [place.matrix(SIDE, row) for row in jitter]
    crops = np.stack([align.cut(pixels, matrix, SIDE) for matrix in matrices]).transpose(0, 3, 1, 2)
    network = load_regressor()
    with _in_use, torch.inference_mode():
        found = network(normalise(torch.from_numpy(np.ascontiguousarray(crops)).float()))
        values = {name: value.double().numpy() for name, value in vars(found).items()}
    placed, per_pixel = [], []
    for points, matrix in zip(values["landmarks"], matrices):
        back = cv2.invertAffineTransform(matrix)
        scale = SIDE * np.sqrt(abs(np.linalg.det(back[:, :2])))
        placed.append(np.column_stack([apply(back, points[:, :2] * SIDE), points[:, 2] * scale]))
        per_pixel.append(scale)

    def spread(name: str) -> Array:
        return np.exp(values[name]).mean(axis=0)

    return Reading(
        landmarks=np.mean(placed, axis=0),
        sigma=np.mean([np.exp(s) * k for s, k in zip(values["log_sigma"], per_pixel)], axis=0),
        identity=values["identity"].mean(axis=0),
        identity_sigma=spread("identity_log_sigma"),
        expression=values["expression"].mean(axis=0),
        expression_sigma=spread("expression_log_sigma"),
        presence=float(1 / (1 + np.exp(-values["presence"].mean()))),
    )
