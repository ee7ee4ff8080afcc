"""What the fit aims at in each frame: key points, limb directions and the outline, in units of the person's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from maquette.core.types import Observation
from maquette.reconstruction.body_fit.touch import hands_on

MASK_SIDE = 160  # pixels, longer side at which the outline is compared
OUTLINE = 320  # points of the outline
MARGIN = 0.15  # of the person's size around the mask, so that distances are known there
CUT = 3  # pixels from the picture's edge within which a mask is cut by it
CPU = torch.device("cpu")
FOCAL = 1.2  # of a picture's longer side, where the file does not say: a phone's is 0.75, a portrait lens's 2.3
NEAREST_M = 2.0  # metres: nobody is photographed whole, or nearly, from nearer
LEAST_VISIBLE = 0.3  # confidence below which a key point does not count for the person's size
SHOULDERS, HIPS, KNEES, ANKLES = (slice(k, k + 2) for k in (11, 23, 25, 27))  # "mediapipe33"
LEGS = slice(25, 33)  # from the knees down
STRETCHED = 0.945  # from shoulders to ankles, of the way along trunk, thigh and shin, from which more stand than not
SEATED = 0.86  # the same where the legs are guessed
STRETCHED_SPREAD = 0.01
UPRIGHT, UPRIGHT_SPREAD = 0.6, 0.03  # the picture's share of up in that direction, from which nobody lies or flies
LEGS_SEEN = 0.09  # mean weight of the knees, and of the ankles, below which nobody knows how the legs are


@dataclass(frozen=True, eq=False)
class ImagePlane:
    """Plane coordinates in N frames: (full-frame pixel - centre) / size, x right, y down.

    Attributes:
        centre: (N, 2), size: (N,) full-frame pixels.
        focal: (N,) full-frame pixels; inf where the camera is orthographic: in clips, and of whom one does not see
            standing on their legs, whose fit a wrong focal length would harm more than help.
    """

    centre: NDArray
    size: NDArray
    focal: NDArray

    def distance(self, log_scale: Tensor) -> Tensor:
        """(N,) metres of the model from the camera to who is seen at these plane units per metre (N,, log); or inf."""
        metre = torch.as_tensor(self.focal / self.size).to(log_scale) / log_scale.exp()
        return metre.clamp(min=NEAREST_M)


@dataclass(frozen=True, eq=False)
class FitTargets:
    """N frames.

    Attributes:
        plane: where the plane coordinates lie.
        points: (N, 33, 2) plane; weight: (N, 33) 0-1.
        metric: (N, 33, 3) metres, view axes (x right, y up, z nearer), origin midway between the hips.
        outside: (N, 1, S, S) distance to the mask in plane units, 0 inside; corner (N, 2), side (N,) of its square.
        outline: (N, O, 2) points of the mask's edge; within: (N, O) bool, not on the picture's edge.
        standing: (N,) 0-1, how sure it is that the person stands on stretched legs.
        hands: (N, 2, 2) 0-1, how far left and right hand lie on the own head, and trunk.
    """

    plane: ImagePlane
    points: Tensor
    weight: Tensor
    metric: Tensor
    outside: Tensor
    corner: Tensor
    side: Tensor
    outline: Tensor
    within: Tensor
    standing: Tensor
    hands: Tensor

    def __len__(self) -> int:
        return len(self.plane.size)

    def repeated(self, index: int, count: int) -> FitTargets:
        """One frame so many times."""
        rows = [index] * count
        plane = ImagePlane(*(value[rows] for value in vars(self.plane).values()))
        return FitTargets(plane, *(value[rows] for value in vars(self).values() if isinstance(value, Tensor)))

    @property
    def touching(self) -> bool:
        """Whether a hand lies on the own head or trunk anywhere."""
        return bool((self.hands > 0).any())

    @property
    def legs_hidden(self) -> Tensor:
        """(N,) bool: nobody sees even the knees."""
        return self.weight[:, KNEES].mean(dim=1) < LEGS_SEEN


def targets_of(observations: Sequence[Observation], device: torch.device = CPU) -> FitTargets:
    """The targets of one person's observations, on the device of the fit."""
    rows = [_target(seen) for seen in observations]
    columns = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    plane = ImagePlane(columns.pop("centre"), columns.pop("size"), columns.pop("focal"))
    tensors = {
        name: torch.as_tensor(value, dtype=torch.bool if value.dtype == bool else torch.float32).to(device)
        for name, value in columns.items()
    }
    return FitTargets(plane, **tensors)


def full_frame(observation: Observation) -> tuple[NDArray, float]:
    """Corner (2,) of the crop in full-frame pixels, and full-frame pixels per pixel of the crop."""
    return observation.box[:2], float(observation.box[2] - observation.box[0]) / observation.frame.size[0]


