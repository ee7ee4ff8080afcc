"""Which of several photos to believe where: one is preferred, and what only one other shows must fit the rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maquette.geometry.mesh import adjacency
from maquette.texturing.images import smoothstep

PREFERENCE = 3.0  # how much more the preferred photo counts than another that shows a point as squarely
ALIKE = 38.0  # 8-bit levels between colours of one thing in two photos
FEATHER = 2  # edges of the mesh over which a photo fades out


def priorities(sharp: Sequence[float], facing: Sequence[NDArray | None], toward: NDArray, share: NDArray) -> NDArray:
    """(N, V) how much each photo counts: the first is preferred on the body, the best view of the face on the head.

    Args:
        sharp: how much detail each photo shows, any unit.
        facing: (3,) unit per photo, where the head looks in it, world; None: not known.
        toward: (N, 3) unit, from the subject to each camera. share: (V,) 0-1, how far a vertex belongs to the head.
    """
    count = len(sharp)
    body = np.ones(count)
    body[0] = PREFERENCE
    frontal = [0.0 if ahead is None else max(float(ahead @ view), 0.0) for ahead, view in zip(facing, toward)]
    worth = np.array(frontal) ** 2 * np.array(sharp)
    face = np.where(np.arange(count) == (worth.argmax() if worth.max() > 0 else 0), PREFERENCE, 1.0)
    return body[:, None] + share * (face - body)[:, None]


def agreement(colours: NDArray, trust: NDArray, expected: NDArray) -> NDArray:
    """(N, V) 0-1: how far each photo's colours are believed.

    The first photo always is. Another one is where it shows what the first lets expect, or what a third one shows too:
    bodies that are fitted a hand's breadth off put arms onto hips, each frame somewhere else.

    Args:
        colours: (N, V, 3) 8-bit. trust: (N, V) 0-1.
        expected: (V, 3) the colours that the first photo alone gives, continued.
    """
    out = np.exp(-((colours - expected) ** 2).sum(axis=2) / (2 * ALIKE**2))
    for k in range(1, len(colours)):
        others = [j for j in range(1, len(colours)) if j != k]
        for j in others:
            out[k] += trust[j] * np.exp(-((colours[k] - colours[j]) ** 2).sum(axis=1) / (2 * ALIKE**2))
    out[0] = 1
    return smoothstep(out, 0.25, 0.75).astype(np.float32)


def feather(trust: NDArray, faces: NDArray) -> NDArray:
    """(V,) float32 0-1: 1 within what is seen, falling to 0 at its rim over a few edges of the mesh.

    At the rim of an outline the photo has the light from behind and the background's glow.
    """
    links = adjacency(faces, len(trust))
    count = np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1)
    soft = np.asarray(trust, float)
    for _ in range(FEATHER):
        soft = (soft + links @ soft / count) / 2
    return smoothstep(soft, 0.35, 0.9).astype(np.float32)
