"""People who touch: each is looked for alone, with the others painted over.

The network of key points sees one person in a crop and mixes those who touch: of three women arm in arm it found one,
with the head of one and the arm of another. A face shows where each begins; who is nearest to which pixel is asked of
the straight lines below the faces first, then of the skeletons found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.boxes import covered
from maquette.perception.copies import Search, search_copy
from maquette.perception.faces import detect as face_detect
from maquette.perception.faces.landmarker import find_landmarks
from maquette.perception.models.results import FaceDetection
from maquette.perception.people import key_points, schemes
from maquette.perception.people.key_points import Person
from maquette.perception.people.mask import outline_in
from maquette.perception.square import Square

GRID_SIDE = 256  # pixels, longer side of the copy on which it is measured who is nearer
FACE_SURE = 0.6  # detector score of a face that asks for a body
HIPS_BELOW, STATURE, CIRCLE = 4.8, 11.5, 15.5  # widths of a face: hips under it, a body, the square around that
AT_HEAD = 0.5  # widths of a face from the tip of its nose within which its owner has the nose
STAYS = 0.08  # of a person's size: farther off is another head
NEAR = 0.12  # of the size: what two sticks lie apart at most where people may touch
MARGINS = (0.0, 0.02, 0.02)  # of the size, per round: by how much nearer to another a pixel is that is painted over
SEEN = 0.4  # visibility from which on a limb shows where somebody is
NOSE, HEAD, SHOULDERS = 0, slice(0, 11), slice(11, 13)
NOSE_TIP = 2  # of a face detection
FACE_SIDE, COVERED = 32, 0.4  # pixels; of another's face, from which on a body found under a face is none
SKULL = 0.04  # of the size: half a head


@dataclass(frozen=True, eq=False)
class Stick:
    """Where somebody is, roughly: lines (L, 2, 2) in pixels of the full picture, and the height of the body there."""

    lines: NDArray
    size: float

    @property
    def box(self) -> NDArray:
        """(4,) around the lines and whom they may touch."""
        points = self.lines.reshape(-1, 2)
        return np.concatenate([points.min(axis=0) - NEAR * self.size, points.max(axis=0) + NEAR * self.size])

    def distance(self, shape: tuple[int, int], factor: float) -> NDArray:
        """(H, W) float32 over the size, on a copy of the picture of that shape, `factor` as large."""
        drawn = np.ones(shape, np.uint8)
        for a, b in np.clip(self.lines * factor, -4 * max(shape), 5 * max(shape)).astype(int):
            cv2.line(drawn, a.tolist(), b.tolist(), (0,))
        away = cv2.distanceTransform(drawn, cv2.DIST_L2, cv2.DIST_MASK_5) if not drawn.all() else drawn * 1e6
        return (away / (factor * self.size)).astype(np.float32)


def stick_of(landmarks: NDArray, visibility: NDArray, size: float) -> Stick:
    """The limbs that are seen, head and neck, of key points (33, 2+) in pixels of the picture."""
    points, seen = landmarks[:, :2], visibility > SEEN
    bones = [schemes.indices(*bone) for bone in schemes.BONES]
    head = points[HEAD].mean(axis=0)
    crown = head - [0.0, SKULL * size]
    lines = [[head, points[SHOULDERS].mean(axis=0)], [head, crown]]
    lines += [[points[a], points[b]] for a, b in bones if seen[a] and seen[b]]
    return Stick(np.array(lines), max(size, 1.0))


def stick_below(face: NDArray) -> Stick:
    """The straight body under a face (4,) of which no more is known."""
    middle, height = (face[:2] + face[2:]) / 2, STATURE * float(face[2] - face[0])
    return Stick(np.array([middle, middle])[None] + np.array([[0, 0], [0, height]]), height)


def alone(pixels: NDArray, own: Stick, others: Sequence[Stick], margin: float = MARGINS[-1]) -> NDArray:
    """(H, W, 3) uint8: the picture with what is nearer to others than to somebody painted in the colour of its edges.

    The same picture where nobody is near.
    """
    rivals = [other for other in others if covered(own.box, other.box) > 0]
    if not rivals:
        return pixels
    factor = GRID_SIDE / max(pixels.shape[:2])
    shape = max(1, round(pixels.shape[0] * factor)), max(1, round(pixels.shape[1] * factor))
    nearest = np.min([rival.distance(shape, factor) for rival in rivals], axis=0)
    theirs = (nearest < own.distance(shape, factor) - margin).astype(np.float32)
    share = cv2.resize(theirs, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    edges = np.concatenate([pixels[0], pixels[:, 0], pixels[:, -1]])
    colour = np.median(edges, axis=0).astype(np.uint8)
    out = pixels.copy()
    out[share > 0.5] = colour
    return out


@dataclass(frozen=True, eq=False)
class Trace:
    """Somebody in the picture: the person found, or None yet, and the face, or None; how sure, 0-1."""

    person: Person | None
    face: FaceDetection | None
    score: float

    @property
    def stick(self) -> Stick:
        """Where they are, as far as it is known."""
        if self.person is not None:
            return stick_of(self.person.landmarks, self.person.visibility, self.person.size)
        assert self.face is not None, "nobody without person and face"
        return stick_below(self.face.box)

    @property
    def square(self) -> Square:
        """Where to look for the body."""
        if self.person is not None:
            return self.person.following
        assert self.face is not None, "nobody without person and face"
        middle, width = (self.face.box[:2] + self.face.box[2:]) / 2, self.face.box[2] - self.face.box[0]
        return Square(middle + np.array([0, HIPS_BELOW * width]), CIRCLE * float(width), 0.0)

    def owns(self, person: Person) -> bool:
        """Whether a person has this head."""
        nose = person.landmarks[NOSE, :2]
        if self.face is not None:
            away = np.linalg.norm(nose - self.face.keypoints[NOSE_TIP])
            return bool(away < AT_HEAD * np.ptp(self.face.box[::2]))
        assert self.person is not None, "nobody without person and face"
        return bool(np.linalg.norm(nose - self.person.landmarks[NOSE, :2]) < STAYS * self.person.size)


def separated(pixels: NDArray, people: Sequence[Person]) -> tuple[list[Person], int]:
    """Everybody with a body of their own.

    Args:
        pixels: (H, W, 3) uint8, the full picture.
        people: who was found in it, some of them perhaps mixed of two.

    Returns:
        people: those, and who was hidden among them; one per face.
        lost: how many faces there are besides that got no body.
    """
    traces = _traces(people, _faces(pixels))
    first = [trace.person for trace in traces]
    for margin in MARGINS:
        sticks = [trace.stick for trace in traces]
        traces = [
            _looked_again(pixels, trace, sticks[:k] + sticks[k + 1 :], margin) if _crowded(k, sticks, trace) else trace
            for k, trace in enumerate(traces)
        ]
    sticks, found = [trace.stick for trace in traces], []
    for k, trace in enumerate(traces):
        person = trace.person
        if person is not None and person is not first[k]:
            person = key_points.confirmed(alone(pixels, sticks[k], sticks[:k] + sticks[k + 1 :]), person) or first[k]
        found.append(person)
        if first[k] is None and person is not None and _covers(person, [t.face for t in traces if t is not trace]):
            found[-1] = None
    lost = [t for t, person in zip(traces, found) if person is None]
    return [p for p in found if p is not None], sum(_shows_a_face(pixels, trace) for trace in lost)


def own_pixels(pixels: NDArray, person: Person, others: Sequence[Person]) -> NDArray:
    """The picture with only this person of those who touch; see `alone`."""
    own, *rest = (stick_of(one.landmarks, one.visibility, one.size) for one in (person, *others))
    return alone(pixels, own, rest)


def _faces(pixels: NDArray) -> list[FaceDetection]:
    """The large faces of a picture."""
    return face_detect.candidates(Search(search_copy(pixels), 1, FACE_SURE))


def _traces(people: Sequence[Person], faces: Sequence[FaceDetection]) -> list[Trace]:
    """One per face and one per person without a face; of several people with one face the surest."""
    traces = [Trace(None, face, face.score) for face in faces]
    free: list[Trace] = []
    for person in sorted(people, key=lambda p: -p.score * p.presence):
        mine = [k for k, trace in enumerate(traces) if trace.owns(person)]
        if not mine:
            free.append(Trace(person, None, person.score))
        elif traces[mine[0]].person is None:
            traces[mine[0]] = replace(traces[mine[0]], person=person, score=person.score)
    return traces + free


def _crowded(index: int, sticks: Sequence[Stick], trace: Trace) -> bool:
    """Whether somebody is not found yet, or near another."""
    rest = [stick for k, stick in enumerate(sticks) if k != index]
    return trace.person is None or any(covered(sticks[index].box, other.box) > 0 for other in rest)


def _looked_again(pixels: NDArray, trace: Trace, others: Sequence[Stick], margin: float) -> Trace:
    """The trace with the body that is found where nobody else is."""
    shown = alone(pixels, trace.stick, others, margin)
    note = "" if trace.person is None else trace.person.note
    person = key_points.find_key_points(shown, trace.square, trace.score, note=note)
    return trace if person is None or not trace.owns(person) else replace(trace, person=person)


def _covers(person: Person, faces: Sequence[FaceDetection | None]) -> bool:
    """Whether most of another's face would be this person's."""
    boxes = [face.box for face in faces if face is not None]
    return any((outline_in(box, (FACE_SIDE, FACE_SIDE), person) > 0.5).mean() > COVERED for box in boxes)


def _shows_a_face(pixels: NDArray, trace: Trace) -> bool:
    """Whether the network of landmarks too sees a face there."""
    assert trace.face is not None, "lost ones have a face"
    return find_landmarks(pixels, trace.face) is not None
