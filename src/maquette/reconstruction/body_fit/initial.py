"""A first pose in closed form: each limb turned onto the direction in which the detector saw it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maquette.reconstruction.body_fit.skeleton import CHAINS, TURNS, Skeleton

TO_VIEW = np.array([1.0, -1.0, -1.0])  # camera axes (x right, y down, z away) to view axes (x right, y up, z nearer)
# MediaPipe's numbers: the left side; the right one is one more.
EAR, SHOULDER, ELBOW, WRIST, INDEX, HIP, KNEE, ANKLE, TOE, NOSE = 7, 11, 13, 15, 19, 23, 25, 27, 31, 0
BENT = 0.25  # sine of the angle from which on a bent joint shows how the limb above it is twisted
FOOT_SHARE = 0.3  # weight of the foot in the leg's twist, beside the knee


def first_turns(skeleton: Skeleton, landmarks: NDArray) -> NDArray:
    """(T, 3) rotation vectors from (33, 3) metric landmarks of BlazePose in camera axes."""
    seen = landmarks * TO_VIEW
    rest = skeleton.rig.keypoints_of("mediapipe33", skeleton.model.mean).astype(float)
    turns = {name: np.eye(3) for name in TURNS}
    turns["root"] = _torso(seen, HIP) @ _torso(rest, HIP).T
    above = _torso(seen, SHOULDER) @ _torso(rest, SHOULDER).T
    twist = Rotation.from_matrix(turns["root"].T @ above).as_rotvec()
    twist *= _shortening(twist, 0.8)
    half = Rotation.from_rotvec(twist / 2).as_matrix()
    turns["waist"] = turns["chest"] = half
    upper = turns["root"] @ half @ half
    head = Rotation.from_matrix(upper.T @ _head(seen) @ _head(rest).T).as_rotvec()
    turns["neck"] = Rotation.from_rotvec(head * _shortening(head, 1.0)).as_matrix()
    for offset, side in enumerate("LR"):
        for names, numbers, parent in (
            (("shoulder", "elbow", "wrist"), (SHOULDER, ELBOW, WRIST, INDEX), upper),
            (("hip", "knee", "ankle"), (HIP, KNEE, ANKLE, TOE), turns["root"]),
        ):
            chain = [n + offset for n in numbers]
            limb = _limb(rest[chain], seen[chain], parent, names[0] == "hip")
            turns |= {f"{name}.{side}": turn for name, turn in zip(names, limb)}
    return np.stack([Rotation.from_matrix(turns[name]).as_rotvec() for name in CHAINS])


def _shortening(turn: NDArray, most: float) -> float:
    """The factor that keeps a rotation vector within so many radians."""
    return min(1.0, most / max(float(np.linalg.norm(turn)), 1e-9))


def _unit(vector: NDArray) -> NDArray:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def _frame(first: NDArray, second: NDArray) -> NDArray:
    """(3, 3) columns: the first direction, the second made square to it, and their cross product."""
    x = _unit(first)
    y = _unit(second - x * (second @ x))
    return np.column_stack([x, y, np.cross(x, y)])


def _torso(points: NDArray, across: int) -> NDArray:
    up = points[SHOULDER : SHOULDER + 2].mean(axis=0) - points[HIP : HIP + 2].mean(axis=0)
    return _frame(up, points[across] - points[across + 1])


def _head(points: NDArray) -> NDArray:
    ears = points[EAR : EAR + 2]
    return _frame(ears[0] - ears[1], points[NOSE] - ears.mean(axis=0))


def _onto(start: NDArray, end: NDArray) -> NDArray:
    """(3, 3) the shortest turn of one direction onto another."""
    a, b = _unit(start), _unit(end)
    axis = np.cross(a, b)
    sine = float(np.linalg.norm(axis))
    if sine < 1e-8:
        return np.eye(3) if a @ b > 0 else Rotation.from_rotvec(np.pi * _unit(np.cross(a, [0.3, 0.5, 0.8]))).as_matrix()
    return Rotation.from_rotvec(axis / sine * np.arctan2(sine, a @ b)).as_matrix()


def _limb(rest: NDArray, seen: NDArray, parent: NDArray, leg: bool) -> list[NDArray]:
    """Turns (3, 3) of the three joints of a limb from its four points at rest and as seen, root of the limb first."""
    before, after = np.diff(rest, axis=0), np.diff(seen, axis=0) @ parent
    hinge = np.cross(_unit(after[0]), _unit(after[1]))
    hinge_rest = np.array([1.0, 0, 0]) if leg else np.cross(before[0], before[1])
    if leg:
        hinge = hinge + FOOT_SHARE * np.cross(_unit(after[2]), _unit(after[0]))
    if np.linalg.norm(hinge) > BENT:
        first = _frame(after[0], hinge) @ _frame(before[0], hinge_rest).T
    else:
        first = _onto(before[0], after[0])
    second = _onto(before[1], first.T @ after[1])
    third = _onto(before[2], second.T @ first.T @ after[2])
    strength = Rotation.from_matrix(third).as_rotvec()
    third = Rotation.from_rotvec(strength * _shortening(strength, 0.6)).as_matrix()
    return [first, second, third]
