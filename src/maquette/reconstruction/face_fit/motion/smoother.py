"""The motion network as a smoother of a whole clip."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maquette import morphable
from maquette.core.motion import HeadMotion
from maquette.core.threads import computing
from maquette.reconstruction.face_fit.in_motion import with_eyes
from maquette.reconstruction.face_fit.method import HEAD
from maquette.reconstruction.face_fit.motion.held import held
from maquette.reconstruction.face_fit.smoothing import Smoother, pieces, tuned
from maquette.reconstruction.face_fit.state import INTERPUPILLARY_M
from maquette.weights.store import fetch
from maquette.weights.tensors import filled, opened

if TYPE_CHECKING:
    from maquette.reconstruction.face_fit.motion.network import MotionNet

NAME = "face-motion"


@lru_cache(maxsize=1)
def load_motion() -> MotionNet:
    """The shipped network.

    Raises:
        WeightsMissing: its file is not in the package. BadInput: it is damaged.
    """
    from maquette.reconstruction.face_fit.motion.network import MotionNet

    with opened(fetch(NAME), "the motion network's weights", "reinstall maquette") as file:
        width = int(json.loads(file.metadata()["facts"])["width"])
        return filled(lambda: MotionNet(width), file)


def learned(network: MotionNet, seconds: float = 0.0, reach: int = -1) -> Smoother:
    """The smoother that a network is: each piece of a clip as a whole, or as a stream would have it.

    Args:
        seconds: of the smoothing of what the network says, see `tuned`. A stream wants none, and is not `held` either.
        reach: see `MotionNet.forward`.
    """

    def smooth(motion: HeadMotion, shots: NDArray) -> HeadMotion:
        if motion.evidence is None:
            raise ValueError("HeadMotion.evidence: wanted that of `follow_head`, got None")
        parts = [read(network, motion.evidence[p], motion.times[p], reach) for p in pieces(motion.times, shots)]
        expression, gaze, pose = (np.concatenate(column) for column in zip(*parts))
        unseen = np.full_like(motion.opening, np.nan)  # the lids are in the weights already
        found = replace(moved(motion, pose), expression=expression, gaze=gaze, opening=unseen)
        even = tuned(seconds)(found, shots)
        if reach >= 0:
            return even
        names = morphable.load(HEAD, fetch).expression_names
        return held(even, with_eyes(tuned(seconds)(motion, shots), names))

    return smooth


@computing("face motion")
def read(network: MotionNet, evidence: NDArray, times: NDArray, reach: int = -1) -> tuple[NDArray, NDArray, NDArray]:
    """What a network says of one piece of a clip, (N, WIDTH) evidence at (N,) seconds.

    Returns:
        (N, 52) weights in 0-1, (N, 2, 2) gaze and (N, 6) correction of the pose, see `network.said`.
    """
    import torch

    from maquette.reconstruction.face_fit.motion.network import said

    rows = torch.from_numpy(np.ascontiguousarray(evidence, np.float32))[None]
    steps = torch.from_numpy(np.diff(times, prepend=times[:1]).astype(np.float32))[None]
    with torch.inference_mode():
        seen = torch.ones_like(steps)
        output = network(rows, steps, seen, reach)
        weights, gaze, pose, _ = (value[0].double().numpy() for value in said(output, rows, seen, reach))
    return np.clip(weights, 0, 1), gaze.reshape(-1, 2, 2), pose


def moved(motion: HeadMotion, pose: NDArray) -> HeadMotion:
    """The motion with its poses corrected by (N, 6), see `network.said`."""
    from scipy.spatial.transform import Rotation

    turns = Rotation.from_rotvec(pose[:, :3]) * Rotation.from_quat(motion.rotations[:, [1, 2, 3, 0]])
    wxyz = turns.as_quat()[:, [3, 0, 1, 2]]
    wxyz *= np.where(np.sum(wxyz * motion.rotations, axis=1, keepdims=True) < 0, -1.0, 1.0)
    away = -motion.translation[:, 2:]
    aside = motion.translation[:, :2] / away + pose[:, 3:5] * INTERPUPILLARY_M / away
    far = away * np.exp(pose[:, 5:])
    return replace(motion, rotations=wxyz, translation=np.concatenate([aside * far, -far], axis=1))
