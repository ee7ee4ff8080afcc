"""Clips of faces as DECA learns from them: wide crops on one smooth path, skin masks, landmarks; in files.

One file is one shot of one face, or the photos of one person. A training crop is cut from the wide one with a size that
is drawn once for all frames of an example, so that a clip does not shake.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from maquette.core.errors import BadInput, MaquetteError, NothingFound
from maquette.core.options import PerceptionOptions, SourceOptions, VideoOptions
from maquette.core.types import Frame, Observation, Subject
from maquette.perception.affine import apply
from maquette.perception.faces.skin import face_mask
from maquette.perception.faces.topology import landmarks68
from maquette.perception.observers import OBSERVERS
from maquette.reconstruction.deca.align import around, cut
from maquette.reconstruction.deca.head import CROP
from maquette.sources import photos, video
from maquette.training.datasets.hrn.faces import ENDINGS, HELD_OUT
from maquette.weights.convert import pytorch
from maquette.weights.tensors import opened

WIDE, STORED = 1.8, 288  # of the stored crop: its size over that of the landmarks' box, and its pixels
SIZES = (1.4, 1.8)  # of training crops, likewise
MOST_FRAMES = 250  # of a file
SMOOTH = 3.0  # frames of the clip over which the path of a clip's crops is smoothed
NEAR = 0.5  # of a face's size: what is farther from the last frame's is another face, or another shot
CLIPS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
REMEDY = "make it with maquette train deca --prepare CLIPS"
Row = tuple[Path, int, bool]  # a file, how many frames it has, whether they follow each other


@dataclass(frozen=True, eq=False)
class SeenFace:
    """One face in one frame: the frame's number and what was found; (3,) centre and size of its box, photo pixels."""

    number: int
    seen: Observation
    place: NDArray


def prepare(source: str | Path, data: str | Path, every: int = 1) -> list[Path]:
    """Read clips and photos, and write one file for each shot; files that are there already are left alone.

    Args:
        source: a folder of clips, of photos, and of folders of photos of one person each.
        data: the folder to write. every: how many frames of a clip to step.

    Raises:
        BadInput: no such folder, or no face in it.
    """
    source, data = Path(source), Path(data)
    if not source.is_dir():
        raise BadInput(f"{source}: wanted a folder of clips or photos, there is none")
    data.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for path in sorted(source.iterdir()):
        there = sorted(data.glob(f"{path.name}-*.safetensors"))
        if there:
            written += there
            continue
        follows = path.suffix.lower() in CLIPS
        try:
            for index, shot in enumerate(shots(pictures(path, every), follows)):
                target = data / f"{path.name}-{index:03d}.safetensors"
                facts = {"source": path.name, "follows": json.dumps(follows)}
                facts["frames"] = json.dumps([face.number for face in shot])
                pytorch.save_arrays(rows_of(shot, follows), facts, target)
                written.append(target)
        except MaquetteError as error:
            warnings.warn(f"left out: {error}", stacklevel=2)
    if not written:
        raise BadInput(f"{source}: wanted clips or photos with faces, found none")
    return written


def pictures(path: Path, every: int) -> Iterator[tuple[int, Frame]]:
    """Frames of a clip, photos of a folder, or the one photo, numbered."""
    if path.suffix.lower() in CLIPS:
        yield from video.frames(video.open_clip(path, VideoOptions(every=every)))
    elif path.is_dir() or path.suffix.lower() in ENDINGS:
        inner = sorted(path.rglob("*")) if path.is_dir() else [path]
        for number, photo in enumerate(p for p in inner if p.suffix.lower() in ENDINGS):
            yield number, photos.read(photo, SourceOptions())


def shots(frames: Iterator[tuple[int, Frame]], follows: bool) -> Iterator[list[SeenFace]]:
    """One face after another through a clip: the largest at first, then the nearest; photos are all one person's."""
    shot: list[SeenFace] = []
    for number, frame in frames:
        try:
            found = [placed(number, seen) for seen in OBSERVERS[Subject.FACE](frame, PerceptionOptions(device="cpu"))]
        except NothingFound:
            found = []
        last = shot[-1].place if shot and follows else None
        chosen = nearest(found, last)
        if shot and ((follows and chosen is None) or len(shot) == MOST_FRAMES):
            yield shot
            shot = []
            chosen = chosen or nearest(found, None)
        if chosen is not None:
            shot.append(chosen)
    if shot:
        yield shot


def placed(number: int, seen: Observation) -> SeenFace:
    """A face and where its landmarks' box lies in the photo."""
    width, height = seen.frame.size
    x0, y0, x1, y1 = seen.box
    marks = landmarks68(seen) * [(x1 - x0) / width, (y1 - y0) / height] + [x0, y0]
    low, high = marks.min(axis=0), marks.max(axis=0)
    return SeenFace(number, seen, np.array([*(low + high) / 2, (high - low).mean()]))


def nearest(found: Sequence[SeenFace], last: NDArray | None) -> SeenFace | None:
    """The face nearest to a place, or None where all are far; without a place the largest."""
    if last is None:
        return max(found, key=lambda face: float(face.place[2]), default=None)
    apart = [float(np.linalg.norm(face.place[:2] - last[:2])) for face in found]
    near = int(np.argmin(apart)) if apart else 0
    return found[near] if apart and apart[near] < NEAR * last[2] else None


