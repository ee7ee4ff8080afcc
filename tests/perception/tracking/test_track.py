"""Tracks of drawn people: crossing, leaving, coming back, and errors of the detector."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.options import VideoOptions
from maquette.core.types import Frame, Observation, Subject
from maquette.perception.people.observe import observe_people
from maquette.perception.people.schemes import MEDIAPIPE_33
from maquette.perception.tracking import track
from maquette.perception.tracking.smooth import smooth_rects
from maquette.perception.tracking.track import Tracker
from maquette.sources import video

RED_BLUE, GREEN_BLACK, GREY = ((200, 40, 40), (40, 50, 160)), ((40, 160, 60), (25, 25, 25)), ((128,) * 3, (128,) * 3)
HEIGHT = 200
JOINTS = {"nose": (0, -90), "shoulder": (20, -65), "elbow": (28, -35), "wrist": (30, -5), "hip": (12, 0)}
JOINTS |= {"knee": (13, 50), "ankle": (13, 92), "heel": (13, 96), "index": (31, 5)}


def person(x: float, look=RED_BLUE, time: float | None = None, noise=None, height: int = HEIGHT) -> Observation:
    """Somebody whose hips are at x, 150 in the frame: landmarks, and a crop painted in the colours of the clothes."""
    scale = height / HEIGHT
    points, sure = np.zeros((33, 3)), np.full(33, 0.05)
    for row, name in enumerate(MEDIAPIPE_33):
        side = 1 if name.startswith("left") else -1
        for joint, (right, down) in JOINTS.items():
            if name.endswith(joint):
                points[row, :2], sure[row] = (side * right * scale, down * scale), 0.95
    if noise is not None:
        points[:, :2] += noise.normal(0, 3, (33, 2))
    corner = np.array([np.floor(x) - 60 * scale, 150 - 120 * scale])
    box = np.concatenate([corner, corner + np.array([120, 240]) * scale])
    size = int(120 * scale), int(240 * scale)
    pixels = np.full((size[1], size[0], 3), 90, np.uint8)
    mask = np.zeros((size[1], size[0]), np.float32)
    mask[int(15 * scale) : int(220 * scale), int(30 * scale) : int(90 * scale)] = 1
    hips = int(120 * scale)
    pixels[:hips], pixels[hips:] = look
    if noise is not None:
        pixels = np.clip(pixels + noise.normal(0, 8, pixels.shape), 0, 255).astype(np.uint8)
    landmarks = points + np.append(np.array([x, 150]) - corner, 0)
    return Observation(Frame(pixels, time=time), box, Subject.PERSON, landmarks, "mediapipe33", sure, mask)


def walk(frames: list[list[tuple[str, Observation]]], tracker: Tracker | None = None) -> dict[str, list[int]]:
    """Track ids per true name over frames of (name, observation)."""
    tracker, seen = tracker or Tracker(), {}
    generator = np.random.default_rng(1)
    for people in frames:
        order = generator.permutation(len(people))  # the detector's order means nothing
        found = tracker.step([people[k][1] for k in order])
        assert len({o.track for o in found}) == len(found)
        for k, observation in zip(order, found):
            seen.setdefault(people[k][0], []).append(observation.track)
    return seen


@pytest.mark.parametrize("second", [GREEN_BLACK, RED_BLUE], ids=["other clothes", "same clothes"])
def test_crossing(second):
    noise = np.random.default_rng(0)
    frames = []
    for k in range(40):
        a, b = person(100 + 12 * k, RED_BLUE, k / 25, noise), person(588 - 12 * k, second, k / 25, noise)
        frames.append([("a", a), ("b", b)])
    seen = walk(frames)
    assert len(set(seen["a"])) == len(set(seen["b"])) == 1 and seen["a"][0] != seen["b"][0]


def test_crossing_while_one_hides_the_other():
    noise = np.random.default_rng(0)
    frames = []
    for k in range(40):
        a, b = person(100 + 12 * k, RED_BLUE, k / 25, noise), person(580 - 12 * k, GREEN_BLACK, k / 25, noise)
        hidden = abs(480 - 24 * k) < 90
        frames.append([("a", a)] if hidden else [("a", a), ("b", b)])
    seen = walk(frames)
    assert len(set(seen["a"])) == len(set(seen["b"])) == 1


def test_leaving_and_coming_back_elsewhere():
    noise = np.random.default_rng(0)
    frames = [[("a", person(150, RED_BLUE, k / 8, noise))] for k in range(64)]
    for k in (*range(0, 20), *range(44, 64)):
        frames[k].append(("b", person(400 if k < 20 else 700, GREEN_BLACK, k / 8, noise)))
    for k in range(54, 64):
        frames[k].append(("c", person(1000, GREY, k / 8, noise)))
    seen = walk(frames)
    assert {name: set(ids) for name, ids in seen.items()} == {"a": {1}, "b": {2}, "c": {3}} or (
        set(seen["a"]) == {2} and set(seen["b"]) == {1} and set(seen["c"]) == {3}
    )


def test_a_newcomer_in_other_clothes_is_not_the_one_who_left():
    frames = [[("a", person(150, RED_BLUE, k / 25))] for k in range(30)]
    frames += [[] for _ in range(30)]
    frames += [[("b", person(600, GREEN_BLACK, k / 25))] for k in range(60, 90)]
    seen = walk(frames)
    assert set(seen["a"]) == {1} and set(seen["b"]) == {2}


def test_a_short_gap_is_bridged_and_a_missed_frame_changes_nothing():
    frames = [[("a", person(100 + 8 * k, GREY, k / 25))] if k % 5 else [] for k in range(40)]
    assert set(walk(frames)["a"]) == {1}


def test_false_tracks_are_dropped_at_the_end():
    tracker = Tracker()
    frames = [[("a", person(150, RED_BLUE, k / 25))] for k in range(60)]
    for k in (20, 41):
        frames[k].append(("ghost", person(500 + k, GREY, k / 25, height=80)))
    seen = walk(frames, tracker)
    assert list(tracker.kept()) == [seen["a"][0]] and tracker.kept()[seen["a"][0]] == 60
    short = Tracker()
    short.step([person(100)])
    assert list(short.kept()) == [1]


def test_frames_without_times():
    frames = [[("a", person(100 + 6 * k)), ("b", person(500, GREEN_BLACK))] for k in range(20)]
    seen = walk(frames)
    assert len(set(seen["a"])) == len(set(seen["b"])) == 1


def test_nothing_is_written_into_the_observations():
    observation = person(100)
    found = Tracker().step([observation])
    assert observation.track == 0 and found[0].track == 1 and found[0].frame is observation.frame


def test_memory_does_not_grow_with_the_clip():
    tracker = Tracker()
    for k in range(60):  # somebody else flashes up every second
        tracker.step(
            [person(100 + 300 * (k % 3), (tuple(np.random.default_rng(k).integers(0, 255, 3)),) * 2, float(k))]
        )
    assert len(tracker._tracks) <= track.MEMORY + 2


def test_unreliable_key_points():
    """Without a single sure key point the boxes decide."""
    frames = []
    for k in range(10):
        people = []
        for name, x in (("a", 100 + 3 * k), ("b", 400)):
            o = person(x, GREY, k / 25)
            people.append(
                (name, Observation(o.frame, o.box, o.subject, o.landmarks, o.landmark_scheme, np.zeros(33), o.mask))
            )
        frames.append(people)
    seen = walk(frames)
    assert len(set(seen["a"])) == len(set(seen["b"])) == 1


def test_clothes():
    noise = np.random.default_rng(0)
    first, second = track.clothes(person(100, RED_BLUE, noise=noise)), track.clothes(person(300, RED_BLUE, noise=noise))
    assert np.allclose(first.sum(axis=1), 1)
    assert track.clothes_distance(first, second) < 0.25
    assert track.clothes_distance(first, track.clothes(person(100, GREEN_BLACK))) > 0.8
    assert track.clothes_distance(first, np.zeros_like(first)) is None


@pytest.mark.real_data
def test_a_dancer_is_one_track_in_a_smoothed_crop(real_data):
    """Every third frame: one person all along, and the smoothed crop of the key points holds them all."""
    clip = video.open_clip(real_data / "video" / "dancer.mp4", VideoOptions(every=3, max_frames=10))
    tracker, times, rects, points = Tracker(), [], [], []
    for _, frame in video.frames(clip):
        (seen,) = tracker.step(observe_people(frame))
        full = track.features_of(seen, frame.time)
        sure = full.points[full.confidence > 0.5]
        low, high = sure.min(axis=0), sure.max(axis=0)
        side = 1.3 * (high - low).max()
        rects.append(np.append((low + high) / 2 - side / 2, [side, side]))
        times.append(frame.time)
        points.append(sure)
    assert tracker.kept() == {1: 10}
    for rect, sure in zip(smooth_rects(np.array(times), np.array(rects)), points):
        assert (sure >= rect[:2]).all() and (sure <= rect[:2] + rect[2:]).all()
