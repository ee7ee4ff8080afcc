"""The first pass over a clip for faces: who is in which frame, each frame looked at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.options import PerceptionOptions
from maquette.core.types import Frame
from maquette.perception.boxes import overlap
from maquette.perception.copies import Search, search_copy
from maquette.perception.faces import detect
from maquette.perception.faces.enlarge import SMALLEST_FACE
from maquette.perception.faces.landmarker import Face
from maquette.perception.faces.regressor.rescue import faint_faces
from maquette.perception.faces.search import faces_in
from maquette.perception.tracking import face_follow
from maquette.perception.tracking.face_sighting import RECORD, FaceSighting, FaceSightings
from maquette.perception.tracking.face_track import FaceTracker, looks_of
from maquette.sources.ahead import ahead
from maquette.sources.video import Clip, frames

SEARCH_EVERY = 10  # frames after which the whole picture is searched for newcomers
SEARCH_EVERY_EMPTY = 3  # the same where nobody is in sight
FINE_EVERY = 60  # frames after which small faces are searched for too
THUMBNAIL = (32, 18)  # pixels of the copies that are compared for cuts
CUT, SUDDEN = 22.0, 3.5  # mean change of 8-bit brightness, and times the usual change, from which on it is a cut
SAME = 0.3  # overlap of boxes from which on two are of one face


@dataclass
class WatchedFaces:
    """Who was seen in a clip.

    Attributes:
        path: file of RECORDs.
        tracks: who -> (N,) places of their sightings in the file, in the order of time; passing errors are left out.
        empty: frame -> time, of frames without a face.
        count: frames that were looked at. size: (width, height) of the frames.
        shots: how many the clip has. dropped: sightings of tracks that were left out.
        notes: what is odd about the clip, in plain words.
    """

    path: Path
    tracks: dict[int, NDArray] = field(default_factory=dict)
    empty: dict[int, float] = field(default_factory=dict)
    count: int = 0
    size: tuple[int, int] = (0, 0)
    shots: int = 1
    dropped: int = 0
    notes: tuple[str, ...] = ()

    def sightings(self, track: int) -> FaceSightings:
        """Those of one person."""
        return FaceSightings(self.path, self.tracks[track])


def watch_faces(
    clip: Clip, path: Path, options: PerceptionOptions, progress: Callable[[int], None] = lambda _: None
) -> WatchedFaces:
    """Find and follow every face of a clip.

    Args:
        path: file for what is seen; it is written anew.
        progress: called with the number of frames looked at so far.
    """
    tracker, seen = FaceTracker(), WatchedFaces(path)
    places: dict[int, list[int]] = {}
    times: dict[int, float] = {}
    names: list[tuple[int, int]] = []
    with path.open("wb") as file:
        for index, frame, faces, followed in _Watch(clip, options).faces():
            seen.count, seen.size = seen.count + 1, frame.size
            looks = [looks_of(frame.pixels, one.points, one.reading) for one in faces]
            given = tracker.step(faces, looks, followed)
            for one, name in zip(faces, given):
                file.write(replace(one, track=name).record().tobytes())
                places.setdefault(name, []).append(len(names))
                names.append((name, index))
                seen.shots = max(seen.shots, one.shot + 1)
            followed[:] = given
            times[index] = float(frame.time or 0.0)
            progress(seen.count)
    kept = tracker.kept()
    seen.tracks = {name: np.array(places[name]) for name in kept}
    seen.dropped = sum(len(rows) for name, rows in places.items() if name not in kept)
    shown = {frame for name, frame in names if name in kept}
    seen.empty = {frame: time for frame, time in times.items() if frame not in shown}
    seen.notes = clip.notes
    return seen


class _Watch:
    """One pass: who is in sight is followed, the whole picture is searched now and then and after every cut."""

    def __init__(self, clip: Clip, options: PerceptionOptions) -> None:
        self.clip, self.options = clip, options
        self.shot, self.usual = 0, 4.0
        self.since, self.fine = 10**6, 10**6
        self.thumbnail: NDArray | None = None
        self.any_large = False

    def faces(self) -> Iterator[tuple[int, Frame, list[FaceSighting], list[int]]]:
        """Number, frame and faces of each frame, and the names of whom they were followed from.

        Whoever asks for the next frame has put the faces' names into that list.
        """
        before: list[FaceSighting] = []
        names: list[int] = []
        for index, frame in ahead(frames(self.clip)):
            if self._cut(frame):
                self.shot, before, names = self.shot + 1, [], []
                self.since = self.fine = 10**6
            found = [face_follow.follow(frame, one, index, self.options.device) for one in before]
            steps = [(one, name, was) for one, name, was in zip(found, names, before) if one is not None]
            pairs = _each_once(steps)
            lost = len(pairs) < len(before)
            self.since += 1
            self.fine += 1
            if lost or self.since >= (SEARCH_EVERY if pairs else SEARCH_EVERY_EMPTY):
                pairs += [(one, 0) for one in self._searched(frame, index, [one for one, _ in pairs])]
                self.since = 0
            before = [replace(one, shot=self.shot) for one, _ in pairs]
            names = [name for _, name in pairs]
            yield index, frame, before, names

    def _cut(self, frame: Frame) -> bool:
        """Whether another shot begins."""
        small = cv2.resize(frame.pixels, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32)
        last, self.thumbnail = self.thumbnail, small
        if last is None:
            return False
        change = float(np.abs(small - last).mean())
        cut = change > CUT and change > SUDDEN * self.usual
        self.usual = 0.9 * self.usual + 0.1 * min(change, CUT)
        return cut

    def _searched(self, frame: Frame, index: int, known: list[FaceSighting]) -> list[FaceSighting]:
        """Faces of the whole picture that are not known yet."""
        pixels, options = frame.pixels, self.options
        smallest = options.min_face if self.any_large else min(SMALLEST_FACE, options.min_face)
        copy = search_copy(pixels)
        divisions = [1]
        if self.fine >= FINE_EVERY:
            divisions += detect.useful_divisions(copy, options.min_face)
        taken = [_face(one) for one in known]
        for division in divisions:
            if division > 1:
                self.fine = 0
            new = faces_in(pixels, Search(copy, division, detect.SURE), taken, replace(options, min_face=smallest))
            taken += [face for face in new if face.width >= smallest]
        if not taken and self.fine in (0, 10**6 + 1):
            taken += faint_faces(pixels, copy, options.device)
            self.fine = 0
        self.any_large = self.any_large or any(face.width >= options.min_face for face in taken)
        found = [face_follow.sighted(frame, face, index, options.device) for face in taken[len(known) :]]
        there = [one for one in found if one is not None and not any(overlap(one.box, k.box) > SAME for k in known)]
        return there[: max(0, options.max_faces - len(known))]


def _face(one: FaceSighting) -> Face:
    """As `faces_in` knows faces."""
    return Face(one.points, np.zeros(len(one.points)), one.score, one.score, 0.0)


def _each_once(steps: list[tuple[FaceSighting, int, FaceSighting]]) -> list[tuple[FaceSighting, int]]:
    """The faces that were followed, and their names, of (face, name, the face before).

    Where two were followed onto one face, it is whose face moved least: the other is hidden behind it.
    """
    kept: list[tuple[FaceSighting, int]] = []
    for one, name, _ in sorted(steps, key=lambda step: float(np.abs(step[0].box - step[2].box).sum())):
        if not any(overlap(one.box, other.box) > 2 * SAME for other, _ in kept):
            kept.append((one, name))
    return kept


__all__ = ["RECORD", "WatchedFaces", "watch_faces"]
