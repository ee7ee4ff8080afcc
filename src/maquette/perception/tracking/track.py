"""Who is who from frame to frame: people differ in where their joints are and in the colours of their clothes.

Each step is one optimal assignment (Kuhn 1955) between the people known so far and those observed. For somebody seen a
moment ago the place decides; the longer the gap, the more the clothes do, so that people are found again after they
were hidden or away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.perception.boxes import box_of_mask, intersection_over_union
from maquette.perception.people import schemes

STEP = 1 / 25  # seconds between frames that have no time
SEEN = 0.3  # confidence from which on a key point is compared
MEMORY = 30.0  # seconds after which somebody who left is forgotten
FADE = 0.4  # seconds in which trust in the predicted place falls to 1/e
REACH = 0.35  # mean distance of the joints, in heights of the person, that counts as another place
DRIFT = 1.0  # heights per second by which that distance grows with the gap
GATE = 0.6  # cost from which on two observations are of different people
COLOUR_GATE = 0.45  # Hellinger distance of clothes beyond which nobody is found again
WEIGHTS = (0.55, 0.2, 0.25)  # joints, boxes, clothes, for somebody seen in the frame before
LIGHTNESS_BINS, TINT_BINS, TINT_RANGE = 6, 8, (80, 176)  # of 8-bit CIELAB; clothes seldom lie farther out
CLOTHES_SIDE = 160  # pixels, longer side of the copy on which colours are counted
LEAST_PIXELS = 30  # of a piece of clothing in that copy
LEARNING = 0.15  # share of a new frame in what is remembered of the clothes
CROWDED = 0.2  # overlap of boxes beyond which nothing is learned about clothes


@dataclass(frozen=True, eq=False)
class TrackFeatures:
    """What is compared of one observation.

    Attributes:
        points: (K, 2) pixels of the full frame; confidence: (K,).
        box: (4,) x0, y0, x1, y1 of the person in the full frame.
        size: height of the person, pixels; robust to a lifted arm.
        clothes: (2, B) histograms of upper and lower clothes, each with sum 1 or 0 (not seen).
        time: seconds.
    """

    points: NDArray
    confidence: NDArray
    box: NDArray
    size: float
    clothes: NDArray
    time: float


@dataclass
class _Track:
    """What is remembered of one person: what was last seen, the clothes so far, speed in pixels per second."""

    name: int
    last: TrackFeatures
    clothes: NDArray
    speed: NDArray


class Tracker:
    """People over the frames of a clip, one step per frame; memory does not grow with the clip.

    Example:
        tracker = Tracker()
        for frame in frames:
            people = tracker.step(observe_people(frame))
        persons = tracker.kept()
    """

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._frames: dict[int, int] = {}
        self._steps = 0

    def step(self, observations: Sequence[Observation], time: float | None = None) -> list[Observation]:
        """The observations of the next frame with `track` set: 1 for the first person, and so on, never one twice.

        Args:
            observations: everybody in the frame, in any order; may be empty.
            time: seconds, where the frames have none; ascending.
        """
        known = [o.frame.time for o in observations if o.frame.time is not None] + [time, self._steps * STEP]
        clock = next(t for t in known if t is not None)
        features = [features_of(o, clock) for o in observations]
        self._steps += 1
        self._tracks = [track for track in self._tracks if clock - track.last.time <= MEMORY]
        names = [0] * len(features)
        for track, place in _assigned(self._tracks, features):
            self._update(track, features, place)
            names[place] = track.name
        for place, fresh in enumerate(features):
            if not names[place]:
                names[place] = len(self._frames) + 1
                self._tracks.append(_Track(names[place], fresh, fresh.clothes, np.zeros(2)))
            self._frames[names[place]] = self._frames.get(names[place], 0) + 1
        return [replace(o, track=name) for o, name in zip(observations, names)]

    def kept(self, least: int = 5, share: float = 0.1) -> dict[int, int]:
        """Tracks that are no passing error: those with `least` frames, or this share of all frames.

        Returns:
            track -> number of frames in which it was seen, in the order of first appearance.
        """
        enough = min(least, max(1.0, share * self._steps))
        return {name: frames for name, frames in self._frames.items() if frames >= enough}

    @staticmethod
    def _update(track: _Track, features: list[TrackFeatures], place: int) -> None:
        seen, last = features[place], track.last
        gap = seen.time - last.time
        if gap > 0:
            speed = _shift(last, seen) / gap
            # After a gap the path between is unknown; only the step from frame to frame gives a speed.
            track.speed = 0.5 * track.speed + 0.5 * speed if gap < FADE else np.zeros(2)
        others = [other.box for k, other in enumerate(features) if k != place]
        if not any(intersection_over_union(seen.box, box) > CROWDED for box in others):
            known, fresh = track.clothes.sum(axis=1) > 0, seen.clothes.sum(axis=1) > 0
            share = np.where(fresh, np.where(known, LEARNING, 1.0), 0.0)[:, None]
            track.clothes = (1 - share) * track.clothes + share * seen.clothes
        track.last = seen


def _assigned(tracks: list[_Track], features: list[TrackFeatures]) -> list[tuple[_Track, int]]:
    """Tracks with the features that continue each."""
    from scipy.optimize import linear_sum_assignment

    if not tracks or not features:
        return []
    costs = np.array([[_cost(track, seen) for seen in features] for track in tracks])
    # A pair at the gate is as good as none: one good match must not be given up for two poor ones.
    rows, columns = linear_sum_assignment(np.minimum(costs, GATE))
    return [(tracks[r], int(c)) for r, c in zip(rows, columns) if costs[r, c] < GATE]


def _cost(track: _Track, seen: TrackFeatures) -> float:
    """0 (surely the same) to 1."""
    last, gap = track.last, max(seen.time - track.last.time, 0.0)
    moved = track.speed * min(gap, FADE)
    size = np.sqrt(last.size * seen.size)
    joints = min(distance(last, seen, moved) / size / (REACH + DRIFT * gap), 1.0)
    boxes = 1 - intersection_over_union(last.box + np.tile(moved, 2), seen.box)
    colours = clothes_distance(track.clothes, seen.clothes)
    grown = min(abs(np.log(seen.size / last.size)) / np.log(2), 1.0)
    near = WEIGHTS[0] * joints + WEIGHTS[1] * boxes + WEIGHTS[2] * (0.5 if colours is None else colours)
    if gap < FADE:
        # Nobody jumps across the picture from one frame to the next, whatever the clothes.
        near = near if joints < 1 else 1.0
    far = 1.0
    if colours is not None and colours < COLOUR_GATE:
        far = 0.6 * colours + 0.1 * grown + 0.2 * joints
    trust = np.exp(-max(gap - STEP, 0.0) / FADE)
    return float(trust * near + (1 - trust) * far)


def features_of(observation: Observation, time: float) -> TrackFeatures:
    """What is compared of an observation: all in pixels of the full frame."""
    points, box, size = _place(observation)
    return TrackFeatures(points, observation.landmark_confidence, box, size, clothes(observation), time)


def _place(observation: Observation) -> tuple[NDArray, NDArray, float]:
    """Points (K, 2), box (4,) and size of `TrackFeatures`."""
    box, crop = observation.box, np.array(observation.frame.size, float)
    scale = (box[2:] - box[:2]) / crop
    points = observation.landmarks[:, :2] * scale + box[:2]
    trusted = points[observation.landmark_confidence >= SEEN]
    outline = box_of_mask(observation.mask)
    low, high = box[:2], box[2:]
    if outline is not None:
        low, high = outline[:2] * scale + box[:2], outline[2:] * scale + box[:2]
    elif len(trusted) >= 2:
        low, high = trusted.min(axis=0), trusted.max(axis=0)
    return points, np.concatenate([low, high]), max(float(np.linalg.norm(high - low)), 1.0)


def clothes(observation: Observation) -> NDArray:
    """(2, B) histograms of CIELAB colours of the person above and below the hips, without the head."""
    longer = max(observation.frame.size)
    factor = min(1.0, CLOTHES_SIDE / longer)
    width, height = observation.frame.size
    size = max(1, round(width * factor)), max(1, round(height * factor))
    pixels = cv2.resize(observation.frame.pixels, size, interpolation=cv2.INTER_AREA)
    inside = cv2.resize(observation.mask, size, interpolation=cv2.INTER_AREA) > 0.6
    histograms = np.zeros((2, LIGHTNESS_BINS * TINT_BINS**2))
    down = _down(observation, size)
    if down is None:
        return histograms
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).astype(int)
    low, high = TINT_RANGE
    tint = np.clip((lab[..., 1:] - low) * TINT_BINS // (high - low), 0, TINT_BINS - 1)
    bins = (lab[..., 0] * LIGHTNESS_BINS // 256 * TINT_BINS + tint[..., 0]) * TINT_BINS + tint[..., 1]
    for part, (top, bottom) in enumerate(((0.05, 0.95), (1.05, 3.0))):
        chosen = bins[inside & (down > top) & (down < bottom)]
        if len(chosen) >= LEAST_PIXELS:
            histograms[part] = np.bincount(chosen, minlength=histograms.shape[1]) / len(chosen)
    return histograms


def _down(observation: Observation, size: tuple[int, int]) -> NDArray | None:
    """(H, W): 0 at the shoulders, 1 at the hips, along the trunk; None where the trunk is not seen."""
    names = schemes.SCHEMES.get(observation.landmark_scheme, ())
    rows = [names.index(f"{side}_{joint}") for joint in ("shoulder", "hip") for side in ("left", "right") if names]
    if not rows or observation.landmark_confidence[rows].min() < SEEN:
        return None
    points = observation.landmarks[rows, :2] * np.array(size) / observation.frame.size
    shoulders, hips = points[:2].mean(axis=0), points[2:].mean(axis=0)
    axis = hips - shoulders
    if not axis @ axis > 4:
        return None
    y, x = np.mgrid[: size[1], : size[0]]
    return ((x + 0.5 - shoulders[0]) * axis[0] + (y + 0.5 - shoulders[1]) * axis[1]) / (axis @ axis)


def clothes_distance(first: NDArray, second: NDArray) -> float | None:
    """Mean Hellinger distance of the (2, B) histograms over the pieces that both have, 0-1; None if there are none."""
    both = (first.sum(axis=1) > 0) & (second.sum(axis=1) > 0)
    if not both.any():
        return None
    alike = np.sqrt(first[both] * second[both]).sum(axis=1)
    return float(np.sqrt(np.clip(1 - alike, 0, 1)).mean())


def distance(first: TrackFeatures, second: TrackFeatures, moved: NDArray) -> float:
    """Mean distance of joints seen in both, pixels, after the first is moved by (2,) pixels; of the boxes' centres
    where fewer than three are."""
    weights = np.minimum(first.confidence, second.confidence)
    used = weights >= SEEN
    if used.sum() < 3:
        centres = second.box.reshape(2, 2).mean(axis=0) - first.box.reshape(2, 2).mean(axis=0)
        return float(np.linalg.norm(centres - moved))
    apart = np.linalg.norm(second.points[used] - first.points[used] - moved, axis=1)
    return float(np.average(apart, weights=weights[used]))


def newcomers(after: Sequence[Observation], before: Sequence[Observation]) -> list[Observation]:
    """Those of a frame who are nobody of the frame before, by their places alone: one optimal assignment."""
    from scipy.optimize import linear_sum_assignment

    if not before:
        return list(after)
    here, there = ([_without_clothes(one) for one in seen] for seen in (after, before))
    apart = np.array([[distance(a, b, np.zeros(2)) / np.sqrt(a.size * b.size) for b in there] for a in here])
    rows, columns = linear_sum_assignment(np.minimum(apart.reshape(len(here), len(there)), REACH))
    known = {int(r) for r, c in zip(rows, columns) if apart[r, c] < REACH}
    return [one for place, one in enumerate(after) if place not in known]


def _without_clothes(observation: Observation) -> TrackFeatures:
    points, box, size = _place(observation)
    return TrackFeatures(points, observation.landmark_confidence, box, size, np.zeros((2, 1)), 0.0)


def _shift(last: TrackFeatures, seen: TrackFeatures) -> NDArray:
    """(2,) pixels by which a person moved: the median over the joints, which a waving arm does not change."""
    used = np.minimum(last.confidence, seen.confidence) >= SEEN
    if used.sum() < 3:
        return seen.box.reshape(2, 2).mean(axis=0) - last.box.reshape(2, 2).mean(axis=0)
    return np.median(seen.points[used] - last.points[used], axis=0)
