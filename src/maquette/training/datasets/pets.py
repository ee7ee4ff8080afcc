"""Photographs of animals that do not exist, as shards, and the crops of them that the landmark network learns from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from maquette.core.files import whole_file
from maquette.core.options import SynthesisOptions
from maquette.perception.affine import apply, for_cv2
from maquette.perception.pets.landmark_network import CROP
from maquette.perception.pets.reader import load_features
from maquette.perception.pets.schemes import FLIPPED
from maquette.training.datasets.head_crops import LINEAR, photographed
from maquette.training.datasets.shards import EXAMPLES, FRACTIONS, WHOLE, Array, Shards, made_shards, shuffled

PER_FILE = 128  # photographs
COLUMNS = ("image", "landmarks", "visible", "species")
SHAPES = ("shape", "expression", "camera")  # what makes the head of a photograph: see synthesis.animals
LAYOUT = {**EXAMPLES, "landmarks": (FRACTIONS, 2), "visible": (WHOLE, 1), "species": (WHOLE, 0)}
LAYOUT |= {"shape": (FRACTIONS, 1), "camera": (FRACTIONS, 2)}
MOVED, SIZED, TURNED, STRETCHED = 0.05, 0.18, 0.15, 0.05  # spread of shift (share), log size, turn (radians), shape
FEATURES = ("fine", "middle", "coarse", "whole")  # at strides 4, 8, 16, 32
VARIANTS = 2  # of each photograph
COARSE = 0.25  # share of crops that were small pictures once


def make_shard(folder: Path, options: SynthesisOptions, first: int, count: int) -> Path:
    """Write photographs first to first + count of a data set as one file, by rename; one that exists is kept."""
    from safetensors.numpy import save_file

    from maquette.perception.pets.schemes import SPECIES
    from maquette.synthesis.animals.form import AnimalForm, draw_form
    from maquette.synthesis.animals.photographs import photograph

    file = Path(folder) / options.split / f"{first:08d}.safetensors"
    if file.is_file():
        return file
    split = ("train", "test").index(options.split)
    form: AnimalForm | None = None
    drawn, rows = -1, []
    for index in range(first, first + count):
        number, photo = divmod(index, options.photos_per_person)
        seed = (options.seed, split, number)
        if form is None or number != drawn:
            form, drawn = draw_form(SPECIES[number % len(SPECIES)], np.random.default_rng(seed)), number
        taken = photograph(form, np.random.default_rng((*seed, photo + 1)), options.size)
        species = np.uint8(SPECIES.index(taken.species))
        made_of = (part.vector().astype(np.float32) for part in (form.shape, form.expression))
        rows.append((taken.image, taken.landmarks, taken.visible.astype(np.uint8), species, *made_of, taken.camera))
    with whole_file(file) as part:
        # safetensors writes what lies in memory: axes must lie there in their order.
        save_file({name: np.ascontiguousarray(np.stack(c)) for name, c in zip(COLUMNS + SHAPES, zip(*rows))}, part)
    return file


def make_shards(folder: Path, options: SynthesisOptions, per_file: int = PER_FILE, workers: int = 2) -> Iterator[Path]:
    """Write the whole data set with several processes; gives each file when it is done, in any run the same bytes."""
    return made_shards(make_shard, folder, options, per_file, workers)


class PetCrops:
    """Batches of crops of animals' faces as the frozen features see them, with their landmarks.

    Each photograph is shifted, turned, mirrored and photographed anew in `VARIANTS` ways, one to an epoch, and then
    over again: what the features make of a crop is computed once and kept, 150 kB each.

    Args:
        folder: of the shards, with the folders train and test in it.
        split: train or test.
        augment: whether they are photographed anew, or only moved a little.
    """

    def __init__(self, folder: Path, batch_size: int, seed: int, split: str = "train", augment: bool = True) -> None:
        self.shards = Shards(Path(folder) / split, COLUMNS, batch_size, seed, LAYOUT)
        self.batch_size, self.seed, self.augment = batch_size, seed, augment
        self._kept: dict[tuple[int, int], dict[str, Array]] = {}

    def __len__(self) -> int:
        return len(self.shards)

    def batch(self, number: int) -> dict[str, Array]:
        """What the crops of one batch are.

        Returns:
            crops (N, 3, S, S) uint8; fine, middle, coarse, whole: their features, float16; landmarks (N, 20, 2)
            float32 shares of the side; visible (N, 20) uint8.
        """
        variant = number * self.batch_size // len(self) % VARIANTS
        indices = [int(k) for k in shuffled(len(self), self.batch_size, self.seed, number)]
        new = [k for k in dict.fromkeys(indices) if (k, variant) not in self._kept]
        if new:
            self._kept |= self._made(new, variant)
        rows = [self._kept[k, variant] for k in indices]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def _made(self, indices: list[int], variant: int) -> dict[tuple[int, int], dict[str, Array]]:
        rows = self.shards.rows(indices)
        made = [
            self._one(image, points, seen, np.random.default_rng([self.seed, index, variant]))
            for image, points, seen, index in zip(rows["image"], rows["landmarks"], rows["visible"], indices)
        ]
        features = features_of(np.stack([row["crops"] for row in made]))
        return {
            (index, variant): row | {name: part[k] for name, part in features.items()}
            for k, (index, row) in enumerate(zip(indices, made))
        }

    def _one(self, image: Array, points: Array, visible: Array, rng: np.random.Generator) -> dict[str, Array]:
        spread = 1.0 if self.augment else 0.4
        matrix = _framed(points, len(image), spread * rng.normal(size=5), rng)
        if self.augment and rng.random() < 0.5:
            matrix = np.array([[-1, 0, CROP], [0, 1, 0]]) @ np.vstack([matrix, [0, 0, 1]])
            points, visible = points[list(FLIPPED)], visible[list(FLIPPED)]
        crop = cv2.warpAffine(
            image, for_cv2(matrix), (CROP, CROP), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        if self.augment:
            crop = taken(crop, rng)
        placed = (apply(matrix, points) / CROP).astype(np.float32)
        inside = ((placed > 0) & (placed < 1)).all(axis=1)
        return {
            "crops": np.ascontiguousarray(crop.transpose(2, 0, 1)),
            "landmarks": placed,
            "visible": (visible & inside).astype(np.uint8),
        }


def features_of(crops: Array) -> dict[str, Array]:
    """fine, middle, coarse and whole, float16, of crops (N, 3, S, S) uint8."""
    import torch

    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        maps = load_features().maps(torch.from_numpy(crops))
    return {name: part.half().contiguous().numpy() for name, part in zip(FEATURES, maps, strict=True)}


def _framed(points: Array, stored: int, jitter: Array, rng: np.random.Generator) -> Array:
    """(2, 3) from pixels of the stored picture to those of the crop: mostly near the face, at times the whole."""
    low, high = points.min(axis=0), points.max(axis=0)
    whole = stored / 2 * np.ones(2), float(stored)
    near = (low + high) / 2, max(float((high - low).max()) * 1.25, 0.3 * stored)
    loose = rng.random() ** 3
    centre = near[0] + loose * (whole[0] - near[0])
    extent = np.exp((1 - loose) * np.log(near[1]) + loose * np.log(whole[1]))
    scale = CROP / extent * np.exp(SIZED * jitter[2])
    turn, wider = TURNED * jitter[3], np.exp(STRETCHED * jitter[4] * np.array([1, -1]))
    linear = scale * wider[:, None] * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.column_stack([linear, CROP * (0.5 + MOVED * jitter[:2]) - linear @ centre])


def taken(crop: Array, rng: np.random.Generator) -> Array:
    """The crop through a camera; at times from few pixels, or with its colours changed."""
    if rng.random() < COARSE:
        side = max(8, int(len(crop) / np.exp(rng.uniform(0.2, 1.6))))
        crop = cv2.resize(cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA), crop.shape[:2])
    if rng.random() < 0.6:
        return photographed(np.take(LINEAR, crop), rng)
    tone = 255 * (np.arange(256)[:, None] / 255) ** np.exp(0.3 * rng.normal() + 0.06 * rng.normal(size=3))
    table = np.clip(tone * np.exp(0.12 * rng.normal() + 0.06 * rng.normal(size=3)), 0, 255).astype(np.uint8)
    return np.stack([table[:, c][crop[..., c]] for c in range(3)], axis=2)
