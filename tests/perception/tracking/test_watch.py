"""Who is in which frame: everybody is found and followed, what is wrong with a frame is reported."""

from __future__ import annotations

import numpy as np
import pytest

from clips import write_clip
from drawn import BLUE, RED, observe, observe_near, picture, stand_in, standing
from maquette.core.options import PerceptionOptions, VideoOptions
from maquette.perception.tracking import watch as watching
from maquette.perception.tracking.watch import SEARCH_EVERY, SEARCH_EVERY_EMPTY, watch
from maquette.sources.video import open_clip


@pytest.fixture
def seen(monkeypatch, tmp_path):
    """A function: pictures as a clip, watched with the drawn people's observer."""
    stand_in(monkeypatch)

    def look(pictures, **options):
        return watch(open_clip(write_clip(tmp_path / "a.mp4", pictures), VideoOptions(**options)), PerceptionOptions())

    return look


def test_one_person(seen):
    watched = seen(standing(8, blurred=(5,)))
    assert list(watched.tracks) == [1] and watched.empty == {} and watched.count == 8
    assert [one.frame for one in watched.tracks[1]] == list(range(8))
    assert [bool(one.flags) for one in watched.tracks[1]] == [k == 5 for k in range(8)]
    assert np.allclose(np.diff([one.time for one in watched.tracks[1]]), 0.04)


def test_two_people_and_a_passing_error(seen):
    pictures = standing(30, second=tuple(range(10, 30)))
    watched = seen(pictures)
    assert [len(sights) for sights in watched.tracks.values()] == [30, 20]
    watched = seen(standing(60, second=(7,)))
    assert len(watched.tracks) == 1 and watched.dropped == 1


def test_a_frame_with_nobody_but_an_error_is_empty(seen):
    pictures = standing(60)
    pictures[20] = picture((BLUE, 150))
    watched = seen(pictures)
    assert list(watched.tracks) == [1] and 20 in watched.empty


def test_numbers_are_those_of_the_clip(seen):
    watched = seen(standing(12), every=3, start=0.1)
    assert [one.frame for one in watched.tracks[1]] == [3, 6, 9]


def test_damage_is_remembered(seen, monkeypatch):
    monkeypatch.setattr(watching, "frames", lambda clip: clip.lost.add(2) or whole(clip))
    from maquette.sources.video import frames as whole

    assert seen(standing(5)).notes == ("1 frames are damaged and left out",)


def counted(monkeypatch, near):
    """Watch with an observer that counts its searches of whole pictures."""
    searches = []

    def everywhere(frame, options):
        searches.append(frame.time)
        return observe(frame, options)

    monkeypatch.setattr(watching, "observe_people", everywhere)
    monkeypatch.setattr(watching, "observe_near", near)
    return searches


def test_the_whole_picture_is_searched_only_now_and_then(seen, monkeypatch):
    searches = counted(monkeypatch, lambda frame, before, _: observe(frame)[: len(before)])
    seen(standing(40))
    assert len(searches) == 1 + 39 // SEARCH_EVERY
    searches = counted(monkeypatch, observe_near)
    seen([picture()] * 3 * SEARCH_EVERY_EMPTY + standing(1))
    assert len(searches) <= 5


def test_who_is_lost_is_searched_for_at_once(seen, monkeypatch):
    searches = counted(monkeypatch, lambda frame, *_: observe(frame) if frame.time < 0.3 else [])
    watched = seen(standing(12))
    assert len(watched.tracks[1]) == 12 and len(searches) >= 4


def test_real_judgements_flag_what_is_blurred_and_crowded(seen, monkeypatch):
    """Acceptance 14: a blurred frame and one with two people, by the judgements themselves."""
    import cv2

    from maquette.perception.people.judgement import flags

    monkeypatch.setattr(watching, "flags", flags)
    pictures = [picture((RED, 40)) for _ in range(16)]
    for crowded in pictures[8:]:
        crowded[40:90, 56:100] = BLUE  # somebody who stands in front
    # The pattern of the clothes is smeared, as motion does.
    pictures[3] = cv2.blur(pictures[3], (17, 1))
    sights = seen(pictures).tracks[1]
    notes = {one.frame: " ".join(one.flags) for one in sights}
    assert "blurred" in notes[3] and "blurred" not in notes[1]
    assert "another person" in notes[12] and "another person" not in notes[1]
