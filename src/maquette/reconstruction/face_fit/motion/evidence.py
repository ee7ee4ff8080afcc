"""What one frame of a clip says of a face, as one row of numbers: all that the motion network sees of it.

Everything is of that frame and of the head that is known, so that a stream can be read as it comes. Landmarks stand in
the axes of the head's own tilt, less where the head without expression has them, in units of the eyes' distance: turned
crops and moving cameras leave them where they are, which aligns the frames before anything is learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.perception.faces import topology
from maquette.perception.models.results import BLENDSHAPES
from maquette.reconstruction.face_fit.blinks import openings
from maquette.reconstruction.face_fit.state import FaceView
from maquette.reconstruction.face_fit.terms.landmarks import LandmarkTerm

UNITS = 52
PLACES = tuple(
    sorted(
        {
            *topology.LIPS,
            *topology.MOUTH_OPENING,
            *topology.LEFT_EYE,
            *topology.RIGHT_EYE,
            *topology.LEFT_BROW,
            *topology.RIGHT_BROW,
            topology.LEFT_IRIS[0],
            topology.RIGHT_IRIS[0],
            *topology.LEFT_CHEEK,
            *topology.RIGHT_CHEEK,
            *topology.NOSE,
            *topology.IBUG68[:17],
        }
    )
)  # fmt: skip  landmarks that are seen
FACTS = 12
# Groups of numbers in a row, in order, and how many each has. "marks" are of the better landmarks, "read" of the
# network that reads the face alone.
GROUPS: Mapping[str, int] = {
    "fitted": UNITS,
    "scores": UNITS,
    "network": UNITS,
    "opening": 2,
    "gaze": 4,
    "facts": FACTS,
    "marks": 2 * len(PLACES),
    "read": 2 * len(PLACES),
}
WIDTH = sum(GROUPS.values())
MARK_GAIN, OPENING_GAIN, GAZE_GAIN, SIGMA_GAIN = 8.0, 4.0, 4.0, 30.0  # bring values to about 1
FARTHEST = 4.0  # values are kept within


def group(name: str) -> slice:
    """Where the numbers of a group are in a row."""
    start = 0
    for other, width in GROUPS.items():
        if other == name:
            return slice(start, start + width)
        start += width
    raise KeyError(name)


def evidence_of(term: LandmarkTerm, view: FaceView, gaze: NDArray, trust: float, observation: Observation) -> NDArray:
    """(WIDTH,) float32 of one frame.

    Args:
        term: of a known identity: its basis is the expression's alone.
        view: as it was fitted. gaze: (2, 2) radians. trust: 0-1, how well the fit agrees with what is seen.
    """
    reading = observation.reading
    row = np.zeros(WIDTH, np.float32)
    row[group("fitted")] = view.expression
    if observation.expression_scores is not None:
        order, shown = _scores(term.names)
        row[group("scores")][shown] = observation.expression_scores[order]
    neutral = view.pixels(term.mean)
    unit = view.unit()
    yaw, pitch, roll = view.yaw_pitch_roll()
    row[group("gaze")] = GAZE_GAIN * gaze.ravel()
    row[group("marks")] = _moved(observation.landmarks, neutral, unit, roll)
    alone = reading is None or reading.alone
    if not alone:
        row[group("opening")] = OPENING_GAIN * openings(observation.landmarks)
    if reading is not None:
        row[group("network")] = reading.expression
        row[group("read")] = _moved(reading.landmarks, neutral, unit, roll)
    sigma = 0.0 if reading is None else float(reading.sigma.mean()) / unit
    seen = observation.landmark_confidence
    row[group("facts")] = [
        np.sin(yaw), np.sin(pitch), np.sin(roll), abs(np.sin(yaw)), np.log(unit / 40), 5 * view.nearness(),
        float(alone), SIGMA_GAIN * sigma, trust,
        *(float(seen[list(part)].mean()) for part in (topology.LEFT_EYE, topology.RIGHT_EYE, topology.LIPS)),
    ]  # fmt: skip
    return np.clip(row, -FARTHEST, FARTHEST)


def _moved(seen: NDArray, neutral: NDArray, unit: float, roll: float) -> NDArray:
    """(2 P,) how far landmarks are from where the head without expression has them, upright."""
    places = list(PLACES)
    away = (seen[places, :2] - neutral[places]) / unit
    cos, sin = np.cos(roll), np.sin(roll)
    upright: NDArray = MARK_GAIN * away @ np.array([[cos, -sin], [sin, cos]])
    return upright.ravel()


@cache
def _scores(names: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Places of the detector's scores that the head has units for, and of those units."""
    shown = [k for k, name in enumerate(names) if name in BLENDSHAPES]
    return [BLENDSHAPES.index(names[k]) for k in shown], shown


@cache
def mirror(names: tuple[str, ...]) -> tuple[NDArray, NDArray]:
    """Where the numbers of a row stand in a mirrored clip, (WIDTH,) int, and their signs, (WIDTH,) float32.

    Args:
        names: of the units.
    """
    units = np.array(mirrored_units(names))
    across = topology.mirror()
    place = {mark: k for k, mark in enumerate(PLACES)}
    marks = [2 * place[int(across[mark])] + axis for mark in PLACES for axis in (0, 1)]
    signs = np.tile([-1.0, 1.0], len(PLACES))
    order = {
        "fitted": units, "scores": units, "network": units, "opening": [1, 0], "gaze": [2, 3, 0, 1],
        "facts": [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 9, 11], "marks": marks, "read": marks,
    }  # fmt: skip
    turned = {"gaze": [-1, 1, -1, 1], "facts": [-1, 1, -1, *[1] * 9], "marks": signs, "read": signs}
    places = np.concatenate([np.asarray(order[name]) + group(name).start for name in GROUPS])
    return places, np.concatenate([turned.get(name, np.ones(n)) for name, n in GROUPS.items()]).astype(np.float32)


def mirrored_units(names: Sequence[str]) -> list[int]:
    """Place of the unit on the other side for each unit."""
    other = {"Left": "Right", "Right": "Left"}
    found = []
    for name in names:
        ending = next((end for end in other if name.endswith(end)), None)
        twin = name if ending is None else name.removesuffix(ending) + other[ending]
        found.append(list(names).index(twin))
    return found
