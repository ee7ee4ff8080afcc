"""Hands that touch the own head or trunk, arms that must not cover a face that shows, and which way arms are bent.

A picture does not say whether a forearm points at the viewer or away: both look the same, and a fit that begins with
one seldom finds the other. So both are tried, and judged by what pictures do say: a hand that lies on the own head or
trunk in the picture is most often near it in depth, and who shows a face has no hand before it.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maquette.core.types import Observation
from maquette.morphable import Rig
from maquette.reconstruction.body_fit.initial import first_turns
from maquette.reconstruction.body_fit.skeleton import SIDES, TURNS, Skeleton

EARS, FACE = [7, 8], [0, 2, 5, 9, 10]  # "mediapipe33": the latter nose, eyes and mouth
SHOULDERS, HIPS, ELBOWS, WRISTS, FINGERS = [11, 12], [23, 24], (13, 14), [15, 16], [19, 20]
HAND = (15, 17, 19, 21)  # of the left; the right ones are one more
ON_HEAD, ON_TRUNK = (0.16, 0.26), (0.06, 0.14)  # metres in the picture: within the first on it, beyond the second off
DEEP_HEAD, DEEP_TRUNK = 0.10, 0.13  # metres in depth from the middle of either that a hand on it is away at most
TOUCH, TOUCH_SPREAD, TOUCH_CUT = 3.0, 0.06, 3.0  # weight; metres beyond that; spreads
COVER_REACH, COVER_DEPTH = 0.045, 0.10  # metres: beside a point of the face, and before it
COVER = 15.0  # energy of a point of the face that is covered
ARM_BONES = ("lowerarm", "wrist", "finger", "metacarpal")
SEEN = 0.3  # confidence of a hand from which on it counts fully
DOUBTFUL = 0.2  # how far a hand is on the head or trunk from which on both ways of bending are tried
ARM = ("shoulder", "elbow", "wrist")


def hands_on(seen: Observation) -> NDArray:
    """(2, 2) 0-1: how far the left and the right hand lie on the own head, and trunk, in the picture."""
    out = np.zeros((2, 2))
    if seen.landmarks_metric is None or seen.frame.time is not None:
        return out
    flat, sure = seen.landmarks[:, :2], np.clip(seen.landmark_confidence / SEEN, 0, 1)
    apart = [points - points.mean(axis=0) for points in (flat, seen.landmarks_metric[:, :2])]
    metre = float(np.sqrt((apart[0] ** 2).sum() / max(float((apart[1] ** 2).sum()), 1e-9)))
    corners = cv2.convexHull(flat[SHOULDERS + HIPS].astype(np.float32))
    for side in range(2):
        hand = flat[[WRISTS[side], FINGERS[side]]].mean(axis=0)
        head = float(np.linalg.norm(hand - flat[EARS].mean(axis=0)))
        trunk = -cv2.pointPolygonTest(corners, flat[WRISTS[side]].tolist(), True)
        for place, (away, (near, far)) in enumerate(((head, ON_HEAD), (trunk, ON_TRUNK))):
            out[side, place] = sure[WRISTS[side]] * np.clip((far - away / max(metre, 1e-9)) / (far - near), 0, 1)
    return out


def touch_energy(points: Tensor, hands: Tensor) -> Tensor:
    """(N,) energy of hands that are far in depth from the head or trunk on which the picture shows them.

    Args:
        points: (N, 33, 3) key points, metres, view axes. hands: (N, 2, 2), see `hands_on`.
    """
    hand, low, high = points[:, WRISTS + FINGERS], points[:, HIPS].mean(dim=1), points[:, SHOULDERS].mean(dim=1)
    head = (hand[..., 2] - points[:, EARS, 2].mean(dim=1, keepdim=True)).abs() - DEEP_HEAD
    axis = high - low
    along = ((hand[..., 1] - low[:, None, 1]) / axis[:, None, 1].abs().clamp(min=0.1)).clamp(0, 1)
    trunk = (hand[..., 2] - low[:, None, 2] - along * axis[:, None, 2]).abs() - DEEP_TRUNK
    beyond = (torch.relu(torch.stack([head, trunk], dim=2)) / TOUCH_SPREAD).square()
    robust = beyond / (1 + beyond / TOUCH_CUT**2)
    return TOUCH / 2 * (hands.repeat(1, 2, 1) * robust).sum(dim=(1, 2))


def cover_energy(face: Tensor, arms: Tensor, weight: Tensor) -> Tensor:
    """(N,) energy of points of a face that shows behind an arm.

    Args:
        face: (N, F, 3) and arms: (N, A, 3), metres: across the picture as it shows them, and nearer to the camera.
        weight: (N, F) 0-1 how far each point of the face is seen.
    """
    beside = (face[:, :, None, :2] - arms[:, None, :, :2]).square().sum(dim=3)
    before = torch.relu(arms[:, None, :, 2] - face[:, :, None, 2]) / COVER_DEPTH
    worst = (torch.exp(-beside / COVER_REACH**2) * before.clamp(max=3)).amax(dim=2)
    return COVER * (weight * worst).sum(dim=1)


def arm_points(rig: Rig, vertices: NDArray) -> NDArray:
    """Which of some vertices (P,) belong to forearms and hands."""
    of_arm = np.array([name.startswith(ARM_BONES) for name in rig.bones])
    share = (rig.bone_weight * of_arm[rig.bone_index]).sum(axis=1)
    return np.flatnonzero(share[vertices] > 0.5)


def bent_otherwise(marks: NDArray, side: int, upper: bool, fore: bool) -> NDArray:
    """(33, 3) key points, view axes, with upper arm, forearm or both pointing as far away as they pointed nearer."""
    out = marks.copy()
    hand, shoulder, elbow = [k + side for k in HAND], SHOULDERS[side], ELBOWS[side]
    fore_depth = marks[hand, 2] - marks[elbow, 2]
    if upper:
        out[elbow, 2] = 2 * marks[shoulder, 2] - marks[elbow, 2]
    out[hand, 2] = out[elbow, 2] + (-fore_depth if fore else fore_depth)
    return out


def arms_tried(skeleton: Skeleton, marks: NDArray, turns: Tensor, side: int) -> Tensor:
    """(4, T, 3) rotation vectors: as they are (T, 3), and with an arm bent in the three other ways.

    Args:
        marks: (33, 3) the body's key points, metres, view axes. side: 0 the left, 1 the right arm.
    """
    out = [turns]
    rows = [TURNS.index(f"{joint}.{SIDES[side]}") for joint in ARM]
    for upper, fore in ((False, True), (True, False), (True, True)):
        other = first_turns(skeleton, bent_otherwise(marks, side, upper, fore) * [1, -1, -1])
        tried = turns.clone()
        tried[rows] = torch.as_tensor(other[rows]).to(turns)
        out.append(tried)
    return torch.stack(out)