def _target(seen: Observation) -> dict[str, NDArray]:
    """The fields of `FitTargets` and of its plane for one frame."""
    corner, step = full_frame(seen)
    sure = seen.landmark_confidence > LEAST_VISIBLE
    known = seen.landmarks[sure if sure.sum() > 4 else slice(None), :2]
    mask = seen.mask > 0.5
    rows, columns = np.nonzero(mask)
    if len(rows):
        edges = np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]], float)
        low, high = edges
    else:
        low, high = known.min(axis=0), known.max(axis=0)
    size, centre = float((high - low).max()), (low + high) / 2
    points = (seen.landmarks[:, :2] - centre) / size
    metric, weight = _in_space(seen)
    stands = standing(seen)
    focal = np.inf
    if stands > 0.5 and weight[KNEES].mean() < LEGS_SEEN:
        weight[LEGS] = 0  # legs that nobody sees stand straight, whatever is guessed
    elif stands > 0.5:  # people of a clip would tremble to and fro
        focal = np.inf if seen.frame.time is not None else focal_of(seen)
    distance, square_corner, square = _outside(mask, low, size)
    outline, within = _outline(mask)
    return {
        "centre": corner + step * centre,
        "size": np.array(step * size),
        "focal": np.array(focal),
        "points": points,
        "weight": weight,
        "metric": metric,
        "outside": distance[None],
        "corner": (square_corner - centre) / size,
        "side": np.array(square / size),
        "outline": (outline - centre) / size,
        "within": within,
        "standing": np.array(stands),
        "hands": hands_on(seen),
    }


def focal_of(seen: Observation) -> float:
    """Focal length in pixels of the full frame: the file's, or a usual one."""
    return seen.frame.focal * full_frame(seen)[1] if seen.frame.focal else FOCAL * max(seen.full_size)


def _in_space(seen: Observation) -> tuple[NDArray, NDArray]:
    """(33, 3) metres, view axes, and the weight (33,) of each key point, 0-1."""
    metric = np.zeros((33, 3)) if seen.landmarks_metric is None else seen.landmarks_metric * [1, -1, -1]
    # Unseen joints are guesses: they keep a little weight so that a hidden limb still lies somewhere likely.
    return metric, np.clip(seen.landmark_confidence, 0.03, 1.0) ** 2


def standing(seen: Observation) -> float:
    """How sure it is that somebody stands on stretched legs, 0-1: by the body's length in space, and which way is up.

    Where the camera looks down, the detector tilts people as a whole; that does not change how far they are stretched.
    Shins that nobody sees do not count. Who shows no knees stands unless the detector guesses a seat, which it cannot
    where the picture ends above the hips.
    """
    metric, weight = _in_space(seen)
    bones, ends = [(SHOULDERS, HIPS), (HIPS, KNEES), (KNEES, ANKLES)], ANKLES
    hidden = weight[KNEES].mean() < LEGS_SEEN
    if weight[ANKLES].mean() < LEGS_SEEN and not hidden:
        bones, ends = bones[:2], KNEES
    along = sum(np.linalg.norm(metric[a] - metric[b], axis=1).mean() for a, b in bones)
    ends = HIPS if hidden and _without_hips(seen) else ends
    rise = (metric[SHOULDERS] - metric[ends]).mean(axis=0)
    length = max(float(np.linalg.norm(rise)), 1e-9)
    if hidden and _without_hips(seen):
        return float(expit((rise[1] / length - UPRIGHT) / UPRIGHT_SPREAD))
    stretched = (length / max(along, 1e-9) - (SEATED if hidden else STRETCHED)) / STRETCHED_SPREAD
    return float(expit(stretched) * expit((rise[1] / length - UPRIGHT) / UPRIGHT_SPREAD))


def _without_hips(seen: Observation) -> bool:
    """Whether the picture ends above the hips."""
    ends = min(seen.full_size) > 0 and seen.box[3] >= seen.full_size[1]
    return bool(ends and seen.landmarks[HIPS, 1].min() > seen.frame.size[1])


def _outside(mask: NDArray, low: NDArray, size: float) -> tuple[NDArray, NDArray, float]:
    """Distance to the mask in units of `size` on a grid over a square, that square's corner and side in crop pixels."""
    corner, side = low - MARGIN * size, (1 + 2 * MARGIN) * size
    scale = MASK_SIDE / side
    # Pixel centres lie at + 0.5; cv2 counts from the centre of the first pixel.
    shift = (0.5 - corner) * scale - 0.5
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    small = cv2.warpAffine(mask.astype(np.float32), matrix, (MASK_SIDE,) * 2, flags=cv2.INTER_AREA)
    inside = small > 0.5
    if not inside.any():
        return np.zeros((MASK_SIDE,) * 2, np.float32), corner, side
    distance = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5)
    distance[_unknown(mask, corner, side)] = 0
    return distance / (scale * size), corner, side


def _unknown(mask: NDArray, corner: NDArray, side: float) -> NDArray:
    """(S, S) bool of that square: beyond an edge of the picture that cuts the person, where limbs may well be."""
    x, y = (np.arange(MASK_SIDE) + 0.5) / MASK_SIDE * side + corner[:, None]
    height, width = mask.shape
    out = np.zeros((MASK_SIDE,) * 2, bool)
    out[y < 1] |= mask[:CUT].any()
    out[y >= height - 1] |= mask[-CUT:].any()
    out[:, x < 1] |= mask[:, :CUT].any()
    out[:, x >= width - 1] |= mask[:, -CUT:].any()
    return out


def _outline(mask: NDArray) -> tuple[NDArray, NDArray]:
    """(O, 2) crop pixels evenly along the mask's edges, and which of them are not the picture's edge."""
    height, width = mask.shape
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not found:
        return np.zeros((OUTLINE, 2)), np.zeros(OUTLINE, bool)
    longest = max(len(c) for c in found)
    every = np.concatenate([c[:, 0] for c in found if len(c) > 0.1 * longest]).astype(float)
    chosen = every[np.linspace(0, len(every) - 1, OUTLINE).astype(int)]
    inner = (chosen > 1).all(axis=1) & (chosen[:, 0] < width - 2) & (chosen[:, 1] < height - 2)
    return chosen + 0.5, inner
