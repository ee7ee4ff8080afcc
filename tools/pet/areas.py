"""Soft masks of the head's regions, on the left half."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.synthesis.animals.head_field import mouth_corner, mouth_height, parts
from maquette.synthesis.animals.head_shape import AnimalShape
from pet.heads import EAR_ROWS, HeadTemplate
from pet.movements import step
from pet.places import ACROSS, EAR, RIM


def areas(template: HeadTemplate, half: NDArray, shape: AnimalShape) -> dict[str, NDArray]:
    """Name -> (count,) in 0-1, zero on eyes, mouth, tongue and teeth."""
    skin, blocks = template.skin, template.blocks
    count = len(half)
    plain = np.zeros(count)
    plain[: blocks["eye"].start] = 1
    ears, inner, lids = np.zeros(count), np.zeros(count), np.zeros(count)
    rows = blocks["ear"].start + np.arange(EAR * EAR_ROWS).reshape(EAR_ROWS, EAR)
    ears[rows], ears[skin.root] = 1, 0.5
    inner[rows[:, ACROSS:]] = step(np.arange(1, EAR_ROWS + 1) / EAR_ROWS, 0.0, 0.2)[:, None]
    for ring, share in zip((skin.rim, *skin.lids), (1, 0.85, 0.4, 0.1)):
        lids[ring] = share
    pocket = blocks["pocket"]
    lids[pocket.start : pocket.start + RIM] = 1
    lids[pocket.start + RIM : pocket.start + pocket.count] = 1
    found = parts(half.astype(np.float32), shape)
    nose = plain * step(found.skin - found.nose, -0.015, 0.035) * (half[:, 2] > shape.nose_z - 1.2 * shape.nose_width)
    x, y, z = half.T
    corner = mouth_corner(shape)
    snout = step(z, corner[2] - 0.25, corner[2] + 0.15) * step(-y, -shape.nose_y - 0.42, -shape.nose_y - 0.1)
    snout = snout * (1 - step(x, 1.0 * corner[0], 1.6 * corner[0])) * plain * (1 - ears)
    below = step(mouth_height(half.astype(np.float32), shape) - y, -0.01, 0.06)
    chin = snout * below
    face = plain * (1 - ears) * step(z, -0.95, -0.35) * step(y, -1.5, -1.1)
    neck = plain * (1 - ears) * step(-y, 0.9, 1.5) * (1 - snout)
    mane = plain * (1 - ears) * step(-z, 0.45, 0.95) * (1 - snout)
    front = (1 - step(np.linalg.norm((half - [0, 0.1, -0.1]) / [0.9, 0.7, 0.8], axis=1), 0.5, 1.2)) * plain
    length = plain * (0.45 + 0.3 * mane + 0.25 * neck) * (1 - 0.75 * snout) * (1 - 0.55 * front)
    length = np.where(ears > 0.6, 0.25, length) * (1 - nose) * (1 - lids) * (1 - inner)
    found_areas = {
        "face": face,
        "ears": ears,
        "ear_inner": inner,
        "nose_pad": nose,
        "muzzle": snout * (1 - nose),
        "chin": chin,
        "eyelids": lids,
        "neck": neck,
        "mane": mane,
        "fur_length": length,
    }
    return {name: np.clip(values, 0, 1).astype(np.float32) for name, values in found_areas.items()}
