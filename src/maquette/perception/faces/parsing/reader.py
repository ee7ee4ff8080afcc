"""Says what each pixel of a head shows: our network on one upright crop and its mirror image, averaged."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.device import usable_device
from maquette.core.threads import computing
from maquette.perception.affine import apply, for_cv2
from maquette.perception.faces.parsing.frame import SIDE, head_square
from maquette.perception.faces.regressor.align import cut
from maquette.weights.store import fetch
from maquette.weights.tensors import filled, opened

if TYPE_CHECKING:
    from maquette.perception.faces.parsing.network import HeadParser

NAME = "head-parser"
_in_use = threading.Lock()


@lru_cache(maxsize=2)
def load_parser(device: str = "cpu") -> HeadParser:
    """The shipped network in float32, on a device.

    Raises:
        WeightsMissing: its file is not in the package, or not the one that the zoo describes. BadInput: it is damaged.
    """
    from maquette.perception.faces.parsing.network import HeadParser

    with opened(fetch(NAME), "the head parser's weights", "reinstall maquette") as file:
        return filled(HeadParser, file).to(device)


def parse(pixels: NDArray, landmarks: NDArray, mask: NDArray, device: str = "cpu") -> tuple[NDArray, NDArray]:
    """What an upright crop around a head shows.

    Args:
        pixels: (H, W, 3) uint8.
        landmarks: (478, 2+) of the head's face, pixels.
        mask: (H, W) float32 in 0-1: the person.
        device: where the network runs: auto, cpu, cuda or mps.

    Returns:
        shares: (7, 128, 128) float32 in 0-1, the parts in the order of `network.Area`; each pixel's sum to 1.
        matrix: (2, 3) from the pixels of the picture to those of `shares`.
    """
    import torch

    from maquette.perception.faces.parsing.network import drawn_face, network_input

    matrix = head_square(landmarks).to_crop(SIDE)
    crop = cut(pixels, matrix, SIDE)
    person = cv2.warpAffine(
        mask, for_cv2(matrix), (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    face = drawn_face(apply(matrix, np.asarray(landmarks, float)[:, :2]), SIDE)
    where = usable_device(device)
    network = load_parser(where)
    pair = network_input(
        *(
            torch.from_numpy(np.stack([whole, whole[..., ::-1]])).to(where)
            for whole in (crop.transpose(2, 0, 1), np.round(255 * person).astype(np.uint8), face)
        )
    )
    with _in_use, computing("head parser"), torch.inference_mode():
        straight, mirrored = network(pair).softmax(dim=1)
        shares = ((straight + mirrored.flip(-1)) / 2).cpu().numpy()
    half = np.array(matrix)
    half *= 0.5
    return shares, half
