"""Who is who: by place from frame to frame, by looks after a cut."""

from dataclasses import replace

import numpy as np

from maquette.perception.tracking.face_track import FaceTracker, Looks, colour_distance, looks_distance, looks_of
from perception.tracking.test_face_sighting import sighting


def looks(seed):
    """A person of these colours and this identity."""
    random = np.random.default_rng(seed)
    colours = np.zeros((3, 245))
    for row in colours:
        row[random.integers(0, 245, 4)] = 0.25
    return Looks(colours, random.normal(0, 1.5, 60), np.full(60, 4.0))


def face(x, time, shot=0):
    return replace(sighting(place=(x, 100.0)), time=time, shot=shot)


def test_those_who_are_followed_keep_their_names_and_others_get_new_ones():
    tracker = FaceTracker()
    assert tracker.step([face(100, 0), face(300, 0)], [looks(1), looks(2)], [0, 0]) == [1, 2]
    assert tracker.step([face(302, 0.04), face(101, 0.04)], [looks(2), looks(1)], [2, 1]) == [2, 1]
    assert tracker.step([face(500, 0.08)], [looks(3)], [0]) == [3]


def test_after_a_cut_people_are_known_by_their_looks_wherever_they_are():
    tracker = FaceTracker()
    for k in range(6):
        tracker.step([face(100, k / 25), face(300, k / 25)], [looks(1), looks(2)], [0, 0] if k == 0 else [1, 2])
    assert tracker.step([face(100, 9.0, 1), face(300, 9.0, 1)], [looks(2), looks(1)], [0, 0]) == [2, 1]
    assert tracker.step([face(100, 9.04, 2)], [looks(7)], [0]) == [3]


def test_whoever_is_followed_but_looks_like_another_is_another():
    tracker = FaceTracker()
    for k in range(8):
        tracker.step([face(100, k / 25)], [looks(1)], [1 if k else 0])
    assert tracker.step([face(101, 8 / 25)], [looks(2)], [1]) == [2], "a cut that nobody saw"
    assert tracker.step([face(101, 9 / 25)], [looks(1)], [2]) == [1]


def test_whoever_was_hidden_comes_out_where_the_way_led():
    def changed(share):
        one, other = looks(1), looks(2)
        return replace(one, colours=(1 - share) * one.colours + share * other.colours)

    seen, lost = FaceTracker(), FaceTracker()
    for k in range(10):
        seen.step([face(100 + 8 * k, k / 25)], [looks(1)], [1 if k else 0])
        lost.step([face(100, k / 25)], [looks(1)], [1 if k else 0])
    again = face(100 + 8 * 19, 19 / 25), changed(0.35)
    assert 0.9 < looks_distance(looks(1), again[1]) < 1.5
    assert seen.step([again[0]], [again[1]], [0]) == [1] and lost.step([again[0]], [again[1]], [0]) == [2]


def test_two_new_faces_are_never_one_person():
    tracker = FaceTracker()
    tracker.step([face(100, 0)], [looks(1)], [0])
    assert sorted(tracker.step([face(100, 0.2), face(300, 0.2)], [looks(1), looks(1)], [0, 0])) == [1, 2]


def test_passing_errors_are_left_out():
    tracker = FaceTracker()
    for k in range(60):
        tracker.step([face(100, k / 25)], [looks(1)], [0] if k == 0 else [1])
    tracker.step([face(100, 3), face(300, 3)], [looks(1), looks(2)], [1, 0])
    assert tracker.kept() == [1]


def test_whoever_is_there_for_two_frames_alone_is_kept_if_it_is_sure():
    for presence, wanted in ((0.97, [1]), (0.6, [])):
        tracker = FaceTracker()
        for k in range(60):
            here = [replace(face(100, k / 25), detected=presence)] if k in (8, 9) else []
            tracker.step(here, [looks(1)] * len(here), [int(k == 9)] * len(here))
        assert tracker.kept() == wanted


def test_looks_of_the_same_picture_are_the_same_and_the_frames_edge_is_no_colour():
    pixels = np.random.default_rng(0).integers(0, 255, (200, 240, 3)).astype(np.uint8)
    one = sighting()
    same = looks_of(pixels, one.landmarks, one.reading)
    assert looks_distance(same, same) == 0 and colour_distance(same.colours, 0 * same.colours) == 1
    low = looks_of(pixels[:150], one.landmarks, one.reading)
    assert low.colours[2].sum() == 0 and low.colours[0].sum() > 0.99
