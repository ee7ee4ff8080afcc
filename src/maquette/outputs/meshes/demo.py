"""The demo of a head: three seconds in which it blinks, smiles and speaks, as an animation of its morph targets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maquette.outputs.meshes.gltf import Builder

NAME = "demo"
SECONDS, RATE = 3.0, 20  # pictures a second: the quickest move, a lid's way down, takes two of them
NEUTRAL = (0.0, 0.2), (2.8, 3.0)  # seconds in which the photo's expression goes, and comes back
BOTH = ("", "Left", "Right")
# Unit, without its side: seconds and weights between which it moves smoothly.
SCORE: dict[str, tuple[tuple[float, float], ...]] = {
    "eyeBlink": ((0.30, 0), (0.40, 1), (0.45, 1), (0.60, 0), (2.30, 0), (2.40, 1), (2.45, 1), (2.60, 0)),
    "mouthSmile": ((0.60, 0), (0.90, 0.8), (1.30, 0.8), (1.60, 0)),
    "cheekSquint": ((0.65, 0), (0.95, 0.5), (1.30, 0.5), (1.55, 0)),
    "eyeSquint": ((0.65, 0), (0.95, 0.3), (1.30, 0.3), (1.55, 0)),
    "earsBack": ((0.70, 0), (0.95, 0.9), (1.25, 0.9), (1.55, 0)),
    "browInnerUp": ((1.60, 0), (1.80, 0.3), (2.40, 0.2), (2.70, 0)),
    # "a", "o", "m", "e"
    "jawOpen": ((1.60, 0), (1.75, 0.55), (1.90, 0.30), (2.05, 0.25), (2.20, 0.03), (2.40, 0.25), (2.70, 0)),
    "mouthFunnel": ((1.80, 0), (2.00, 0.6), (2.20, 0)),
    "mouthPucker": ((1.85, 0), (2.05, 0.3), (2.20, 0)),
    "mouthPress": ((2.10, 0), (2.20, 0.4), (2.30, 0)),
    "mouthStretch": ((2.25, 0), (2.40, 0.35), (2.70, 0)),
    "mouthLowerDown": ((1.60, 0), (1.75, 0.3), (1.90, 0), (2.25, 0), (2.40, 0.3), (2.70, 0)),
    "mouthUpperUp": ((1.60, 0), (1.75, 0.2), (1.90, 0), (2.25, 0), (2.40, 0.2), (2.70, 0)),
}


def score(names: Sequence[str], rest: NDArray) -> tuple[NDArray, NDArray]:
    """The demo for a head's units.

    It begins and ends with the weights `rest`, so that a program which shows an animation's first picture shows the
    photo's expression.

    Args:
        names: E units.
        rest: (E,) their weights in the photo.

    Returns:
        times: (T,) float32 seconds, from 0.
        weights: (T, E) float32.
    """
    times = np.arange(round(SECONDS * RATE) + 1) / RATE
    (_, gone), (back, _) = NEUTRAL
    weights = np.outer(1 - _smooth(times, ((0.0, 0), (gone, 1), (back, 1), (SECONDS, 0))), rest)
    for unit, keys in SCORE.items():
        for side in BOTH:
            if unit + side in names:
                weights[:, list(names).index(unit + side)] += _smooth(times, keys)
    return times.astype(np.float32), weights.astype(np.float32)


def _smooth(times: NDArray, keys: Sequence[tuple[float, float]]) -> NDArray:
    """(T,) values between keys (seconds, value), at rest at each of them."""
    at, values = np.transpose(keys)
    place = np.interp(times, at, np.arange(len(at)))
    low = np.minimum(place.astype(int), len(at) - 2)
    share = place - low
    found: NDArray = values[low] + share**2 * (3 - 2 * share) * (values[low + 1] - values[low])
    return found


def demo(builder: Builder, nodes: Sequence[dict], meshes: Sequence[dict], names: Sequence[str], rest: NDArray) -> dict:
    """The glTF animation: one track of weights for all nodes whose mesh has morph targets."""
    times, weights = score(names, rest)
    moved = [k for k, node in enumerate(nodes) if "mesh" in node and "weights" in meshes[node["mesh"]]]
    sampler = {
        "input": builder.dense(times, None),
        "output": builder.dense(weights.ravel(), None),
        "interpolation": "LINEAR",
    }
    channels = [{"sampler": 0, "target": {"node": node, "path": "weights"}} for node in moved]
    return {"name": NAME, "channels": channels, "samplers": [sampler]}
