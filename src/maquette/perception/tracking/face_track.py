"""Whose face it is over a clip: by its place from frame to frame; after a gap or a cut by its looks.

Looks are what the face network reads of the identity, averaged over the frames of a track, and the colours of face,
hair and clothes. A face is somebody known only if its looks are nearer to them than those of two people are; else it
is a new person: one person in two results is a smaller harm than two in one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Reading
from maquette.perception.boxes import intersection_over_union
from maquette.perception.tracking.face_sighting import FaceSighting

STEP = 0.5  # seconds: after a longer gap only looks count
NEAR = 0.15  # overlap of boxes from which on a face is where it was
# Distances up to which looks may be of one person. Measured: colours of one person 0.05 to 0.27 in a clip, of two
# 0.16 to 0.9, one pair in twenty below 0.33; readings of one 0.1 to 0.38, of two 0.08 to 0.8, so these have little say.
SAME_COLOURS, SAME_READING, COLOURS = 0.33, 0.35, 0.85
GATE = 0.9  # cost from which on nobody is found again
# Looks that change by so much from a frame to the next are another person's, in the same place after a cut that did not
# show. Measured: at most 0.43 within a shot, a hand or another face passing; 1.8 over a cut.
ANOTHER = 1.0
SOON = 0.6  # of the cost, where somebody was a moment ago: looks may differ half as much again there
TURNING = 0.3  # share that a step from frame to frame has in the speed that is remembered
SURE = 0.9  # presence of a face that is believed though it is there for few frames
BINS, TINTS, RANGE = 5, 7, (92, 164)  # of 8-bit CIELAB
SIDE = 48  # pixels of the copy on which colours are counted
LEARNING = 40  # frames over which looks are averaged; later ones count as one of so many
CROWDED = 0.05  # overlap with another face beyond which nothing is learned


@dataclass(frozen=True, eq=False)
class Looks:
    """What is remembered of a face.

    Attributes:
        colours: (3, B) histograms of face, hair and clothes, each with sum 1, or 0 where the frame ends.
        identity: (K,) precision-weighted mean of the readings; precision: (K,).
    """

    colours: NDArray
    identity: NDArray
    precision: NDArray


def looks_of(pixels: NDArray, points: NDArray, reading: Reading) -> Looks:
    """The looks of a face in one frame.

    Args:
        pixels: (H, W, 3) uint8. points: (478, 3) landmarks in it.
    """
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    width, height = high - low
    x0, x1 = low[0] - 0.25 * width, high[0] + 0.25 * width
    regions = (
        (low[0] + 0.15 * width, low[1] + 0.3 * height, high[0] - 0.15 * width, high[1] - 0.1 * height),
        (x0, low[1] - 0.45 * height, x1, low[1] + 0.12 * height),
        (low[0] - 0.5 * width, high[1] + 0.25 * height, high[0] + 0.5 * width, high[1] + 1.2 * height),
    )
    colours = np.stack([_histogram(pixels, np.array(region)) for region in regions])
    precision = 1 / np.maximum(reading.identity_sigma, 0.1) ** 2
    return Looks(colours, reading.identity, precision)


def _histogram(pixels: NDArray, region: NDArray) -> NDArray:
    """(B,) of what a box (4,) shows, softened so that neighbouring colours are alike; zeros outside the frame."""
    size = pixels.shape[1::-1]
    x0, y0, x1, y1 = np.clip(np.round(region), 0, [*size, *size]).astype(int)
    wanted = (region[2] - region[0]) * (region[3] - region[1])
    if x1 - x0 < 3 or y1 - y0 < 3 or (x1 - x0) * (y1 - y0) < 0.3 * wanted:
        return np.zeros(BINS * TINTS**2)
    small = cv2.resize(pixels[y0:y1, x0:x1], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).reshape(-1, 3).astype(float)
    low, high = RANGE
    counts, _ = np.histogramdd(
        np.clip(lab, [0, low, low], [255, high - 1e-6, high - 1e-6]),
        (BINS, TINTS, TINTS),
        [(0, 256), (low, high), (low, high)],
    )
    for axis in range(3):
        counts = counts + 0.5 * (np.roll(counts, 1, axis) + np.roll(counts, -1, axis))
    return (counts / counts.sum()).ravel()


def colour_distance(first: NDArray, second: NDArray) -> float:
    """Mean Hellinger distance of (3, B) histograms over the parts that both have, 0-1; 1 if there are none."""
    both = (first.sum(axis=1) > 0) & (second.sum(axis=1) > 0)
    if not both.any():
        return 1.0
    alike = np.sqrt(first[both] * second[both]).sum(axis=1)
    return float(np.sqrt(np.clip(1 - alike, 0, 1)).mean())


def reading_distance(first: Looks, second: Looks) -> float:
    """Root mean square difference of the identities where both are known, in prior standard deviations."""
    known = np.minimum(first.precision, second.precision)
    weight = known / (1 + known)
    return float(np.sqrt(np.average((first.identity - second.identity) ** 2, weights=weight)))


def looks_distance(first: Looks, second: Looks) -> float:
    """0 for the same looks; 1 is the border."""
    colours, reading = colour_distance(first.colours, second.colours), reading_distance(first, second)
    return COLOURS * colours / SAME_COLOURS + (1 - COLOURS) * reading / SAME_READING


@dataclass
class _Known:
    """What is remembered of one person: looks over many frames and those of the last, and (2,) pixels a second."""

    name: int
    looks: Looks
    last: FaceSighting
    seen: Looks
    frames: int = 1
    speed: NDArray = field(default_factory=lambda: np.zeros(2))


class FaceTracker:
    """Faces over the frames of a clip, one step per frame; memory grows with the people, not with the frames."""

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self._steps = 0

    def step(self, faces: Sequence[FaceSighting], looks: Sequence[Looks], followed: Sequence[int]) -> list[int]:
        """Who the faces of the next frame are: a name for each, none twice.

        Args:
            looks: of each face.
            followed: the name of whom each was followed from, 0 for one that was searched for.
        """
        self._steps += 1
        another = {
            place for place, name in enumerate(followed)
            if name and looks_distance(self._known[name].seen, looks[place]) > ANOTHER
        }  # fmt: skip
        names = [0 if place in another else name for place, name in enumerate(followed)]
        fresh = [place for place, name in enumerate(names) if not name]
        free = [one for one in self._known.values() if one.name not in names]
        for place, name in self._assigned(fresh, free, faces, looks, another):
            names[place] = name
        for place, face in enumerate(faces):
            if not names[place]:
                names[place] = len(self._known) + 1
                self._known[names[place]] = _Known(names[place], looks[place], face, looks[place])
            else:
                crowded = any(
                    intersection_over_union(face.box, other.box) > CROWDED for other in faces if other is not face
                )
                self._learn(self._known[names[place]], face, looks[place], crowded)
        return names

    def kept(self, least: int = 5, share: float = 0.1) -> list[int]:
        """Names that are no passing error: those with `least` frames, or this share of all frames; where nobody has
        so many, whoever of the rest was surely seen last in most frames.
        """
        enough = min(least, max(1.0, share * self._steps))
        kept = [one.name for one in self._known.values() if one.frames >= enough]
        sure = [one for one in self._known.values() if min(one.last.detected, one.last.reading.presence) > SURE]
        return kept or [one.name for one in sorted(sure, key=lambda one: -one.frames)[:1]]

    def _assigned(
        self,
        fresh: list[int],
        free: list[_Known],
        faces: Sequence[FaceSighting],
        looks: Sequence[Looks],
        another: set[int],
    ) -> list[tuple[int, int]]:
        """Places of new faces with the names of those who they are again; one optimal assignment (Kuhn 1955).

        Args:
            another: places where the face before was another one's: those are known by their looks alone.
        """
        from scipy.optimize import linear_sum_assignment

        if not fresh or not free:
            return []
        costs = np.array(
            [[_cost(one, faces[place], looks[place], place in another) for one in free] for place in fresh]
        )
        rows, columns = linear_sum_assignment(np.minimum(costs, GATE))
        return [(fresh[r], free[c].name) for r, c in zip(rows, columns) if costs[r, c] < GATE]

    @staticmethod
    def _learn(one: _Known, face: FaceSighting, looks: Looks, crowded: bool) -> None:
        one.frames += 1
        gap = face.time - one.last.time
        if face.shot == one.last.shot and 0 < gap < STEP:
            step = (face.box - one.last.box).reshape(2, 2).mean(axis=0)
            one.speed = (1 - TURNING) * one.speed + TURNING * step / gap
        one.last, one.seen = face, looks
        if crowded or not face.detected:
            return
        share = 1 / min(one.frames, LEARNING)
        had, has = one.looks.colours.sum(axis=1) > 0, looks.colours.sum(axis=1) > 0
        mix = np.where(has, np.where(had, share, 1.0), 0.0)[:, None]
        colours = (1 - mix) * one.looks.colours + mix * looks.colours
        weight = share * looks.precision / (share * looks.precision + (1 - share) * one.looks.precision)
        identity = (1 - weight) * one.looks.identity + weight * looks.identity
        one.looks = Looks(colours, identity, (1 - share) * one.looks.precision + share * looks.precision)


def _cost(one: _Known, face: FaceSighting, looks: Looks, looks_alone: bool) -> float:
    """Of taking a face for somebody known: 0 sure, GATE not at all."""
    apart = looks_distance(one.looks, looks)
    gap = face.time - one.last.time
    if face.shot == one.last.shot and gap < STEP and not looks_alone:
        # Whoever was hidden behind another face went on as before.
        boxes = (one.last.box, one.last.box + np.tile(one.speed * gap, 2))
        if max(intersection_over_union(face.box, box) for box in boxes) > NEAR:
            return SOON * apart
    return apart
