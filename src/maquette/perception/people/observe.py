"""From a frame to its people: find, trace, cut out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import NothingFound
from maquette.core.options import PerceptionOptions
from maquette.core.types import Frame, Observation, Subject
from maquette.perception.cutout import camera_of, cut_out, whole_pixels
from maquette.perception.faces import detect
from maquette.perception.faces.detect import Copy
from maquette.perception.people import find, key_points, mask, schemes
from maquette.perception.people.face import faced
from maquette.perception.people.find import Candidate, place_of
from maquette.perception.people.key_points import Person

SCHEME = "mediapipe33"
MARGIN = 0.12  # of the longer side of what is seen of the person, on each side of the crop
SEEN = 0.5  # visibility from which on a key point counts as seen
ENOUGH = 4  # joints that must be seen where the shoulders are not
DEFAULTS = PerceptionOptions()
JOINTS = schemes.indices(
    *(
        f"{side}_{joint}"
        for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        for side in ("left", "right")
    )
)
SHOULDERS = schemes.indices("left_shoulder", "right_shoulder")
HIPS = schemes.indices("left_hip", "right_hip")


def observe_people(frame: Frame, options: PerceptionOptions = DEFAULTS) -> list[Observation]:
    """Every person in a picture.

    An observation's `box` is in pixels of the full frame. Its crop holds exactly that box, shrunk if its longer side
    exceeds 2048 pixels: crop pixel = (full pixel - box minimum) * crop width / box width. Landmarks and mask are for
    the crop; key points outside the picture have coordinates beyond it and little confidence.

    Returns:
        One observation per person, left to right.

    Raises:
        NothingFound: one line: nobody, too little of somebody, or only people shorter than `options.min_person`.
    """
    people = find_people(frame.pixels, options)
    name = Path(frame.origin).name if frame.origin else "the picture"
    if not people:
        raise NothingFound(
            f"{name}: no person found, also on brightened, turned and enlarged copies: "
            "use a picture that shows the whole person, larger, brighter and upright"
        )
    whole = [person for person in people if enough(person, frame.size)]
    if not whole:
        raise NothingFound(
            f"{name}: too little of a person: neither shoulders nor limbs show: use a picture of the body"
        )
    large = [person for person in whole if height_in(person, frame.size) >= options.min_person]
    if not large:
        tallest = max(height_in(person, frame.size) for person in whole)
        raise NothingFound(
            f"{name}: person too small: {tallest:.0f} px high, at least {options.min_person:g} are needed: "
            "use a larger version of the picture, or lower --min-person"
        )
    pixels = frame.pixels
    close = [faced(pixels, key_points.looked_at_closely(pixels, p)) if p in large else p for p in people]
    return _observations(frame, [c for c, person in zip(close, people) if person in large], close, options)


def observe_near(frame: Frame, previous: list[Observation], options: PerceptionOptions = DEFAULTS) -> list[Observation]:
    """The same people in the next frame of a clip, looked for only where they were: no search.

    Args:
        frame: the next frame, of the same size.
        previous: observations in the frame before; their `track` is carried over.

    Returns:
        Left to right; who is no longer there is left out, so the list may be empty. Newcomers are not seen: search
        every now and then.
    """
    people, tracks = [], []
    for old in previous:
        person = key_points.trace(frame.pixels, _place_of(old), rounds=1)
        if person is None or not enough(person, frame.size) or any(_same(person, p, frame.size) for p in people):
            continue
        people.append(faced(frame.pixels, key_points.looked_at_closely(frame.pixels, person)))
        tracks.append(old.track)
    found = _observations(frame, people, people, options)
    track_of = {id(person): track for person, track in zip(people, tracks)}
    order = sorted(people, key=lambda p: _clipped(p.box, frame.size)[[0, 2]].mean())
    return [replace(seen, track=track_of[id(person)]) for seen, person in zip(found, order)]


def find_people(pixels: NDArray, options: PerceptionOptions = DEFAULTS) -> list[Person]:
    """Traced people of any size, in pixels of the picture; altered copies are searched only if it shows nobody."""
    copy = detect.search_copy(pixels)
    people = people_in(pixels, copy, 1, find.SURE, [])
    for division in find.useful_divisions(copy, options.min_person):
        found = people_in(pixels, copy, division, find.SURE, people)
        people += found
        if people and not found:
            break
    if people:
        return people
    for attempt, division, score in _rescues(copy):
        people = people_in(pixels, attempt, division, score, [])
        if people:
            break
    return people


def _rescues(copy: Copy) -> Iterator[tuple[Copy, int, float]]:
    """Altered copies to search in: a copy, how to divide it, the lowest score."""
    yield replace(copy, note="found with little certainty"), 1, find.UNSURE
    yield detect.brightened(copy), 1, find.UNSURE
    for degrees in (90, -90, 180):
        yield detect.turned(copy, degrees), 1, find.SURE
    yield replace(copy, note=detect.also(copy.note, "enlarged")), 2, find.UNSURE


def people_in(pixels: NDArray, copy: Copy, division: int, lowest: float, known: list[Person]) -> list[Person]:
    """People in one copy who are not among the known ones."""
    size = pixels.shape[1], pixels.shape[0]
    found: list[Person] = []
    for candidate in find.candidates(copy, division, lowest):
        if any(_known(candidate, person) for person in known + found):
            continue
        person = key_points.trace(pixels, candidate.place, candidate.score, note=copy.note)
        if person is None or not plausible(person, size):
            continue
        if any(_same(person, other, size) for other in known + found):
            continue
        person = key_points.confirmed(pixels, person)
        if person is not None:
            found.append(person)
    return found


def _known(candidate: Candidate, person: Person) -> bool:
    """Whether a candidate is so like a traced person that tracing it would tell nothing new."""
    apart = np.linalg.norm(candidate.place.centre - person.following.centre) / person.following.side
    return bool(apart < 0.15 and 0.6 < candidate.place.side / person.following.side < 1.6)


def plausible(person: Person, size: tuple[int, int]) -> bool:
    """Whether an outline and some key points lie in the picture."""
    box = _clipped(person.box, size)
    inside = _inside(person.landmarks, size) & (person.visibility > SEEN)
    return bool((box[2:] - box[:2]).min() >= 4 and inside.sum() >= 3)


def enough(person: Person, size: tuple[int, int]) -> bool:
    """Whether both shoulders or several joints are seen in the picture."""
    seen = _inside(person.landmarks, size) & (person.visibility > SEEN)
    return bool(seen[SHOULDERS].all() or seen[JOINTS].sum() >= ENOUGH)


def height_in(person: Person, size: tuple[int, int]) -> float:
    """Height of what is seen of a person, pixels."""
    box = _clipped(person.box, size)
    return float(max(box[3] - box[1], 0))


def _same(a: Person, b: Person, size: tuple[int, int]) -> bool:
    """Whether two traced people are one: trunks or outlines coincide."""
    if key_points.same(a, b):
        return True
    low = np.maximum(np.minimum(a.box[:2], b.box[:2]), 0)
    high = np.minimum(np.maximum(a.box[2:], b.box[2:]), size)
    if (high - low).min() < 1:
        return False
    box, grid = np.concatenate([low, high]), (96, 96)
    first, second = (mask.outline_in(box, grid, p) > 0.5 for p in (a, b))
    return bool((first & second).sum() > 0.6 * max(min(first.sum(), second.sum()), 1))


def _observations(
    frame: Frame, people: list[Person], everybody: list[Person], options: PerceptionOptions
) -> list[Observation]:
    largest = sorted(people, key=lambda p: -height_in(p, frame.size))[: options.max_people]
    ordered = sorted(largest, key=lambda p: _clipped(p.box, frame.size)[[0, 2]].mean())
    return [_observation(frame, person, [p for p in everybody if p is not person]) for person in ordered]


def _observation(frame: Frame, person: Person, others: list[Person]) -> Observation:
    wide = _crop_box(person.box, frame.size)
    crop, scale = cut_out(frame.pixels, wide)
    drawn = mask.person_mask(crop, wide, person, others)
    box = _tightened(wide, drawn, person, frame.size)
    low, high = (np.round((corner - wide[:2]) * scale).astype(int) for corner in (box[:2], box[2:]))
    drawn = drawn[low[1] : high[1], low[0] : high[0]]
    crop, scale = cut_out(frame.pixels, box)
    if drawn.shape != crop.shape[:2]:
        drawn = cv2.resize(drawn, (crop.shape[1], crop.shape[0]), interpolation=cv2.INTER_LINEAR)
    inside = _inside(person.landmarks, frame.size)
    return Observation(
        frame=Frame(crop, frame.time, frame.origin, frame.focal * scale if frame.focal else None),
        box=box,
        subject=Subject.PERSON,
        landmarks=(person.landmarks - np.append(box[:2], 0)) * scale,
        landmark_scheme=SCHEME,
        landmark_confidence=person.visibility * np.where(inside, 1.0, 0.1),
        mask=np.ascontiguousarray(drawn),
        confidence=float(person.score * person.presence),
        camera=camera_of(frame, box, scale, crop),
        full_size=frame.size,
        notes=(person.note,) if person.note else (),
        landmarks_metric=person.metric,
    )


def _tightened(wide: NDArray, drawn: NDArray, person: Person, size: tuple[int, int]) -> NDArray:
    """(4,) the box around the mask and the key points that are seen, with a margin, within the wide one."""
    rows, columns = np.flatnonzero((drawn > 0.5).any(axis=1)), np.flatnonzero((drawn > 0.5).any(axis=0))
    seen = person.landmarks[_inside(person.landmarks, size) & (person.visibility > SEEN), :2]
    if not len(rows):
        return wide
    scale = (wide[2] - wide[0]) / drawn.shape[1]
    corners = np.array([[columns[0], rows[0]], [columns[-1] + 1, rows[-1] + 1]]) * scale + wide[:2]
    points = np.concatenate([corners, seen])
    tight = _crop_box(np.concatenate([points.min(axis=0), points.max(axis=0)]), size)
    return np.concatenate([np.maximum(tight[:2], wide[:2]), np.minimum(tight[2:], wide[2:])])


def _crop_box(box: NDArray, size: tuple[int, int]) -> NDArray:
    """(4,) whole pixels of the full frame: a box (4,) with a margin, clipped to the frame."""
    box = _clipped(box, size)
    margin = MARGIN * max(box[2:] - box[:2])
    return whole_pixels(box[:2] - margin, box[2:] + margin, size)


def _place_of(old: Observation) -> key_points.Placement:
    """Where to look for a person seen before: the circle around the body, from the key points."""
    scale = old.frame.size[0] / (old.box[2] - old.box[0])
    points = old.landmarks[:, :2] / scale + old.box[:2]
    hips, shoulders = points[HIPS].mean(axis=0), points[SHOULDERS].mean(axis=0)
    up = (shoulders - hips) / max(float(np.linalg.norm(shoulders - hips)), 1e-6)
    trusted = points[old.landmark_confidence > 0.2]
    reach = np.linalg.norm(trusted - hips, axis=1).max() if len(trusted) else 2 * np.linalg.norm(shoulders - hips)
    return place_of(hips, hips + up * max(reach, 4.0))


def _inside(landmarks: NDArray, size: tuple[int, int]) -> NDArray:
    x, y = landmarks[:, 0], landmarks[:, 1]
    return (x >= 0) & (y >= 0) & (x < size[0]) & (y < size[1])


def _clipped(box: NDArray, size: tuple[int, int]) -> NDArray:
    return np.clip(box, 0, np.tile(np.asarray(size, float), 2))
