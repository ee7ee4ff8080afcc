"""What a network says of lips, lids and frowns, held to what is seen of them.

On rendered faces the detector's landmarks part a wide mouth too little, and a network learns to part it further; on
photographs they part it as it is. So the units are the network's, and how far apart the lips are is the fit's; and a
lid that is seen to be shut is shut. On photographs it also adds a frown and a wrinkled nose that never end, where the
fit sees none: of these, what comes and goes is the network's, and the level of the clip's resting frames is the fit's.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from maquette import morphable
from maquette.core.motion import SIDES, HeadMotion
from maquette.reconstruction.face_fit.in_motion import INNER_LIPS
from maquette.reconstruction.face_fit.method import HEAD
from maquette.weights.store import fetch

FROWNS = ("browDown", "noseSneer")  # 0.28 and 0.21 too much over a clip of a real face
RESTING = 0.3  # quantile of a weight over a clip: what resting frames have


@cache
def parting() -> NDArray:
    """(52, 3, 3) millimetres by which each unit moves the lower inner lip from the upper one, in three places."""
    model = morphable.load(HEAD, fetch)
    embedding = model.embeddings["mediapipe478"]
    corners = model.expression_basis[:, model.faces[embedding.faces]]
    points = np.einsum("nk,enkd->end", embedding.barycentric, corners)
    upper, lower = (list(side) for side in INNER_LIPS)
    return np.asarray(1000 * (points[:, lower] - points[:, upper]))


def held(said: HeadMotion, seen: HeadMotion) -> HeadMotion:
    """The motion that a network says with the jaw opened or shut until the lips are as far apart as they are seen, lids
    at least as shut, and frowns no deeper in resting frames.

    Args:
        said: of the network. seen: of the same frames, as they were fitted.
    """
    names = list(morphable.load(HEAD, fetch).expression_names)
    jaw, lids = names.index("jawOpen"), [names.index(f"eyeBlink{side}") for side in SIDES]
    along = parting()[jaw].ravel()
    opening = parting().reshape(len(names), -1) @ along / (along @ along)  # of each unit, in those of the jaw
    weights = said.expression.copy()
    weights[:, jaw] = np.clip(weights[:, jaw] + (seen.expression - weights) @ opening, 0, 1)
    weights[:, lids] = np.maximum(weights[:, lids], seen.expression[:, lids])
    frowns = [names.index(f"{unit}{side}") for unit in FROWNS for side in SIDES]
    level, fitted = (np.quantile(part[:, frowns], RESTING, axis=0) for part in (weights, seen.expression))
    weights[:, frowns] = np.maximum(weights[:, frowns] - np.maximum(level - fitted, 0), 0)
    return replace(said, expression=weights)
