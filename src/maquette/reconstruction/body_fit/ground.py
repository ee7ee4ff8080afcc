"""Where people of a clip walk: towards the camera as they grow in the picture, on feet that stay where they rest.

One least-squares path of the root: what the picture says, feet that do not slide, a floor that is level, steps that do
not jerk. Cameras follow the root, so that the picture stays as it was.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maquette.perception.tracking.smooth import smooth
from maquette.reconstruction.body_fit.place import PlacedBody

FEET = (29, 30, 31, 32)  # "mediapipe33": heels and toes
SIZE_S = 0.25  # seconds over which a person's size in the picture is smoothed before it counts as distance
PATH_M = np.array([0.02, 0.05, 0.15])  # to the side, up, ahead: how far the path may be from where the picture has it
SLIDE_M = 0.002  # by which a resting foot moves from frame to frame
FLOOR_M, STEP_M = 0.02, 0.3  # how level a floor is; heights beyond the latter are another floor
STRAY = 8.0  # metres per second squared of a root, usually
RESTING_M_S, TURNING_M_S = 0.5, 0.9  # speeds in the picture, and towards the camera, beyond which no foot rests
LOW_M = 0.05  # over the lowest point of both feet


def grounded(placement: PlacedBody, times: NDArray, seen: NDArray, focal: float) -> PlacedBody:
    """The same bodies, on a path along which they come nearer and do not skate; seen by the same pixels.

    Args:
        times: (N,) seconds, ascending; seen: (N, 33) 0-1, how surely each key point is seen.
        focal: full-frame pixels, known or usual.
    """
    in_order = len(times) > 2 and bool((np.diff(times) > 0).all())  # false of photos, whose times are nan
    if not (in_order and np.isinf(placement.distance).all()):
        return placement
    level = Rotation.from_rotvec(placement.pitch[:, None] * [1.0, 0, 0]).as_matrix()
    axes = level[0].T @ placement.view[0]
    feet = _feet(placement) @ axes.T
    path = placement.root @ axes.T
    size = np.log(smooth(times, placement.pixels_per_metre, SIZE_S))
    path[:, 2] += focal * (np.exp(-size[0]) - np.exp(-size))
    rests = _rests(path[:, None] + feet, times, seen[:, FEET])
    moved = (_solved(path, feet, rests, times) - placement.root @ axes.T) @ axes
    moved -= moved[0]
    return replace(placement, root=placement.root + moved, translation=placement.translation + moved)


def _feet(placement: PlacedBody) -> NDArray:
    """(N, 4, 3) metres, world axes: heels and toes from the root's head."""
    model, rig = placement.skeleton.model, placement.skeleton.rig
    index, weight = rig.keypoints["mediapipe33"]
    index, weight = index[list(FEET)], weight[list(FEET)]
    used, back = np.unique(index, return_inverse=True)
    part = replace(rig, bone_index=rig.bone_index[used], bone_weight=rig.bone_weight[used])
    rest = model.vertices(placement.identity, np.zeros(len(model.expression_names)), placement.scale)[used]
    joints = rig.joints(placement.identity, placement.scale)
    posed = [
        part.pose(rest, joints, turns, move - root)[0]
        for turns, move, root in zip(placement.rotations, placement.translation, placement.root)
    ]
    return np.einsum("km,nkmd->nkd", weight, np.stack(posed)[:, back.reshape(index.shape)]).astype(float)


def _rests(feet: NDArray, times: NDArray, seen: NDArray) -> NDArray:
    """(N - 1, 4) 0-1: how surely each point of the feet (N, 4, 3) rests from a frame to the next."""
    speed = np.abs(np.diff(feet, axis=0) / np.diff(times)[:, None, None])
    slow = np.exp(-((np.linalg.norm(speed[..., :2], axis=2) / RESTING_M_S) ** 4) - (speed[..., 2] / TURNING_M_S) ** 4)
    height = feet[..., 1] - feet[..., 1].min(axis=1, keepdims=True)
    low = np.exp(-((height / LOW_M) ** 2)) * np.clip(seen, 0, 1)
    return slow * np.minimum(low[1:], low[:-1])


def _solved(path: NDArray, feet: NDArray, rests: NDArray, times: NDArray) -> NDArray:
    """(N, 3) the likeliest path; `path` and feet from it (N, 4, 3) in axes to the side, up and ahead."""
    from scipy.sparse import diags_array, eye_array
    from scipy.sparse.linalg import spsolve

    count = len(path)
    step = diags_array([-1.0, 1.0], offsets=[0, 1], shape=(count - 1, count)).tocsr()
    usual = STRAY * float(np.median(np.diff(times))) ** 2
    bend = diags_array(np.full(count - 2, 1 / usual)) @ step[:-1, :-1] @ step
    weight = rests.sum(axis=1) / SLIDE_M**2
    slid = np.einsum("nk,nkd->nd", rests, np.diff(feet, axis=0)) / SLIDE_M**2
    out = np.empty_like(path)
    on, height = np.vstack([rests, rests[-1:]]), feet[..., 1] + path[:, None, 1]
    floor = float(np.average(height, weights=on + 1e-9))
    on = on * np.exp(-(((height - floor) / STEP_M) ** 2)) / FLOOR_M**2
    for axis in range(3):
        matrix = eye_array(count) / PATH_M[axis] ** 2 + step.T @ diags_array(weight) @ step + bend.T @ bend
        wanted = path[:, axis] / PATH_M[axis] ** 2 - step.T @ slid[:, axis]
        if axis == 1:
            matrix = matrix + diags_array(on.sum(axis=1))
            wanted = wanted + (on * (floor - feet[..., 1])).sum(axis=1)
        out[:, axis] = spsolve(matrix.tocsc(), wanted)
    return out
