"""Who is in which frame: everybody is found and followed, what is wrong with a frame is reported."""

from __future__ import annotations

import numpy as np
import pytest

from clips import write_clip
from drawn import BLUE, RED, observe, observe_near, picture, stand_in, standing
from maquette.core.errors import NothingFound
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
    assert len(searches) <= 2 + 39 // SEARCH_EVERY
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


@pytest.mark.parametrize("before", range(9))
@pytest.mark.parametrize("gap", [4, 5, 6])
def test_every_frame_with_a_person_has_a_track_from_the_first_on(seen, before, gap):
    """Frames in which nobody is in sight are not all searched; whoever appears between two searches is not missed."""
    watched = seen([picture()] * before + standing(8) + [picture()] * gap + standing(8))
    found = sorted(sight.frame for sights in watched.tracks.values() for sight in sights)
    shown = [*range(before, before + 8), *range(before + 8 + gap, before + 16 + gap)]
    assert found == shown
    assert sorted(watched.empty) == [k for k in range(before + 16 + gap) if k not in shown]


def follow(frame, before, options=None):
    """Who was in sight and still is, by colour; never anybody else."""
    colours = {int(np.argmax(one.frame.pixels[one.mask > 0.5].mean(axis=0))) for one in before}
    try:
        return [
            one for one in observe(frame) if int(np.argmax(one.frame.pixels[one.mask > 0.5].mean(axis=0))) in colours
        ]
    except NothingFound:
        return []


@pytest.mark.parametrize("first", range(1, 2 * SEARCH_EVERY + 1))
@pytest.mark.parametrize("stay", [5, 8, 40])
def test_who_joins_people_in_sight_has_a_track_from_the_first_frame_to_the_last(seen, monkeypatch, first, stay):
    count = 2 * SEARCH_EVERY + 11
    shown = [k for k in range(first, first + stay) if k < count]
    searches = counted(monkeypatch, follow)
    watched = seen(standing(count, second=tuple(shown)))
    assert [[one.frame for one in sights] for sights in watched.tracks.values()] == [[*range(count)], shown]
    assert len(searches) < count / 2, "not every frame is searched"
    assert all(bool(one.flags) == (one.frame in shown) for one in watched.tracks[1]), "they know of each other"


@pytest.mark.parametrize("last", range(5))
def test_who_comes_in_the_last_frames_has_a_track(seen, monkeypatch, last):
    counted(monkeypatch, follow)
    watched = seen(standing(30, second=tuple(range(25 - last, 30))))
    assert [one.frame for one in watched.tracks[2]] == list(range(25 - last, 30))


@pytest.mark.real_data
def test_newcomers_of_a_real_clip(real_data, tmp_path):
    """A dancer; from frame 13 on a second one beside her, and a third for the last five frames."""
    import cv2

    from maquette.sources.video import frames

    clip = open_clip(real_data / "video" / "dancer.mp4", VideoOptions(max_frames=60))
    small = [cv2.resize(frame.pixels, (640, 360), interpolation=cv2.INTER_AREA) for _, frame in frames(clip)]
    wall, joins = np.full_like(small[0], 40), {13: range(13, 30), 25: range(25, 30)}
    thirds = [
        [small[k]] + [small[(k + at) % 60] if k in there else wall for at, there in joins.items()] for k in range(30)
    ]
    path = write_clip(tmp_path / "three.mp4", [np.hstack(row) for row in thirds])
    watched = watch(open_clip(path, VideoOptions()), PerceptionOptions())
    found = sorted([one.frame for one in sights] for sights in watched.tracks.values())
    assert found == sorted([list(range(30)), *map(list, joins.values())])
