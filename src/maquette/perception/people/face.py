"""Eyes, nose and mouth of a person where the network of faces sees them.

The network of bodies sees a head of twenty or thirty pixels and guesses: in a photo of somebody who stands, its eyes
lie on the brows, a third of the way from eyes to mouth too high. Head and texture depend on these points.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maquette.perception.faces import topology
from maquette.perception.faces.landmarker import JITTERS, PRESENT, plausible
from maquette.perception.faces.patch import jittered, settled
from maquette.perception.people import schemes
from maquette.perception.people.key_points import Person
from maquette.perception.square import Square, upright_turn

CROPS = JITTERS[:2]  # averaged: as it is, and in a mirror
SEEN = 0.5  # visibility of the nose from which on there is a face to look for
REACH = 3.6  # side of the first crop over eyes to mouth, or over eye to eye, whichever is longer
APART = 0.9  # of the face's size: a face farther from where the body has it is another person's
SMALLEST = 12.0  # pixels of a face's longer extent below which its network knows no more than the other
DOUBTED, UNSEEN = 12.0, 0.4  # pixels from eyes to mouth from which on a face must show; what its points count if not
# The points of the face network, averaged, that stand for each of the body's.
POINTS = {
    "nose": (topology.NOSE[4],),
    "left_eye_inner": (362,), "left_eye": topology.LEFT_EYE, "left_eye_outer": (263,),
    "right_eye_inner": (133,), "right_eye": topology.RIGHT_EYE, "right_eye_outer": (33,),
    "mouth_left": (291,), "mouth_right": (61,),
}  # fmt: skip


def with_face_points(pixels: NDArray, person: Person, still: bool = False) -> Person:
    """The person with the points of the face moved to where the face network sees them; the same if it sees none.

    Args:
        pixels: (H, W, 3) uint8, the full picture.
        still: in a photo, points of a face that is large enough and not seen count less: it is hidden or turned away,
            which the network of bodies does not say. In a clip they would come and go.
    """
    if person.visibility[schemes.indices("nose")[0]] < SEEN:
        return person
    square, rows = _face_square(person.landmarks), schemes.indices(*POINTS)
    found = _landmarks(pixels, square)
    if found is None and still and square.side > REACH * DOUBTED:
        visibility = person.visibility.copy()
        visibility[rows] *= UNSEEN
        return replace(person, visibility=visibility)
    if found is None:
        return person
    flat = np.array([found[list(index), :2].mean(axis=0) for index in POINTS.values()])
    extent = np.ptp(found[:, :2], axis=0).max()
    apart = np.linalg.norm(flat.mean(axis=0) - person.landmarks[rows, :2].mean(axis=0))
    if extent < SMALLEST or apart > APART * extent:
        return person
    landmarks = person.landmarks.copy()
    landmarks[rows, :2] = flat
    return replace(person, landmarks=landmarks)


def _face_square(points: NDArray) -> Square:
    """Where the face ought to be, from the body's points (33, 3)."""
    left, right = (points[schemes.indices(f"{side}_eye")[0], :2] for side in ("left", "right"))
    mouth = points[schemes.indices("mouth_left", "mouth_right"), :2].mean(axis=0)
    down, across = mouth - (left + right) / 2, left - right
    side = REACH * max(float(np.linalg.norm(down)), float(np.linalg.norm(across)), 2.0)
    return Square((left + right + 2 * mouth) / 4, side, upright_turn(across, down))


def _landmarks(pixels: NDArray, square: Square) -> NDArray | None:
    """(478, 3) landmarks in pixels of the picture, or None if there is no face."""
    height, width = pixels.shape[:2]
    if not (0 <= square.centre[0] < width and 0 <= square.centre[1] < height):
        return None
    placed = settled(pixels, square, lambda seen: seen.presence >= PRESENT and plausible(seen.landmarks))
    if placed is None:
        return None
    patch, square = placed
    samples, presences = zip(*(patch.landmarks_in(*jittered(square, row)) for row in CROPS))
    landmarks = patch.to_full(np.mean(samples, axis=0))
    return landmarks if np.mean(presences) >= PRESENT and plausible(landmarks) else None
