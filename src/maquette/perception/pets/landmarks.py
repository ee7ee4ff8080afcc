"""The landmarks of an animal's face in a photo, and what kind of animal it is."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.device import usable_device
from maquette.core.threads import computing
from maquette.perception.affine import apply
from maquette.perception.faces.regressor.align import cut
from maquette.perception.pets.features import CLASSES_OF, SIDE
from maquette.perception.pets.landmark_network import CROP
from maquette.perception.pets.reader import class_names, load_features, load_head
from maquette.perception.pets.schemes import FLIPPED
from maquette.perception.square import Square, upright_turn

ROUNDS = 2  # the first on the square given, each other on the one that the points before make
GROWN = 1.25  # side of the next square, in the points' extent
EYES, NOSE, CHIN = (slice(0, 2), slice(2, 4)), 4, 11
MIDDLE_ERROR, MIDDLE_SPREAD = 0.18, 0.20  # eye distances at which quality halves, of misfit and of spread
ALIKE = 3  # kinds of animal that are named
_in_use = threading.Lock()


@dataclass(frozen=True, eq=False)
class PetLandmarks:
    """What was read of one animal's face.

    Attributes:
        points: (20, 2) pixels of the photo: 0 right eye's outer corner, 1 inner, 2 left eye's inner, 3 outer, 4 nose,
            5 nasal root, 6 forehead, 7 right and 8 left corner of the mouth, 9 upper lip, 10 lower lip, 11 chin, 12
            right ear's outer base, 13 tip, 14 inner base, 15 left ear's inner base, 16 tip, 17 outer base, 18 right
            and 19 left cheek; right and left are the animal's own.
        sigma: (20,) pixels, standard deviation per axis.
        visible: (20,) 0-1, how likely a point is seen.
        species: shares of "cat", "dog" and "wild", which sum to 1.
        alike: the kinds of ImageNet's animals that it is most like, most likely first, with their shares.
        quality: 0-1: how sure the points are and how well they make a head; below 0.2 there hardly is a face.
        square: where they were read in the end.
    """

    points: NDArray
    sigma: NDArray
    visible: NDArray
    species: Mapping[str, float]
    alike: Mapping[str, float]
    quality: float
    square: Square


def read_landmarks(pixels: NDArray, square: Square, device: str = "cpu") -> PetLandmarks:
    """Read a face: in a square, then twice as exactly in the one that its points make.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
        square: around the face; it may be off by half the face, and up to three times as large.
        device: where the networks run: auto, cpu, cuda or mps.

    Raises:
        WeightsMissing: the networks' files are not in the package.
    """
    for number in range(ROUNDS):
        read = _read(pixels, square, device, both=number == ROUNDS - 1)
        if number < ROUNDS - 1:
            square = square_of(read[0])
    points, variance, visible = read
    sigma = np.sqrt(variance)
    shares, alike = kinds(pixels, square, device)
    quality = _quality(points, sigma, visible, np.array([shares[name] for name in CLASSES_OF]), device)
    return PetLandmarks(points, sigma, visible, shares, alike, quality, square)


def square_of(points: NDArray) -> Square:
    """The upright square around the landmarks (20, 2) of a face, with some room."""
    right, left = (points[part].mean(axis=0) for part in EYES)
    turn = upright_turn(left - right, points[CHIN] - (left + right) / 2)
    upright = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    turned = points @ upright.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    return Square((low + high) / 2 @ upright, max(GROWN * float((high - low).max()), 8.0), turn)


def _read(pixels: NDArray, square: Square, device: str, both: bool) -> tuple[NDArray, NDArray, NDArray]:
    """Points (20, 2) in pixels of the photo, their variance (20,), and seen (20,); `both`: of the mirrored crop too."""
    import torch

    matrix = square.to_crop(CROP)
    crop = cut(pixels, matrix, CROP).transpose(2, 0, 1)
    pair = torch.from_numpy(np.stack([crop, crop[..., ::-1]] if both else [crop]))
    where = usable_device(device)
    features, head = load_features(where), load_head(where)
    with _in_use, computing("pet landmarks"), torch.inference_mode():
        found = [part.float().cpu().numpy() for part in head(*features.maps(pair.to(where)))[:3]]
    places, variances, seen = found[0], np.exp(found[1]), 1 / (1 + np.exp(-found[2]))
    points, variance, shown = places[0], variances[0], seen[0]
    if both:
        order = list(FLIPPED)
        other = np.stack([1 - places[1, order, 0], places[1, order, 1]], axis=1)
        variance = (variance + variances[1, order]) / 2 + ((points - other) ** 2).mean(axis=1) / 4
        points, shown = (points + other) / 2, (shown + seen[1, order]) / 2
    inverse = np.linalg.inv(matrix[:, :2])
    placed = apply(np.column_stack([inverse, -inverse @ matrix[:, 2]]), points * CROP)
    return placed, variance * square.side**2, shown


def kinds(pixels: NDArray, square: Square, device: str = "cpu") -> tuple[dict[str, float], dict[str, float]]:
    """What kind of animal a square of a photo shows.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
        square: around the face.
        device: where the network runs: auto, cpu, cuda or mps.

    Returns:
        species: shares of "cat", "dog" and "wild", which sum to 1.
        alike: the kinds of ImageNet's animals that it is most like, most likely first, with their shares.
    """
    import torch

    crop = torch.from_numpy(np.ascontiguousarray(cut(pixels, square.to_crop(SIDE), SIDE).transpose(2, 0, 1)))[None]
    where = usable_device(device)
    features = load_features(where)
    with _in_use, computing("pet landmarks"), torch.inference_mode():
        classes = features(crop.to(where))[1][0].softmax(dim=0).cpu().numpy()
    sums = {name: float(classes[list(rows)].sum()) for name, rows in CLASSES_OF.items()}
    total = max(sum(sums.values()), 1e-9)
    best = np.argsort(-classes)[:ALIKE]
    return {name: value / total for name, value in sums.items()}, {class_names()[k]: float(classes[k]) for k in best}


def _quality(points: NDArray, sigma: NDArray, visible: NDArray, shares: NDArray, device: str) -> float:
    """How sure points are, and how well they fit a mean head seen from anywhere (affine, least squares)."""
    template = load_head(usable_device(device)).template.cpu().numpy()
    weight = np.sqrt(0.05 + visible)
    best, apart = np.inf, 1e-6
    for mean in template[shares > 0.2] if (shares > 0.2).any() else template:
        affine = np.column_stack([mean, np.ones(len(mean))])
        fitted = np.linalg.lstsq(affine * weight[:, None], points * weight[:, None], rcond=None)[0]
        scale = max(float(np.linalg.svd(fitted[:3], compute_uv=False).mean()), 1e-6)
        misfit = float(np.sqrt((weight**2 * ((affine @ fitted - points) ** 2).sum(axis=1)).sum() / (weight**2).sum()))
        if misfit / scale < best:
            best, apart = misfit / scale, scale
    spread = float(np.median(sigma)) / apart
    return float(0.5 ** (best / MIDDLE_ERROR) * 0.5 ** (spread / MIDDLE_SPREAD))
