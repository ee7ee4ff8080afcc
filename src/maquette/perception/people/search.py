"""The people of a picture: candidates whose key points are believed; altered copies are searched if it shows nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maquette.core.options import PerceptionOptions
from maquette.perception.boxes import clipped
from maquette.perception.copies import Copy, Search, brightened, find_all, noted, search_copy, turned
from maquette.perception.people import detect, key_points, mask
from maquette.perception.people.detect import Candidate
from maquette.perception.people.key_points import Person
from maquette.perception.people.schemes import JOINTS, SHOULDERS

SEEN = 0.5  # visibility from which on a key point counts as seen
ENOUGH = 4  # joints that must be seen where the shoulders are not
DEFAULTS = PerceptionOptions()


def find_people(pixels: NDArray, options: PerceptionOptions = DEFAULTS) -> list[Person]:
    """People of any size, in pixels of the picture; altered copies are searched only if it shows nobody."""
    copy = search_copy(pixels)
    divisions = (1, *detect.useful_divisions(copy, options.min_person))
    searches = (Search(copy, division, detect.SURE) for division in divisions)
    return find_all(lambda search, known: people_in(pixels, search, known), searches, _rescues(copy))


def _rescues(copy: Copy) -> Iterator[Search]:
    """Altered copies to search in."""
    yield Search(replace(copy, note="found with little certainty"), 1, detect.UNSURE)
    yield Search(brightened(copy), 1, detect.UNSURE)
    for degrees in (90, -90, 180):
        yield Search(turned(copy, degrees), 1, detect.SURE)
    yield Search(replace(copy, note=noted(copy.note, "enlarged")), 2, detect.UNSURE)


def people_in(pixels: NDArray, search: Search, known: list[Person]) -> list[Person]:
    """People in one copy who are not among the known ones."""
    size = pixels.shape[1], pixels.shape[0]
    found: list[Person] = []
    for candidate in detect.candidates(search):
        if any(_known(candidate, person) for person in known + found):
            continue
        person = key_points.find_key_points(pixels, candidate.square, candidate.score, note=search.copy.note)
        if person is None or not plausible(person, size):
            continue
        if any(same(person, other, size) for other in known + found):
            continue
        person = key_points.confirmed(pixels, person)
        if person is not None:
            found.append(person)
    return found


def _known(candidate: Candidate, person: Person) -> bool:
    """Whether a candidate is so like a known person that its key points would be the same."""
    apart = np.linalg.norm(candidate.square.centre - person.following.centre) / person.following.side
    return bool(apart < 0.15 and 0.6 < candidate.square.side / person.following.side < 1.6)


def plausible(person: Person, size: tuple[int, int]) -> bool:
    """Whether an outline and some key points lie in the picture."""
    box = clipped(person.box, size)
    inside = inside_picture(person.landmarks, size) & (person.visibility > SEEN)
    return bool((box[2:] - box[:2]).min() >= 4 and inside.sum() >= 3)


def enough(person: Person, size: tuple[int, int]) -> bool:
    """Whether both shoulders or several joints are seen in the picture."""
    seen = inside_picture(person.landmarks, size) & (person.visibility > SEEN)
    return bool(seen[SHOULDERS].all() or seen[JOINTS].sum() >= ENOUGH)


def height_in(person: Person, size: tuple[int, int]) -> float:
    """Height of what is seen of a person, pixels."""
    box = clipped(person.box, size)
    return float(max(box[3] - box[1], 0))


def same(a: Person, b: Person, size: tuple[int, int]) -> bool:
    """Whether two finds are one person: trunks or outlines coincide."""
    if key_points.same(a, b):
        return True
    low = np.maximum(np.minimum(a.box[:2], b.box[:2]), 0)
    high = np.minimum(np.maximum(a.box[2:], b.box[2:]), size)
    if (high - low).min() < 1:
        return False
    box, grid = np.concatenate([low, high]), (96, 96)
    first, second = (mask.outline_in(box, grid, p) > 0.5 for p in (a, b))
    return bool((first & second).sum() > 0.6 * max(min(first.sum(), second.sum()), 1))


def inside_picture(landmarks: NDArray, size: tuple[int, int]) -> NDArray:
    """(N,) bool: which landmarks (N, 2+) lie in a picture of (width, height)."""
    x, y = landmarks[:, 0], landmarks[:, 1]
    return (x >= 0) & (y >= 0) & (x < size[0]) & (y < size[1])
