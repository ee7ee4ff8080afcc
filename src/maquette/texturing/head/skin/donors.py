"""What skin that no photo shows looks like: redder ears, the nose's tip, from MakeHuman's CC0 skins.

They say only how a spot differs from the face's middle; the person's tone, and what the photo shows nearby, are the
photo's. The skins whose own tone is nearest are mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maquette.texturing.head.layers import Layers
from maquette.texturing.head.tones import lab_of
from maquette.texturing.images import enlarged
from maquette.weights.store import fetch
from maquette.weights.tensors import opened

HEAD = "maquette-head"  # the model in whose chart they lie
NEAR = 12.0  # 8-bit Lab: how much farther than the nearest a tone may be and still count
LIPS = np.log(np.array([182.0, 120.0, 108.0]) / [196.0, 158.0, 136.0])  # usual ones beside usual skin
GREY, COLOURED = 0.05, 0.25  # spread of the channels over their mean: of a grey photo's skin, and a coloured one's


@dataclass(frozen=True, eq=False)
class Skins:
    """The skins that ship, D of them.

    Attributes:
        tints: (D, h, w) of 3, int8: logarithm of the ratio to the face's middle, in units of 1 / steps, left half.
        tones: (D, 3) float32 Lab of `lab_of`: that middle.
        steps: per unit of the natural logarithm of 8-bit sRGB.
    """

    tints: NDArray
    tones: NDArray
    steps: float


@lru_cache(maxsize=1)
def skins() -> Skins:
    """The skins that ship."""
    with opened(fetch("skins"), "skins", "reinstall maquette", "numpy") as file:
        tones = lab_of(np.asarray(file.get_tensor("tones"))[None])[0]
        return Skins(np.asarray(file.get_tensor("tints")), tones, float(file.metadata()["steps"]))


def shares(tone: NDArray, tones: NDArray) -> NDArray:
    """(D,) float32, sum 1: how much each skin counts for a tone (3,); tones: (D, 3), all Lab."""
    far = np.linalg.norm(tones - tone, axis=1)
    weight = np.exp(-0.5 * ((far - far.min()) / NEAR) ** 2)
    return (weight / weight.sum()).astype(np.float32)


def tint_of(skin: NDArray, layers: Layers) -> NDArray:
    """(h, w, 3) float32 factors in the chart `layers.skin`, near 1: a skin that is not one colour all over.

    Args:
        skin: (3,) 8-bit sRGB, the person's.
        layers: of the model; of others than ours only the lips differ.
    """
    lips = layers.zones["lips"][..., None]
    logarithm = lips * LIPS
    if layers.model.name == HEAD:
        known = skins()
        weight = shares(lab_of(np.reshape(skin, (1, 1, 3)))[0, 0], known.tones)
        used = np.flatnonzero(weight > 0.01)
        half = np.tensordot(weight[used], known.tints[used].astype(np.float32), 1) / known.steps
        whole = np.concatenate([half, half[:, ::-1]], axis=1)
        size = layers.skin.size
        rows = np.pad(whole, ((0, whole.shape[1] - len(whole)), (0, 0), (0, 0)), mode="edge")
        logarithm = logarithm + (1 - lips) * enlarged(rows, (size, size))[: layers.ambient.shape[0]]
    spread = np.ptp(skin) / max(float(np.mean(skin)), 1.0)
    colour = np.clip((spread - GREY) / (COLOURED - GREY), 0, 1)
    grey = logarithm.mean(axis=2, keepdims=True)
    found: NDArray = np.exp(grey + colour * (logarithm - grey)).astype(np.float32)
    return found