def rows_of(shot: Sequence[SeenFace], follows: bool) -> dict[str, NDArray]:
    """Crops (T, 288, 288, 3) uint8, masks (T, 288, 288) uint8, and marks (T, 68, 2) float32 pixels of the crops."""
    path = np.stack([face.place for face in shot])
    if follows and len(shot) > 1:
        path = gaussian_filter1d(path, SMOOTH / (shot[1].number - shot[0].number), axis=0, mode="nearest")
    crops, masks, marks = [], [], []
    for face, (x, y, size) in zip(shot, path):
        width, height = face.seen.frame.size
        x0, y0, x1, y1 = face.seen.box
        zoom = np.array([width / (x1 - x0), height / (y1 - y0)])
        to_crop = around((np.array([x, y]) - [x0, y0]) * zoom, WIDE * size * float(zoom.mean()), STORED)
        mask = np.round(255 * face_mask(face.seen)).astype(np.uint8)
        both = np.dstack([face.seen.frame.pixels, mask])
        pixels = np.round(255 * cut(both, to_crop, STORED)[0].permute(1, 2, 0).numpy()).astype(np.uint8)
        crops.append(np.ascontiguousarray(pixels[..., :3]))
        masks.append(np.ascontiguousarray(pixels[..., 3]))
        marks.append(apply(to_crop, landmarks68(face.seen)))
    return {"crops": np.stack(crops), "masks": np.stack(masks), "marks": np.stack(marks).astype(np.float32)}


def listed(data: str | Path) -> list[Row]:
    """The files of a folder.

    Raises:
        BadInput: none is there, or one is another file.
    """
    rows: list[Row] = []
    for path in sorted(Path(data).glob("*.safetensors")):
        with opened(path, "clips of faces", REMEDY, "numpy") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in ("crops", "masks", "marks")}
            follows = json.loads((file.metadata() or {})["follows"])
        count = shapes["crops"][0]
        sides = {"crops": (STORED, STORED, 3), "masks": (STORED, STORED), "marks": (68, 2)}
        if not count or any(shapes[name] != (count, *side) for name, side in sides.items()):
            raise BadInput(f"{path}: wanted crops of {STORED} pixels, masks and landmarks, got {shapes}: {REMEDY}")
        rows.append((path, count, bool(follows)))
    if not rows:
        raise BadInput(f"{data}: wanted a folder of clips of faces, found none: {REMEDY}")
    return rows


def split(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Files to learn from and files held out; of one alone both are it."""
    held = list(rows[::HELD_OUT])
    return [row for index, row in enumerate(rows) if index % HELD_OUT] or held, held


@dataclass(frozen=True, eq=False)
class DecaClips:
    """Examples of some frames of one person each; what a batch holds follows from its number.

    Attributes:
        rows: the files. frames: of an example. size: examples of a batch. seed: of the order.
    """

    rows: Sequence[Row]
    frames: int
    size: int
    seed: int

    def __len__(self) -> int:
        return sum(count for _, count, _ in self.rows)

    def batch(self, number: int) -> dict[str, NDArray]:
        """See `recipe.Batches`: "images" (N, K, 3, 224, 224) uint8, "masks" (N, K, 1, 224, 224) uint8, "marks"
        (N, K, 68, 2) float32 in -1 to 1, "order" (N, K) int64, a permutation of the frames."""
        rng = np.random.default_rng([self.seed, number])
        shares = np.array([count for _, count, _ in self.rows], float)
        chosen = rng.choice(len(self.rows), self.size, p=shares / shares.sum())
        examples = [self.example(self.rows[index], rng) for index in chosen]
        return {name: np.stack([one[name] for one in examples]) for name in examples[0]}

    def example(self, row: Row, rng: np.random.Generator) -> dict[str, NDArray]:
        """Frames of one file: neighbours of a clip, any photos of a person."""
        path, count, follows = row
        if follows and count >= self.frames:
            first = int(rng.integers(0, count - self.frames + 1))
            taken = np.arange(first, first + self.frames)
        else:
            taken = rng.choice(count, self.frames, replace=count < self.frames)
        with opened(path, "clips of faces", REMEDY, "numpy") as file:
            parts = {name: file.get_slice(name) for name in ("crops", "masks", "marks")}
            held = {name: np.stack([part[int(k) : int(k) + 1][0] for k in taken]) for name, part in parts.items()}
        wide = float(rng.uniform(*SIZES)) / WIDE * (STORED - 1)
        inner = around(np.full(2, (STORED - 1) / 2), wide, CROP)
        images = [cv2.warpAffine(crop, inner, (CROP, CROP)).transpose(2, 0, 1) for crop in held["crops"]]
        masks = [cv2.warpAffine(mask, inner, (CROP, CROP))[None] for mask in held["masks"]]
        marks = 2 * apply(inner, held["marks"].astype(float)) / CROP - 1
        order = rng.permutation(self.frames)
        return {
            "images": np.stack(images),
            "masks": np.stack(masks),
            "marks": marks.astype(np.float32),
            "order": order.astype(np.int64),
        }
