"""Reads one face: our network on crops placed by the landmarks, averaged."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.device import usable_device
from maquette.core.threads import computing
from maquette.core.types import Reading
from maquette.perception.affine import apply, scale_of
from maquette.perception.faces.regressor import align
from maquette.perception.faces.regressor.align import CropJitter
from maquette.perception.square import Square
from maquette.weights.store import fetch
from maquette.weights.tensors import filled, opened

if TYPE_CHECKING:
    from maquette.perception.faces.regressor.network import FaceRegressor

NAME = "face-regressor"
# Averaged crops. Two scatter less than one; more hardly help.
JITTERS = (CropJitter(), CropJitter(0.015, -0.015, 0.04, 0.05))
_in_use = threading.Lock()


@lru_cache(maxsize=2)
def load_regressor(device: str = "cpu") -> FaceRegressor:
    """The shipped network in float32, on a device.

    Raises:
        WeightsMissing: its file is not in the package, or not the one that the zoo describes. BadInput: it is damaged.
    """
    import json

    from maquette.perception.faces.regressor.network import FaceRegressor

    with opened(fetch(NAME), "the face network's weights", "reinstall maquette") as file:
        facts = json.loads(file.metadata()["facts"])
        widths = tuple(int(width) for width in facts["widths"].split(","))
        network = filled(lambda: FaceRegressor(widths, hidden=int(facts.get("hidden", "288"))), file)
        network.edition = int(facts.get("edition", "1"))
    return network.to(device)


def read(pixels: NDArray, face: Square, settle: int = 0, device: str = "cpu") -> Reading:
    """Read the face in a square.

    Args:
        pixels: (H, W, 3) uint8.
        face: the square just around it, roughly, pixels; see `align.face_square`.
        settle: how often the crop is first placed anew by the network's own landmarks.
        device: where the network runs: auto, cpu, cuda or mps.

    Returns:
        The reading, in the same pixels.
    """
    for _ in range(settle):
        face = align.face_square(_read_once(pixels, face, JITTERS[:1], device).landmarks)
    return _read_once(pixels, face, JITTERS, device)


def _read_once(pixels: NDArray, face: Square, jitters: tuple[CropJitter, ...], device: str) -> Reading:
    import torch

    from maquette.perception.faces.regressor.network import SIDE, normalise

    matrices = [align.to_crop(face, SIDE, jitter) for jitter in jitters]
    crops = np.stack([align.cut(pixels, matrix, SIDE) for matrix in matrices]).transpose(0, 3, 1, 2)
    where = usable_device(device)
    network = load_regressor(where)
    with _in_use, computing("face regressor"), torch.inference_mode():
        found = network(normalise(torch.from_numpy(np.ascontiguousarray(crops)).float().to(where)))
        values = {name: value.cpu().double().numpy() for name, value in vars(found).items()}
    placed, per_pixel = [], []
    for points, matrix in zip(values["landmarks"], matrices):
        back = cv2.invertAffineTransform(matrix)
        scale = SIDE * scale_of(back)
        placed.append(np.column_stack([apply(back, points[:, :2] * SIDE), points[:, 2] * scale]))
        per_pixel.append(scale)

    def spread(name: str) -> NDArray:
        return np.exp(values[name]).mean(axis=0)

    return Reading(
        landmarks=np.mean(placed, axis=0),
        sigma=np.mean([np.exp(s) * k for s, k in zip(values["log_sigma"], per_pixel)], axis=0),
        identity=values["identity"].mean(axis=0),
        identity_sigma=spread("identity_log_sigma"),
        expression=values["expression"].mean(axis=0),
        expression_sigma=spread("expression_log_sigma"),
        presence=float(1 / (1 + np.exp(-values["presence"].mean()))),
        edition=network.edition,
    )
