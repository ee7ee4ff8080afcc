"""People drawn as coloured rectangles, an observer that finds them by colour, and stand-ins for what takes minutes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from maquette.core.errors import NothingFound
from maquette.core.types import Frame, Mesh, Observation, Reconstruction, Subject
from maquette.reconstruction.body_fit.place import PlacedBody
from maquette.reconstruction.body_fit.skeleton import load_skeleton
from maquette.reconstruction.methods import FrameShape

SIZE = (192, 128)  # width, height of a picture
TALL = 96
RED, BLUE = (200, 40, 40), (40, 40, 200)
GREY, GREEN = 110, (40, 200, 40)  # background; a green corner tells that the picture is blurred
FILES = ("person.glb", "person.bvh", "overview.jpg", "report.json")


def picture(*people: tuple[tuple[int, int, int], int], blurred: bool = False) -> np.ndarray:
    """(H, W, 3): people as (colour, left edge), with enough pattern to be sharp."""
    drawn = np.full((SIZE[1], SIZE[0], 3), GREY, np.uint8)
    pattern = np.random.default_rng(0).integers(-30, 30, (TALL, 32, 1))
    for colour, left in people:
        drawn[16 : 16 + TALL, left : left + 32] = np.clip(np.array(colour) + pattern, 0, 255)
    if blurred:
        drawn[:16, :16] = GREEN
    return drawn


def standing(count: int = 12, blurred: tuple[int, ...] = (), second: tuple[int, ...] = ()) -> list[np.ndarray]:
    """Pictures of a red person who walks to the right; in those of `second` a blue one stands close by."""
    return [
        picture((RED, 30 + k), *([(BLUE, 56 + k)] if k in second else []), blurred=k in blurred) for k in range(count)
    ]


def observe(frame: Frame, options: object = None) -> list[Observation]:
    """Everybody of a colour, left to right; raises NothingFound where there is nobody."""
    found = [one for colour in (RED, BLUE) if (one := _of_colour(frame, colour)) is not None]
    if not found:
        raise NothingFound(f"{frame.origin}: no person found")
    return sorted(found, key=lambda one: one.box[0])


def observe_near(frame: Frame, previous: list[Observation], options: object = None) -> list[Observation]:
    """Nobody, so that every frame is searched."""
    raise NothingFound("nobody near")


def flags(one: Observation, others: list[Observation]) -> dict[str, str]:
    """A picture with a green corner is blurred, one of two people is crowded."""
    told = {"blurred": "blurred: as drawn"} if "blurred" in one.notes else {}
    return told | ({"crowded": "another person is there"} if others else {})


def _of_colour(frame: Frame, colour: tuple[int, int, int]) -> Observation | None:
    strongest = int(np.argmax(colour))
    others = [k for k in range(3) if k != strongest]
    pixels = frame.pixels.astype(int)
    mask = pixels[..., strongest] - pixels[..., others].max(axis=2) > 60
    if mask.sum() < 200:
        return None
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = np.array([columns[0] - 4, rows[0] - 4, columns[-1] + 5, rows[-1] + 5], float).clip(0, [*SIZE, *SIZE])
    x0, y0, x1, y1 = box.astype(int)
    corner = frame.pixels[4, 4].astype(int)
    landmarks = _pose() * (rows[-1] - rows[0] + 1) + [columns.mean() - x0, rows[0] - y0, 0]
    return Observation(
        frame=Frame(np.ascontiguousarray(frame.pixels[y0:y1, x0:x1]), frame.time, frame.origin),
        box=box,
        subject=Subject.PERSON,
        landmarks=landmarks,
        landmark_scheme="mediapipe33",
        landmark_confidence=np.ones(33),
        mask=mask[y0:y1, x0:x1].astype(np.float32),
        confidence=0.9,
        full_size=frame.size,
        notes=("blurred",) if corner[1] - corner[0] > 60 else (),
        landmarks_metric=(_pose() - _pose()[[23, 24]].mean(axis=0)) * 1.7,
    )


def _pose() -> np.ndarray:
    """(33, 3) of somebody who stands, in heights, from the middle of the head down."""
    model = load_skeleton().model
    points = model.rig.keypoints_of("mediapipe33", model.mean)
    top, tall = model.mean[:, 1].max(), np.ptp(model.mean[:, 1])
    return np.column_stack([points[:, 0] / tall, (top - points[:, 1]) / tall, np.zeros(33)])


def placement(count: int) -> PlacedBody:
    """The body standing in `count` frames, walking to the right by a pixel each."""
    model = load_skeleton().model
    identity = np.zeros(len(model.identity_basis))
    joints = model.rig.joints(identity).astype(float)
    walked = np.column_stack([0.02 * np.arange(count), np.zeros(count), np.zeros(count)])
    return PlacedBody(
        skeleton=load_skeleton(),
        identity=identity,
        scale=1.0,
        rotations=np.tile(np.eye(3), (count, len(joints), 1, 1)),
        translation=walked,
        root=joints[0] + walked,
        view=np.tile(np.eye(3), (count, 1, 1)),
        pitch=np.zeros(count),
        distance=np.full(count, np.inf),
        pixels_per_metre=np.full(count, 50.0),
        spot=np.column_stack([46.0 + np.arange(count), np.full(count, 60.0)]),
    )


TETRAHEDRON = Mesh(
    np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32),
    np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32),
)


class Walker:
    """Stand-in for a method: a tetrahedron whose size is the frame; counts the frames that it was asked for."""

    asked: ClassVar[list[int]] = []
    fitted = 0

    def __call__(self, observations: Sequence[Observation]) -> Reconstruction:
        Walker.fitted += 1
        place = placement(len(observations))
        cameras = tuple(place.camera(k, seen) for k, seen in enumerate(observations))
        return Reconstruction(TETRAHEDRON, cameras)

    def frame(self, whole: Reconstruction, index: int, observation: Observation) -> FrameShape:
        Walker.asked.append(index)
        colours = np.full((4, 3), 90, np.uint8)
        return FrameShape(replace(TETRAHEDRON, vertices=TETRAHEDRON.vertices * (1 + index), vertex_colors=colours))


def stand_in(monkeypatch) -> type[Walker]:
    """Finding, fitting, texturing, meshes and writers are tiny; clips are really read, files really written."""
    from maquette.outputs import writers
    from maquette.perception.tracking import watch
    from maquette.pipeline import clip_subject, video

    monkeypatch.setattr(watch, "observe_people", observe)
    monkeypatch.setattr(watch, "observe_near", observe_near)
    monkeypatch.setattr(watch, "flags", flags)
    monkeypatch.setattr(video.methods, "load", lambda *_: Walker())
    monkeypatch.setattr(clip_subject.texturing, "finish", lambda shape, *_: shape)
    monkeypatch.setattr(writers, "WRITERS", dict.fromkeys(FILES, _write))
    monkeypatch.setattr(writers, "wanted", lambda _: list(FILES))
    Walker.asked, Walker.fitted = [], 0
    return Walker


def _write(asset) -> bytes:
    return json.dumps({**asset.result.report, "files": dict.fromkeys(FILES)}).encode()
