"""From a frame to an observation of each of its people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import NothingFound
from maquette.core.options import PerceptionOptions
from maquette.core.types import Frame, Observation, Subject
from maquette.perception.boxes import box_of_mask, clipped
from maquette.perception.cutout import camera_of, cut_out, whole_pixels
from maquette.perception.limit import limited
from maquette.perception.people import apart, key_points, mask
from maquette.perception.people.detect import CROP_PER_CIRCLE, body_square
from maquette.perception.people.face import with_face_points
from maquette.perception.people.key_points import Person
from maquette.perception.people.schemes import HIPS, SHOULDERS
from maquette.perception.people.search import SEEN, enough, find_people, height_in, inside_picture, same
from maquette.perception.square import Square

SCHEME = "mediapipe33"
MARGIN = 0.12  # of the longer side of what is seen of the person, on each side of the crop
DEFAULTS = PerceptionOptions()


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
    people, lost = find_people(frame.pixels, options), 0
    name = Path(frame.origin).name if frame.origin else "the picture"
    if not people:
        raise NothingFound(
            f"{name}: no person found, also on brightened, turned and enlarged copies: "
            "use a picture that shows the whole person, larger, brighter and upright"
        )
    people, lost = apart.separated(frame.pixels, people)
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
    closer = [_closer(frame, person, people) if person in large else person for person in people]
    seen = _observations(frame, [c for c, person in zip(closer, people) if person in large], closer, options)
    if frame.time is not None or len(large) == len(people) + lost:
        return seen
    small, little = len(whole) - len(large), len(people) - len(whole)
    why = [f"{small} too small (--min-person)"] * (small > 0)
    why += [f"{little} without shoulders or limbs in the picture"] * (little > 0)
    why += [f"{lost} of whom the picture shows a face but no body that is theirs alone"] * (lost > 0)
    note = f"{len(people) + lost} people seen, {len(seen)} taken: left out {' and '.join(why)}"
    return [replace(seen[0], notes=(*seen[0].notes, note)), *seen[1:]]


def observe_near(frame: Frame, previous: list[Observation], options: PerceptionOptions = DEFAULTS) -> list[Observation]:
    """The same people in the next frame of a clip, found only where they were: no search.

    Args:
        frame: the next frame, of the same size.
        previous: observations in the frame before; their `track` is carried over.

    Returns:
        Left to right; who is no longer there is left out, so the list may be empty. Newcomers are not seen: search
        every now and then.
    """
    people: list[Person] = []
    tracks: list[int] = []
    sticks = [_stick_of(old) for old in previous]
    for place, old in enumerate(previous):
        pixels = apart.alone(frame.pixels, sticks[place], sticks[:place] + sticks[place + 1 :])
        person = key_points.find_key_points(pixels, _square_of(old), rounds=1)
        if person is None or not enough(person, frame.size) or any(same(person, p, frame.size) for p in people):
            continue
        people.append(_closer(replace(frame, pixels=pixels), person, ()))
        tracks.append(old.track)
    found = _observations(frame, people, people, options)
    track_of = {id(person): track for person, track in zip(people, tracks)}
    order = sorted(people, key=lambda p: clipped(p.box, frame.size)[[0, 2]].mean())
    return [replace(seen, track=track_of[id(person)]) for seen, person in zip(found, order)]


def _closer(frame: Frame, person: Person, people: Sequence[Person]) -> Person:
    """The person with finer outlines and face points, read where nobody else is."""
    own = apart.own_pixels(frame.pixels, person, [other for other in people if other is not person])
    return with_face_points(own, key_points.with_closer_outlines(own, person), still=frame.time is None)


def _observations(
    frame: Frame, people: list[Person], everybody: list[Person], options: PerceptionOptions
) -> list[Observation]:
    largest = sorted(people, key=lambda p: -height_in(p, frame.size))[: options.max_people]
    ordered = sorted(largest, key=lambda p: clipped(p.box, frame.size)[[0, 2]].mean())
    seen = [_observation(frame, person, [p for p in everybody if p is not person]) for person in ordered]
    return limited(seen, len(people) - options.max_people, "--max-people")


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
    inside = inside_picture(person.landmarks, frame.size)
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
    inside = box_of_mask(drawn)
    seen = person.landmarks[inside_picture(person.landmarks, size) & (person.visibility > SEEN), :2]
    if inside is None:
        return wide
    scale = (wide[2] - wide[0]) / drawn.shape[1]
    corners = inside.reshape(2, 2) * scale + wide[:2]
    points = np.concatenate([corners, seen])
    tight = _crop_box(np.concatenate([points.min(axis=0), points.max(axis=0)]), size)
    return np.concatenate([np.maximum(tight[:2], wide[:2]), np.minimum(tight[2:], wide[2:])])


def _crop_box(box: NDArray, size: tuple[int, int]) -> NDArray:
    """(4,) whole pixels of the full frame: a box (4,) with a margin, clipped to the frame."""
    box = clipped(box, size)
    margin = MARGIN * max(box[2:] - box[:2])
    return whole_pixels(box[:2] - margin, box[2:] + margin, size)


def _stick_of(old: Observation) -> apart.Stick:
    """Where a person seen before was."""
    square, scale = _square_of(old), old.frame.size[0] / (old.box[2] - old.box[0])
    points = old.landmarks[:, :2] / scale + old.box[:2]
    return apart.stick_of(points, old.landmark_confidence, square.side / CROP_PER_CIRCLE)


def _square_of(old: Observation) -> Square:
    """Where to look for a person seen before: the circle around the body, from the key points."""
    scale = old.frame.size[0] / (old.box[2] - old.box[0])
    points = old.landmarks[:, :2] / scale + old.box[:2]
    hips, shoulders = points[HIPS].mean(axis=0), points[SHOULDERS].mean(axis=0)
    up = (shoulders - hips) / max(float(np.linalg.norm(shoulders - hips)), 1e-6)
    trusted = points[old.landmark_confidence > 0.2]
    reach = np.linalg.norm(trusted - hips, axis=1).max() if len(trusted) else 2 * np.linalg.norm(shoulders - hips)
    return body_square(hips, hips + up * max(reach, 4.0))
