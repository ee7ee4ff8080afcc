"""What a crop of a drawn animal shows, as the shape network reads it, and the coefficients of its head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from maquette.perception.faces.regressor.align import cut
from maquette.perception.pets.landmark_network import CROP
from maquette.perception.pets.landmarks import square_of
from maquette.perception.pets.reader import load_features, load_head
from maquette.perception.pets.schemes import SPECIES
from maquette.perception.square import Square
from maquette.reconstruction.pet_fit.shape_network import MODES, OWN, UNITS, mark_rows
from maquette.synthesis.animals.head_landmarks import landmarks
from maquette.synthesis.animals.head_shape import AnimalExpression, shape_of
from maquette.synthesis.animals.nearest_head import nearest_head
from maquette.training.datasets.pets import COLUMNS, LAYOUT, SHAPES, taken
from maquette.training.datasets.shards import Array, Shards, shuffled

VARIANTS = 1  # of each photograph
MOVED, SIZED, TURNED = 0.02, 0.05, 0.05  # spread of the crop's shift (share of its side), log size, turn (radians)
MIRRORED_UNITS = [UNITS.index(name) for name in UNITS]
for _left, _right in ((1, 2), (3, 4)):
    MIRRORED_UNITS[_left], MIRRORED_UNITS[_right] = _right, _left
FACING = np.diag([1.0, -1.0, -1.0])  # the head's axes to the camera's, of a head that faces it
ASIDE = np.diag([-1.0, 1.0, 1.0])
READ = ("coarse", "whole", "marks")


class PetShapes:
    """Batches of what is read of crops, and of the heads that they show.

    What the frozen networks make of a crop is computed once and kept, 40 kB each, and so are the coefficients.

    Args:
        folder: of the shards, with the folders train and test in it.
        split: train or test.
        augment: whether pictures are photographed anew, moved and mirrored.
    """

    def __init__(self, folder: Path, batch_size: int, seed: int, split: str = "train", augment: bool = True) -> None:
        self.shards = Shards(Path(folder) / split, COLUMNS + SHAPES, batch_size, seed, LAYOUT)
        self.batch_size, self.seed, self.augment = batch_size, seed, augment
        self._kept: dict[tuple[int, int], dict[str, Array]] = {}
        self._heads: dict[bytes, Array] = {}

    def __len__(self) -> int:
        return len(self.shards)

    def batch(self, number: int) -> dict[str, Array]:
        """What the crops of one batch are.

        Returns:
            coarse, whole: features, float16; marks (N, 20, 4) as `mark_rows`; shape (N, 30) of the own species, known
            (N, 30) 0 or 1 where a model has no such coefficient; turn (N, 3) rotation vector; species (N,).
        """
        variant = number * self.batch_size // len(self) % (VARIANTS if self.augment else 1)
        indices = [int(k) for k in shuffled(len(self), self.batch_size, self.seed, number)]
        new = [k for k in dict.fromkeys(indices) if (k, variant) not in self._kept]
        if new:
            self._kept |= self._made(new, variant)
        rows = [self._kept[k, variant] for k in indices]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def _made(self, indices: list[int], variant: int) -> dict[tuple[int, int], dict[str, Array]]:
        rows = self.shards.rows(indices)
        made, crops = [], []
        for place, index in enumerate(indices):
            row = {name: column[place] for name, column in rows.items()}
            crop, truth = self._one(row, np.random.default_rng([self.seed, index, variant]))
            crops.append(crop.transpose(2, 0, 1))
            made.append(truth)
        read = read_of(np.stack(crops))
        return {
            (index, variant): truth | {name: read[name][k] for name in READ}
            for k, (index, truth) in enumerate(zip(indices, made))
        }

    def _one(self, row: dict[str, Array], rng: np.random.Generator) -> tuple[Array, dict[str, Array]]:
        jitter = rng.normal(size=4) if self.augment else np.zeros(4)
        square = square_of(row["landmarks"].astype(float))
        square = Square(
            square.centre + MOVED * square.side * jitter[:2],
            square.side * np.exp(SIZED * jitter[2]),
            square.roll + TURNED * jitter[3],
        )
        mirrored = self.augment and rng.random() < 0.5
        matrix = square.to_crop(CROP, mirrored)
        crop = cut(row["image"], matrix, CROP)
        species = int(row["species"])
        shape = self._head(row, species)
        if mirrored:
            shape = shape.copy()
            shape[MODES:] = shape[MODES:][MIRRORED_UNITS]
        truth: dict[str, Array] = {
            "shape": np.nan_to_num(shape).astype(np.float32),
            "known": np.isfinite(shape).astype(np.float32),
            "turn": turn_of(row["camera"], matrix).astype(np.float32),
            "species": np.array(species, np.int64),
        }
        return taken(crop, rng) if self.augment else crop, truth

    def _head(self, row: dict[str, Array], species: int) -> Array:
        """(30,) coefficients and units; NaN where the model has none."""
        key = row["shape"].tobytes() + row["expression"].tobytes()
        if key not in self._heads:
            shape = shape_of(row["shape"])
            expression = AnimalExpression(*map(float, row["expression"]))
            found = nearest_head(SPECIES[species], shape, expression, landmarks(shape, expression))
            whole = np.full(OWN, np.nan)
            whole[: len(found.identity)], whole[MODES:] = found.identity, found.units
            self._heads[key] = whole
        return self._heads[key]


def turn_of(camera: Array, matrix: Array) -> Array:
    """(3,) rotation vector of a head in a crop, from facing the camera; of a mirrored crop that of the mirrored head.

    Args:
        camera: (3, 4) of the photograph. matrix: (2, 3) from its pixels to the crop's.
    """
    rows = camera[:, :3].astype(float)
    away = rows[2] / np.linalg.norm(rows[2])
    flat = rows[:2] - (rows[:2] @ away)[:, None] * away
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    linear = matrix[:, :2] / np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    turned = np.vstack([linear @ flat, away])
    if np.linalg.det(linear) < 0:
        turned = turned @ ASIDE
    vector: Array = Rotation.from_matrix(FACING @ turned).as_rotvec()
    return vector


def read_of(crops: Array) -> dict[str, Array]:
    """coarse, whole (float16) and marks (float32) of crops (N, 3, 160, 160) uint8, by the shipped networks."""
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        maps = [part.float() for part in load_features().maps(torch.from_numpy(np.ascontiguousarray(crops)))]
    with torch.inference_mode():
        points, variance, visible, _ = load_head()(*maps)
        marks = mark_rows(points, variance, visible.sigmoid())
    return {"coarse": maps[2].half().numpy(), "whole": maps[3].half().numpy(), "marks": marks.numpy()}
