"""The first pass over a clip: who is in which frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from maquette.core.errors import NothingFound
from maquette.core.options import PerceptionOptions
from maquette.core.types import Frame, Observation
from maquette.perception.people.judgement import flags
from maquette.perception.people.observe import observe_near, observe_people
from maquette.perception.tracking.sighting import Sighting, sighted
from maquette.perception.tracking.track import Tracker, newcomers
from maquette.sources.video import Clip, frames

# Frames after which the whole picture is searched for newcomers: whoever is there for fewer is no track anyway, see
# `Tracker.kept`. A search takes as long as following two people; every 10 frames a clip is watched a tenth sooner.
SEARCH_EVERY = 5
SEARCH_EVERY_EMPTY = 3  # the same where nobody is in sight


@dataclass
class Watched:
    """What was seen in a clip.

    Attributes:
        tracks: who -> sightings in the order of time; passing errors are left out.
        empty: frame -> time, of frames in which nobody was found.
        dropped: how many sightings were of tracks that were left out.
        notes: what is odd about the clip, in plain words, damage too.
    """

    tracks: dict[int, list[Sighting]] = field(default_factory=dict)
    empty: dict[int, float] = field(default_factory=dict)
    dropped: int = 0
    notes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Frames that were searched."""
        return len({s.frame for sights in self.tracks.values() for s in sights} | set(self.empty))


def watch(clip: Clip, options: PerceptionOptions, progress: Callable[[int], None] = lambda _: None) -> Watched:
    """Find and follow everybody.

    Args:
        progress: called with the number of frames searched so far.
    """
    tracker, seen = Tracker(), Watched()
    found: dict[int, list[Sighting]] = {}
    for done, (index, persons) in enumerate(_persons(clip, options, seen.empty), 1):
        for place, one in enumerate(tracker.step(persons)):
            wrong = tuple(flags(one, persons[:place] + persons[place + 1 :]).values())
            found.setdefault(one.track, []).append(sighted(one, index, wrong))
        progress(done)
    kept = tracker.kept()
    seen.tracks = {track: found[track] for track in kept}
    seen.dropped = sum(len(sights) for track, sights in found.items() if track not in kept)
    known = {s.frame for sights in seen.tracks.values() for s in sights}
    for sights in found.values():
        seen.empty.update({s.frame: s.time for s in sights if s.frame not in known})
    seen.notes = clip.notes
    return seen


def _persons(
    clip: Clip, options: PerceptionOptions, empty: dict[int, float]
) -> Iterator[tuple[int, list[Observation]]]:
    """The people of every frame; frames without any are noted in `empty`.

    Who is in sight is followed; the whole picture is searched every now and then, in the last frame too. The frames
    since the search before wait, and are gone through again for the newcomers that it finds, from the last one back.
    """
    before: list[Observation] = []
    waiting: list[_Seen] = []
    since = SEARCH_EVERY
    for index, frame in frames(clip):
        since += 1
        near = _near(frame, before, options) if before else []
        waiting.append((index, frame, near))
        if len(near) < len(before) or since >= (SEARCH_EVERY if before else SEARCH_EVERY_EMPTY):
            near, since = _anew(frame, options) or near, 0
            yield from _noted(_looked_back(waiting, near, options), empty)
            waiting = []
        before = near
    if waiting:
        _, frame, near = waiting[-1]
        yield from _noted(_looked_back(waiting, _anew(frame, options) or near, options), empty)


_Seen = tuple[int, Frame, list[Observation]]


def _looked_back(waiting: list[_Seen], last: list[Observation], options: PerceptionOptions) -> list[_Seen]:
    """The frames that wait, ascending, with those people of each next frame who are in them already.

    Args:
        last: the people of the last of these frames.
    """
    index, frame, _ = waiting[-1]
    seen, after = [(index, frame, last)], last
    for index, frame, near in reversed(waiting[:-1]):
        missed = newcomers(after, near)
        if missed and near:
            # All of them at once, so that everybody's mask knows of the others.
            found = _near(frame, [*near, *missed], options)
            near = found if len(found) > len(near) else near
        elif missed:
            near = _near(frame, missed, options) or _anew(frame, options)
        seen.append((index, frame, near))
        after = near
    return seen[::-1]


def _noted(seen: list[_Seen], empty: dict[int, float]) -> Iterator[tuple[int, list[Observation]]]:
    for index, frame, near in seen:
        if not near:
            empty[index] = float(frame.time or 0.0)
        yield index, near


def _near(frame: Frame, before: list[Observation], options: PerceptionOptions) -> list[Observation]:
    try:
        return observe_near(frame, before, options)
    except NothingFound:
        return []


def _anew(frame: Frame, options: PerceptionOptions) -> list[Observation]:
    try:
        return observe_people(frame, options)
    except NothingFound:
        return []
