"""From a candidate to a face: 478 landmarks, traced on several upright crops and averaged."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.faces import detect, topology
from maquette.perception.models import mediapipe_graphs
from maquette.perception.models.mediapipe_graphs import MESH_INPUT, Detection

CROP_PER_FACE = 1.5  # crop side over the landmarks' longer extent: what the network was trained with
SETTLING_CROPS = 2  # each is placed by the landmarks of the one before
WORKING_SIDE = 288  # pixels a crop's side has in the shrunk copy that crops are sampled from
PRESENT = 0.5  # presence below which a crop shows no face
# Averaged crops: shift (shares of the side), scale, turn (radians), mirrored. Measured on 21 photos, each moved, scaled
# and turned 8 times: landmarks scatter by 0.22 % of half the face height with one crop, 0.15 with the first four,
# 0.11 with all six, 0.11 with eight; each costs 6 ms.
JITTER = (
    (0.00, 0.00, 1.00, 0.00, False),
    (0.00, 0.00, 1.00, 0.00, True),
    (0.02, 0.02, 1.06, 0.05, False),
    (-0.02, -0.02, 0.94, -0.05, True),
    (-0.02, 0.02, 0.97, 0.05, True),
    (0.02, -0.02, 1.03, -0.05, False),
)


@dataclass(frozen=True, eq=False)
class Placement:
    """A square in a picture: centre (2,) and side in pixels, roll in radians (clockwise as seen)."""

    centre: NDArray
    side: float
    roll: float

    def to_crop(self, size: int = MESH_INPUT, mirrored: bool = False) -> NDArray:
        """(2, 3) affine from pixels of the picture to those of the upright crop."""
        cos, sin = np.cos(self.roll) * size / self.side, np.sin(self.roll) * size / self.side
        matrix = np.array([[cos, sin], [-sin, cos]])
        if mirrored:
            matrix[0] *= -1
        return np.column_stack([matrix, size / 2 - matrix @ self.centre])


@dataclass(frozen=True, eq=False)
class Face:
    """One traced face, pixels of the full picture.

    Attributes:
        landmarks: (478, 3); z relative depth in the same unit.
        spread: (478,) root mean square disagreement between the averaged crops, as share of the face's size.
        presence: 0-1, from the landmark network.
        score: 0-1, from the detector.
        roll: radians, clockwise as seen.
        note: how it was found, "" on the first attempt.
        alone: the face network tells of it, not MediaPipe's.
    """

    landmarks: NDArray
    spread: NDArray
    presence: float
    score: float
    roll: float
    note: str = ""
    alone: bool = False

    @property
    def box(self) -> NDArray:
        """(4,) x0, y0, x1, y1 around the landmarks."""
        return np.concatenate([self.landmarks[:, :2].min(axis=0), self.landmarks[:, :2].max(axis=0)])

    @property
    def size(self) -> float:
        """Longer extent of the landmarks in the plane of the picture, pixels; hardly changes with yaw."""
        return placement_of(self.landmarks).side / CROP_PER_FACE

    @property
    def width(self) -> float:
        """Distance between the cheekbones in 3D, pixels: a profile is as wide as a frontal face."""
        right, left = self.landmarks[[topology.RIGHT_CHEEKBONE, topology.LEFT_CHEEKBONE]]
        return float(np.linalg.norm(right - left))


def trace(pixels: NDArray, detection: Detection, note: str = "") -> Face | None:
    """Trace one candidate.

    Args:
        pixels: (H, W, 3) uint8, the full picture.
        detection: in pixels of that picture.

    Returns:
        The face, or None if the landmark network sees none there.
    """
    source = Source.around(pixels, placement_from(detection))
    placement = source.placement
    for _ in range(SETTLING_CROPS):
        landmarks, presence = source.trace(placement)
        if presence < PRESENT:
            return None
        placement = placement_of(landmarks)
        if not source.covers(placement):
            source = source.moved(pixels, placement)
            placement = source.placement
    samples, presences = zip(*(source.trace(*jittered(placement, *row)) for row in JITTER))
    landmarks = source.full(np.mean(samples, axis=0))
    spread = np.sqrt(np.mean(np.var(np.array(samples)[..., :2], axis=0), axis=1))
    presence = float(np.mean(presences))
    if presence < PRESENT or not plausible(landmarks):
        return None
    spread *= CROP_PER_FACE / placement.side
    return Face(landmarks, spread, presence, detection.score, placement_of(landmarks).roll, note)


def jittered(
    placement: Placement, x: float, y: float, scale: float, turn: float, mirrored: bool
) -> tuple[Placement, bool]:
    """A placement moved by shares of its side, scaled and turned; and whether to look at it in a mirror."""
    centre = placement.centre + np.array([x, y]) * placement.side
    return Placement(centre, placement.side * scale, placement.roll + turn), mirrored


def roll_of(landmarks: NDArray) -> float:
    """Turn of the face in the picture, radians, clockwise as seen; eye line and face height count by their length."""
    right = landmarks[list(topology.RIGHT_EYE_CORNERS), :2].mean(axis=0)
    left = landmarks[list(topology.LEFT_EYE_CORNERS), :2].mean(axis=0)
    down = landmarks[topology.CHIN, :2] - landmarks[topology.FOREHEAD_TOP, :2]
    across = (left - right) + [down[1], -down[0]]
    return float(np.arctan2(across[1], across[0]))


def plausible(landmarks: NDArray) -> bool:
    """Whether eyes, nose, mouth and chin follow each other along the face, as they do at any pose."""
    down = landmarks[topology.CHIN, :2] - landmarks[topology.FOREHEAD_TOP, :2]
    length = np.linalg.norm(down)
    if not np.isfinite(landmarks).all() or length < 1:
        return False
    eyes = landmarks[list(topology.RIGHT_EYE_CORNERS + topology.LEFT_EYE_CORNERS), :2].mean(axis=0)
    mouth = landmarks[list(topology.LIPS), :2].mean(axis=0)
    along = [(point - landmarks[topology.FOREHEAD_TOP, :2]) @ down / length**2 for point in (eyes, mouth)]
    return 0.05 < along[0] < along[1] - 0.1 and along[1] < 0.98


def placement_of(landmarks: NDArray) -> Placement:
    """The upright square around landmarks, as MediaPipe places its next crop."""
    roll = roll_of(landmarks)
    upright = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    turned = landmarks[:, :2] @ upright.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    return Placement((low + high) / 2 @ upright, float(np.max(high - low)) * CROP_PER_FACE, roll)


def placement_from(detection: Detection) -> Placement:
    """A first placement; roll from eye line and eyes to mouth, each by its length: in a profile the eyes coincide."""
    right, left, _, mouth = detection.keypoints[:4]
    down = mouth - (right + left) / 2
    across = (left - right) + [down[1], -down[0]]
    centre = (detection.box[:2] + detection.box[2:]) / 2
    side = float(np.max(detection.box[2:] - detection.box[:2])) * CROP_PER_FACE
    roll = float(np.arctan2(across[1], across[0]))
    return Placement(centre, max(side, 8.0), roll)


@dataclass(frozen=True, eq=False)
class Source:
    """A cut-out of the picture, shrunk without aliasing, from which all crops of one face are sampled."""

    pixels: NDArray
    corner: NDArray
    scaling: NDArray
    placement: Placement

    @classmethod
    def around(cls, pixels: NDArray, placement: Placement) -> Source:
        """Cut out a square that holds the placement at any turn, and somewhat more."""
        half = placement.side * 0.95
        height, width = pixels.shape[:2]
        low = np.clip(np.floor(placement.centre - half), 0, [width - 2, height - 2]).astype(int)
        high = np.clip(np.ceil(placement.centre + half), low + 2, [width, height]).astype(int)
        patch = pixels[low[1] : high[1], low[0] : high[0]]
        factor = min(1.0, WORKING_SIDE / placement.side)
        size = np.maximum(1, np.round((high - low) * factor)).astype(int)
        if factor < 1:
            patch = detect.shrunk(patch, tuple(size.tolist()))
        if detect.is_dark(patch):
            patch = detect.stretched(patch)
        scaling = (high - low) / np.array(patch.shape[1::-1])
        inside = Placement((placement.centre - low) / scaling, placement.side / scaling.mean(), placement.roll)
        return cls(patch, low, scaling, inside)

    def covers(self, placement: Placement) -> bool:
        """Whether a crop is no larger and hardly elsewhere than this cut-out was made for."""
        drift = np.linalg.norm(placement.centre - self.placement.centre) / self.placement.side
        return drift < 0.15 and 0.75 < placement.side / self.placement.side < 1.15

    def moved(self, pixels: NDArray, placement: Placement) -> Source:
        """A cut-out of the picture for another placement, given in pixels of this cut-out."""
        centre, side = placement.centre * self.scaling + self.corner, placement.side * self.scaling.mean()
        return Source.around(pixels, replace(placement, centre=centre, side=side))

    def trace(self, placement: Placement, mirrored: bool = False) -> tuple[NDArray, float]:
        """Landmarks (478, 3) in pixels of the cut-out, and presence, of one crop."""
        matrix = placement.to_crop(mirrored=mirrored)
        points, presence = mediapipe_graphs.trace(detect.warp(self.pixels, matrix, (MESH_INPUT, MESH_INPUT)))
        if mirrored:
            points = points[topology.mirror()]
        flat = detect.apply(cv2.invertAffineTransform(matrix), points[:, :2])
        return np.column_stack([flat, points[:, 2] * placement.side / MESH_INPUT]), presence

    def full(self, landmarks: NDArray) -> NDArray:
        """Landmarks in pixels of the full picture."""
        return landmarks * np.append(self.scaling, self.scaling.mean()) + np.append(self.corner, 0)
