"""People of a clip who have no result in frames that still show them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from maquette.core.errors import NothingFound
from maquette.core.types import Frame, Observation
from maquette.evaluation.image_space.views import PersonView
from maquette.perception.boxes import overlap
from maquette.perception.people.judgement import person_box
from maquette.perception.people.observe import observe_people
from maquette.sources import video

LOOKED = 8  # frames of a gap that are searched, evenly spread
SAME_PLACE = 0.6  # overlap of boxes from which on somebody stands where the person was last
OTHERS = 0.5  # and from which on it is another person, who has a result there


def vanished(
    views: Sequence[PersonView],
    numbers: Sequence[int],
    clip: video.Clip,
    observe: Callable[[Frame], list[Observation]] = observe_people,
) -> dict[str, int]:
    """Per person, in how many frames after the first nobody was reconstructed although somebody stands there.

    Frames without the person are searched afresh, up to LOOKED of them, and the share of those that show somebody where
    the nearest result was, whom no other result is of, stands for all. Frames left out on purpose do not count.

    Args:
        views: of all people. numbers: of all frames that were watched, ascending.
    """
    found = {}
    for name in dict.fromkeys(view.name for view in views):
        own = {view.number: view for view in views if view.name == name}
        seen = [view for view in own.values() if not view.lost]
        known = {number for number, view in own.items() if not view.lost or view.skipped}
        gap = [n for n in numbers if n not in known and seen and n > min(view.number for view in seen)]
        chosen = [gap[k] for k in np.unique(np.linspace(0, len(gap) - 1, LOOKED).astype(int))] if gap else []
        hits = sum(_stands_there(frame, number, seen, views, observe) for number, frame in _frames(clip, chosen))
        found[name] = round(len(gap) * hits / len(chosen)) if chosen else 0
    return found


def _frames(clip: video.Clip, numbers: Sequence[int]) -> list[tuple[int, Frame]]:
    return list(video.frames_at(clip, numbers)) if numbers else []


def _stands_there(
    frame: Frame,
    number: int,
    seen: Sequence[PersonView],
    views: Sequence[PersonView],
    observe: Callable[[Frame], list[Observation]],
) -> bool:
    """Whether somebody without a result stands where the person was in the nearest frame."""
    try:
        people = observe(frame)
    except NothingFound:
        return False
    place = min(seen, key=lambda view: abs(view.number - number)).box
    taken = [view.box for view in views if view.number == number and not view.lost]
    free = [one for one in map(person_box, people) if not any(overlap(one, box) > OTHERS for box in taken)]
    return any(overlap(one, place) > SAME_PLACE for one in free)
