"""Where both eyes look: the place of each iris between the corners of its eye, as the turn of the eyeball behind it.

The fit's prior takes small moves of the irises for noise, as in a photo it should; here they are read as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maquette.core.motion import SIDES
from maquette.core.types import Observation
from maquette.perception.faces import topology
from maquette.perception.models.results import BLENDSHAPES
from maquette.reconstruction.face_fit.state import FaceView, project_points
from maquette.reconstruction.face_fit.terms.landmarks import LandmarkTerm

# The turn of an eyeball at weight 1 of the units that look; a test holds them to the model.
LOOK_RAD = {"In": np.radians(15.0), "Out": np.radians(15.0), "Up": np.radians(10.0), "Down": np.radians(11.0)}
IRIS = {"Left": topology.LEFT_IRIS, "Right": topology.RIGHT_IRIS}
CORNERS = {"Left": topology.LEFT_EYE_CORNERS, "Right": topology.RIGHT_EYE_CORNERS}
TOGETHER = 0.35  # share of what the eyes differ by that is kept: they look at one thing
FARTHEST = np.radians([38.0, 28.0])  # yaw and pitch that eyes turn
ERROR = 0.5  # how far an iris is misplaced, over how far it moves with the usual spread of gazes


def read_gaze(term: LandmarkTerm, view: FaceView, observation: Observation) -> NDArray:
    """(2, 2) radians: yaw to the subject's left and pitch up of the left and the right eye, relative to the head.

    Args:
        term: of a known identity: its basis is the expression's alone.
        view: as it was fitted.
    """
    names = list(term.names)
    still = view.expression.copy()
    still[[k for k, name in enumerate(names) if name.startswith("eyeLook")]] = 0
    placed = (term.mean + term.basis @ still) @ view.rotation.T + view.translation
    predicted = project_points(view, placed, term.basis)
    off = term.unbiased(view, observation) - predicted.value
    found, trust = [], []
    for side in SIDES:
        iris, corners = list(IRIS[side]), list(CORNERS[side])
        moved = off[iris].mean(axis=0) - off[corners].mean(axis=0)
        slopes = predicted.by_shape[iris].mean(axis=0) - predicted.by_shape[corners].mean(axis=0)
        outwards, up = 1.0, 1.0
        for _ in range(2):  # the skin around an eye follows it differently to each side
            jacobian = np.column_stack(
                [slopes @ _unit(names, side, outwards, 0.0), slopes @ _unit(names, side, 0.0, up)]
            )
            ridge = (ERROR * np.linalg.norm(jacobian)) ** 2 / 4
            turn = np.linalg.solve(jacobian.T @ jacobian + ridge * np.eye(2), jacobian.T @ moved)
            outwards, up = turn
        found.append(turn * [1 if side == "Left" else -1, 1])
        width = float(np.linalg.norm(np.subtract(*predicted.value[corners])))
        trust.append(width * float(observation.landmark_confidence[iris].mean()) + 1e-6)
    turns, weight = np.array(found), np.array(trust) / sum(trust)
    weight = np.where(weight < 0.25, 0.02, weight)
    mean = weight @ turns / weight.sum()
    both: NDArray = mean + TOGETHER * 4 * np.prod(weight / weight.sum()) * (turns - mean)
    return np.clip(both, -FARTHEST, FARTHEST)


def centred(gaze: NDArray, scores: NDArray) -> NDArray:
    """(N, 2, 2) the gaze about the place where the detector's scores have it on the whole.

    How far an iris moves is seen well; where straight ahead is depends on the eyeball's place behind the lids, which
    the head's shape knows to a few degrees only.

    Args:
        scores: (N, 52), see `Observation.expression_scores`.
    """
    found = []
    for side, sign in (("Left", 1), ("Right", -1)):
        turns = {unit: scores[:, BLENDSHAPES.index(f"eyeLook{unit}{side}")] * rad for unit, rad in LOOK_RAD.items()}
        found.append(np.stack([sign * (turns["Out"] - turns["In"]), turns["Up"] - turns["Down"]], axis=1))
    usual = np.median(np.stack(found, axis=1), axis=0)
    moved: NDArray = gaze + usual - np.median(gaze, axis=0)
    return moved


def _unit(names: Sequence[str], side: str, outwards: float, up: float) -> NDArray:
    """(E,) weights per radian of a turn to that side: of the unit that looks there, negative for the opposite turn."""
    weights = np.zeros(len(names))
    if outwards:
        unit = "Out" if outwards > 0 else "In"
        weights[list(names).index(f"eyeLook{unit}{side}")] = np.sign(outwards) / LOOK_RAD[unit]
    if up:
        unit = "Up" if up > 0 else "Down"
        weights[list(names).index(f"eyeLook{unit}{side}")] = np.sign(up) / LOOK_RAD[unit]
    return weights


def looked(expression: NDArray, gaze: NDArray, names: Sequence[str]) -> NDArray:
    """(N, E) weights with those of the units that look as the (N, 2, 2) gaze wants them, 0-1."""
    kept = np.array(expression, float)
    for k, side in enumerate(SIDES):
        outwards = gaze[:, k, 0] * (1 if side == "Left" else -1)
        for unit, turn in (("Out", outwards), ("In", -outwards), ("Up", gaze[:, k, 1]), ("Down", -gaze[:, k, 1])):
            kept[:, list(names).index(f"eyeLook{unit}{side}")] = np.clip(turn / LOOK_RAD[unit], 0, 1)
    return kept
