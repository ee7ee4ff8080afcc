"""Folds that come and go in a clip, with truth: python benchmarks/folds_in_video.py [--people 3] [--clips FOLDER]

People who do not exist show surprise, a smile, anger, disgust, sadness and laughter. Their folds are those of two ages,
one behind the other: the younger ones last, and what the older ones have more comes with the units that fold that kind
of line. Each clip is compressed, watched, fitted and followed as any clip is. In frames that nothing was learned from:
correlation with the truth and error over no folds at all, 1, of the moving part and of everything, as the mesh of that
frame has it: by the photos alone, by what lasts among all frames, and with what moves. Writes
results/folds_in_video.csv. With --clips the films are kept, and taken if they are there.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.options import options_from
from maquette.geometry.raycast import render_buffers
from maquette.morphable.model import SIDES
from maquette.outputs.pictures.moving_head import frame_view
from maquette.perception.tracking.face_watch import watch_faces
from maquette.pipeline.face_clip.moments import moments_of
from maquette.pipeline.face_clip.subject import TEXTURED, FaceClipSubject
from maquette.reconstruction import methods
from maquette.sources.video import open_clip
from maquette.synthesis.anatomy.expression import EMOTIONS, sides
from maquette.synthesis.rendering.sensor import Sensor
from maquette.synthesis.scenes.face_motion import Acting, film
from maquette.synthesis.scenes.head_scene import SyntheticPerson, draw_person, head_model
from maquette.synthesis.skin import relief
from maquette.synthesis.skin.guides import guide_of
from maquette.texturing.detail.chart import DetailChart, detail_chart
from maquette.texturing.detail.heights import folds_of
from maquette.texturing.detail.moments import believed, moving_folds
from maquette.texturing.head.bake import bake
from maquette.texturing.head.skin.folds import lasting
from maquette.texturing.images import image_at
from maquette.texturing.projection import pixels_of
from maquette.training.datasets.clips.filmed import write_video
from maquette.weights.store import fetch

RESULTS = Path(__file__).parent / "results" / "folds_in_video.csv"
SEED, TEXTURE, SIZE, RATE, FRAMES_EACH, CRF, FILL = 91, 1024, 448, 12, 6, 18, 0.82
MODEL = head_model()
NAMES = list(MODEL.expression_names)
MOODS = ("surprise", "smile", "anger", "disgust", "sadness", "laugh")
FOLDING = {  # kind of fold -> the units that deepen it; others last
    "forehead": ("browInnerUp", "browOuterUp"), "frown": ("browDown",),
    "crow": ("cheekSquint", "eyeSquint", "mouthSmile"), "nasolabial": ("mouthSmile", "noseSneer", "mouthUpperUp"),
    "marionette": ("mouthFrown",), "bunny": ("noseSneer",), "smoker": ("mouthPucker", "mouthFunnel"),
    "chin": ("mouthShrugLower", "mouthPress"), "bag": ("cheekSquint",),
}  # fmt: skip
WIDE_M, FINE_M, PORES_M = 0.005, 0.00025, 0.0008  # what is wider or finer is no fold; pores are finer than the last


@dataclass(frozen=True, eq=False)
class Filmed:
    """A clip and its truth.

    Attributes:
        still, moving: (S, S) metres, the folds that last and those that come. gates: (N, S, S) 0-1, how far they have.
        cameras: (N,), vertices: (N, V, 3).
    """

    path: Path
    still: NDArray
    moving: NDArray
    gates: NDArray
    cameras: list[Any]
    vertices: NDArray


def acted(rng: np.random.Generator) -> Acting:
    """All moods, one after the other, and a swaying head."""
    moods = list(MOODS)
    rng.shuffle(moods)
    count = FRAMES_EACH * len(moods) + 4
    weights = np.zeros((count, len(NAMES)))
    for place, mood in enumerate(moods):
        course = np.sin(np.pi * (np.arange(FRAMES_EACH) + 0.5) / FRAMES_EACH) * rng.uniform(0.75, 1.1)
        rows = slice(2 + place * FRAMES_EACH, 2 + (place + 1) * FRAMES_EACH)
        for unit, weight in EMOTIONS[mood].items():
            for name in sides(unit, dict.fromkeys(NAMES, 0.0)):
                if not name.startswith("eyeBlink"):
                    weights[rows, NAMES.index(name)] += weight * course * rng.uniform(0.8, 1.1)
    phase = 2 * np.pi * (rng.random(3) + np.arange(count)[:, None] / rng.uniform(18, 40, 3))
    return Acting(np.arange(count) / RATE, np.clip(weights, 0, 1), np.sin(phase) * [0.28, 0.11, 0.07])


class Wrinkler:
    """One person whose folds deepen with the expression."""

    def __init__(self, number: int, rng: np.random.Generator) -> None:
        young, deeper = rng.uniform(30, 60), rng.uniform(0.9, 1.4)
        old = max(rng.uniform(62, 80), young + 15)
        self.person, deep = (draw_person((SEED, 1, number), TEXTURE, "test", (age, deeper)) for age in (young, old))
        self.moving = deep.skin.displacement - self.person.skin.displacement
        self.darker = np.clip(deep.skin.albedo / np.maximum(self.person.skin.albedo, 1e-4), 0.3, 1.5) - 1
        guide = guide_of(MODEL, TEXTURE)
        best = np.zeros(guide.place[..., 0].size, np.float32)
        self.kind = np.full(len(best), len(relief.FOLDS))
        for fold in relief.folds(guide):
            near = np.exp(-((fold.across / 0.004) ** 2))
            nearer = near > best[fold.index]
            best[fold.index[nearer]] = near[nearer]
            self.kind[fold.index[nearer]] = list(relief.FOLDS).index(fold.kind)
        self.left = (1 / (1 + np.exp(-guide.place[..., 0] / 0.004))).astype(np.float32)

    def gate(self, weights: NDArray) -> NDArray:
        """(S, S) 0-1: how far an expression (E,) has brought the folds."""
        amounts = np.zeros((len(relief.FOLDS) + 1, 2), np.float32)
        for row, kind in enumerate(relief.FOLDS):
            for column, side in enumerate(SIDES):
                places = [NAMES.index(n) for unit in FOLDING.get(kind, ()) for n in (unit, unit + side) if n in NAMES]
                amounts[row, column] = min(1.0, 1.25 * max(weights[places], default=0.0))
        left, right = (amounts[self.kind, column].reshape(self.left.shape) for column in (0, 1))
        found = np.zeros((TEXTURE, TEXTURE), np.float32)
        found[: len(self.left)] = left * self.left + right * (1 - self.left)
        return cv2.GaussianBlur(found, (0, 0), 3)

    def __call__(self, weights: NDArray) -> SyntheticPerson:
        """The person with an expression."""
        gate, skin = self.gate(weights), self.person.skin
        albedo = (skin.albedo * (1 + gate[..., None] * self.darker)).astype(np.float32)
        return replace(
            self.person, skin=replace(skin, displacement=skin.displacement + gate * self.moving, albedo=albedo)
        )


def filmed(number: int, folder: Path) -> Filmed:
    """The clip of this number, written into the folder."""
    rng = np.random.default_rng((SEED, number))
    person, acting = Wrinkler(number, rng), acted(rng)
    sensor = Sensor(gain=float(np.exp(0.3 * abs(rng.normal()))), defocus=0.4 * abs(rng.normal()), jpeg=92)
    frames = list(film(person, acting, (SEED, number, 9), SIZE, taken=sensor, fill=FILL))
    path = folder / f"{number}.mp4"
    write_video(path, [frame.image for frame in frames], RATE, CRF)
    gates = np.stack([_half(person.gate(frame.expression)) for frame in frames]).astype(np.float16)
    vertices = np.array([frame.vertices for frame in frames])
    still, moving = _half(person.person.skin.displacement), _half(person.moving)
    return Filmed(path, still, moving, gates, [frame.camera for frame in frames], vertices)


def _half(values: NDArray) -> NDArray:
    return np.asarray(cv2.resize(values, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))


def truth(clip: Filmed, frame: int, place: NDArray, chart: DetailChart) -> tuple[NDArray, NDArray, NDArray]:
    """(h, w) each: metres that last and that came, at pixels (h, w, 2) of a frame, and where they are known."""
    face, corner, _ = render_buffers(clip.cameras[frame], clip.vertices[frame], MODEL.faces)
    uv, hit = np.zeros((*face.shape, 2), np.float32), face >= 0
    uv[hit] = (MODEL.uvs[MODEL.uv_faces[face[hit]]] * corner[hit][..., None]).sum(axis=1)
    known = image_at(hit.astype(np.float32), place, border=cv2.BORDER_CONSTANT) > 0.99
    u, v = np.moveaxis(image_at(uv, place), 2, 0)
    known &= np.abs(np.gradient(u, axis=1)) + np.abs(np.gradient(v, axis=0)) < 0.02
    side, valid = clip.still.shape[0], known.astype(np.float32)
    at = np.stack([u * side, (1 - v) * side], axis=2).astype(np.float32)

    def folded(values: NDArray) -> NDArray:
        here = image_at(values.astype(np.float32), at) * valid
        here = (here - chart.smooth(here, WIDE_M) / np.maximum(chart.smooth(valid, WIDE_M), 1e-3)) * valid
        return chart.smooth(here, FINE_M) / np.maximum(chart.smooth(valid, FINE_M), 1e-3)

    return folded(clip.still), folded(clip.moving * clip.gates[frame]), known


class Sums:
    """Correlation and error of what is found, over many frames."""

    def __init__(self) -> None:
        self.both = self.found = self.true = self.wrong = 0.0

    def add(self, found: NDArray, true: NDArray) -> None:
        self.both += float(found @ true)
        self.found += float(found @ found)
        self.true += float(true @ true)
        self.wrong += float(((found - true) ** 2).sum())

    @property
    def numbers(self) -> tuple[float, float]:
        """Correlation, and root mean square error over that of nothing."""
        return self.both / float(np.sqrt(self.found * self.true + 1e-20)), float(np.sqrt(self.wrong / self.true))


def measured(clip: Filmed, folder: Path) -> Iterator[tuple[str, dict[str, tuple[NDArray, NDArray]]]]:
    """Of each frame that nothing was learned from: way -> folds found and true, (n,) metres, moving and all."""
    options = options_from(method="parametric")
    film_of = open_clip(clip.path)
    watched = watch_faces(film_of, folder / f"{clip.path.stem}.bin", options.perception)
    sightings = watched.sightings(max(watched.tracks, key=lambda name: len(watched.tracks[name])))
    fit = methods.load(methods.find_for_faces_in_clip("parametric"), fetch, options)
    subject = FaceClipSubject("face-1", 1, film_of, sightings, watched.size, options, fit)
    seen = subject.seen[:TEXTURED]
    whole = fit(subject.seen)
    motion = subject.motion(whole, lambda _: None)
    began = process_time()
    moments = moments_of(whole, seen, motion, film_of, sightings, options.perception)
    chart = detail_chart("maquette-head")
    posed = list(whole.motion if whole.motion is not None else ())
    baked = [bake(o, c, v, chart.layers) for o, c, v in zip(seen, whole.cameras, posed)]
    kept = [lasting(one, chart.layers) for one in seen]
    plain = folds_of(baked, whole.cameras[: len(seen)], posed, kept, "maquette-head")
    read = process_time()
    both, moving = moving_folds(believed(plain, seen), moments, NAMES)
    spent = (read - began, process_time() - read)
    print(f"  {len(moments.frames)} moments; seconds: {spent[0]:.1f} before, {spent[1]:.1f} learning")
    maps = {
        NAMES.index(unit): cv2.resize(height, None, fx=1, fy=2)[: chart.shape[0]] for unit, height in moving.items()
    }
    units, heights = list(maps), np.array([chart.cut(one) for one in maps.values()])
    used = {round(one.time * RATE) for one in moments.frames}
    used |= {round(float(one.frame.time or 0) * RATE) for one in subject.seen}
    beside = whole.shape.vertices - MODEL.vertices(whole.identity, whole.expression[0], whole.scale)
    skin = (chart.free > 0.9) & (chart.zones[3] > 0.5)
    for index, number in enumerate(motion.frames):
        if int(number) in used:
            continue
        vertices = MODEL.vertices(whole.identity, motion.expression[index], whole.scale) + beside
        place = chart.spread(pixels_of(frame_view(motion, index).camera, vertices.astype(float))[0])
        still, came, known = truth(clip, int(number), place, chart)
        came_found = np.zeros_like(still)
        if units:
            came_found = np.tensordot(motion.expression[index, units].astype(np.float32), heights, 1)
        here = known & skin
        for name, smooth in (("", None), (" without pores", PORES_M)):
            part = [one if smooth is None else chart.smooth(one.astype(np.float32), smooth)
                    for one in (still, came, plain.height, both.height, came_found)]  # fmt: skip
            lasts, moves, photos, joint, found = (one[here] for one in part)
            yield (
                name,
                {
                    "moving part": (found, moves),
                    "all: the photos alone": (photos, lasts + moves),
                    "all: what lasts, of all frames": (joint, lasts + moves),
                    "all: what lasts and what moves": (joint + found, lasts + moves),
                },
            )


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--clips", type=Path)
    args = parser.parse_args()
    rows: list[list[object]] = []
    pooled: dict[str, Sums] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.clips or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(args.first, args.first + args.people):
            print(f"person {number}", flush=True)
            own: dict[str, Sums] = {}
            for name, ways in measured(filmed(number, folder), Path(temporary)):
                for way, (found, true) in ways.items():
                    for sums in (own, pooled):
                        sums.setdefault(way + name, Sums()).add(found, true)
            rows += [[number, way, *(f"{x:.3f}" for x in sums.numbers)] for way, sums in own.items()]
    rows += [["all", way, *(f"{x:.3f}" for x in sums.numbers)] for way, sums in pooled.items()]
    for row in rows:
        print(" | ".join(f"{cell!s:>46}" for cell in row))
    with RESULTS.open("w", newline="") as file:
        csv.writer(file).writerows([["person", "what", "correlation", "error"], *rows])


if __name__ == "__main__":
    main()
