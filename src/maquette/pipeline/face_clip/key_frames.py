"""The frames that a head and its texture are made from: clear ones, spread over the turns of the head and over time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import NothingFound
from maquette.core.options import PerceptionOptions
from maquette.core.types import Observation
from maquette.perception.boxes import overlap
from maquette.perception.faces.enlarge import observe_enlarged
from maquette.perception.faces.regressor.preferred import yaw
from maquette.perception.models.results import BLENDSHAPES
from maquette.perception.tracking.face_sighting import FaceSightings
from maquette.sources.video import Clip, frames_at

MOST = 6  # of a person
TURNS = np.radians([-60, -22, -7, 7, 22, 60])  # borders of the turns that are shown once each, if they are there
APART = 0.15  # seconds between two key frames: neighbours show the same
SAME = 0.4  # overlap of boxes from which on an observation is of the person


def quality(sightings: FaceSightings) -> NDArray:
    """(N,) how good a photo of the face each frame is, 0-1: clear, eyes open, mouth shut."""
    scores, shut = sightings.column("scores"), sightings.column("shut").any(axis=1)
    blink = scores[:, [BLENDSHAPES.index(f"eyeBlink{side}") for side in ("Left", "Right")]].max(axis=1)
    jaw = scores[:, BLENDSHAPES.index("jawOpen")]
    found = clearness(sightings) * np.where(shut, 0.2, 1 - 0.6 * blink) * (1 - 0.5 * jaw)
    return np.clip(found, 0, 1)


def clearness(sightings: FaceSightings) -> NDArray:
    """(N,) how clearly each frame shows the face, whatever it does, about 0-1: sharp, surely seen, large, uncovered."""
    sharp, skin = sightings.column("sharpness"), sightings.column("skin")
    large = np.sqrt(np.ptp(sightings.boxes()[:, 1::2], axis=1))
    found = sharp / max(float(np.quantile(sharp, 0.9)), 1e-6) * np.minimum(skin / 0.9, 1.0) ** 2
    found = found * np.minimum(sightings.column("presence"), 1) * (0.3 + 0.7 * (sightings.column("detected") > 0))
    return np.asarray(found * large / float(np.quantile(large, 0.9)))


def chosen(sightings: FaceSightings) -> list[int]:
    """Indices of the key frames, the best frontal one first."""
    good, times = quality(sightings), sightings.column("time")
    turn = np.array([yaw(one.reading.landmarks) for one in sightings])
    frontal = good / (1 + (turn / np.radians(15)) ** 2)
    first = int(np.argmax(frontal))
    found = [first]
    apart = min(APART, float(times[-1] - times[0]) / MOST)

    def free(index: int) -> bool:
        return index not in found and all(abs(times[index] - times[other]) >= apart for other in found)

    for low, high in pairwise(TURNS):
        inside = np.flatnonzero((turn >= low) & (turn < high) & (good > 0.5 * good[first]))
        if not low <= turn[first] < high and len(inside):
            best = int(inside[np.argmax(good[inside])])
            found += [best] if free(best) else []
    for part in np.array_split(np.arange(len(times)), MOST):
        if len(part) and len(found) < MOST:
            best = int(part[np.argmax(frontal[part])])
            found += [best] if free(best) and good[best] > 0.5 * good[first] else []
    return found[:MOST]


def observed(clip: Clip, sightings: FaceSightings, options: PerceptionOptions, path: str) -> list[Observation]:
    """The person in the key frames, seen as a photo is; those in which the face is not found so are left out.

    Raises:
        NothingFound: in none.
    """
    indices = chosen(sightings)
    seen = seen_in(indices, clip, sightings, options)
    if not seen:
        raise NothingFound(f"{path}: no frame shows this face clearly enough: a sharper or larger view is wanted")
    return [seen[index] for index in indices if index in seen]


def seen_in(
    indices: Sequence[int], clip: Clip, sightings: FaceSightings, options: PerceptionOptions
) -> dict[int, Observation]:
    """The person in some of the sightings, seen as a photo is, as far as the face is found so."""
    wanted = {sightings[index].frame: index for index in indices}
    smallest = min(options.min_face, 0.7 * min(sightings[index].width for index in indices))
    settings = PerceptionOptions(
        min_face=max(1.0, smallest), max_faces=1000, upscale=options.upscale, device=options.device
    )
    seen: dict[int, Observation] = {}
    for number, frame in frames_at(clip, sorted(wanted)):
        try:
            faces = observe_enlarged(frame, settings)
        except NothingFound:
            continue
        box = sightings[wanted[number]].box
        best = max(faces, key=lambda face: overlap(_box(face), box))
        if overlap(_box(best), box) > SAME:
            seen[wanted[number]] = best
    return seen


def _box(face: Observation) -> NDArray:
    """(4,) around the landmarks, pixels of the full frame."""
    points = face.landmarks[:, :2] * (face.box[2:] - face.box[:2]) / face.frame.size + face.box[:2]
    return np.concatenate([points.min(axis=0), points.max(axis=0)])
