"""Crops of drawn animals, the landmarks that guide, and the solid of the head on a lattice of the crop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.ndimage import map_coordinates

from maquette.perception.faces.regressor.align import cut
from maquette.perception.pets.landmarks import square_of
from maquette.perception.pets.schemes import FLIPPED
from maquette.perception.square import Square
from maquette.reconstruction.pet_volume.space import places, projection_of, slices
from maquette.synthesis.animals import head_field
from maquette.synthesis.animals.head_shape import AnimalExpression, shape_of
from maquette.training.datasets.pet_heads.shapes import MOVED, SIZED, TURNED
from maquette.training.datasets.pets import COLUMNS, LAYOUT, SHAPES, taken
from maquette.training.datasets.shards import Array, Shards, shuffled

GRID = (44, 48, 52)  # points of the field that is kept of each head
SCALE = 127 / 0.5  # its whole numbers for a distance of one eye distance: half of one is the most
EACH, ALL = 0.012, 0.008  # spread of the guiding landmarks, each and all together, shares of the crop's side
PHASES = 2  # every second pixel and slice is asked for, from another start in every batch


class PetVolumes:
    """Batches of crops with the heads' solids.

    Args:
        folder: of the shards, with the folders train and test in it.
        side: of the crops, pixels. depth: slices of the volume.
        split: train or test.
        augment: whether pictures are photographed anew, moved and mirrored; else every voxel is asked for.
    """

    def __init__(
        self,
        folder: Path,
        side: int,
        depth: int,
        batch_size: int,
        seed: int,
        split: str = "train",
        augment: bool = True,
    ) -> None:
        self.shards = Shards(Path(folder) / split, COLUMNS + SHAPES, batch_size, seed, LAYOUT)
        self.side, self.depth, self.seed, self.augment = side, depth, seed, augment
        self._fields: dict[bytes, Array] = {}

    def __len__(self) -> int:
        return len(self.shards)

    def batch(self, number: int) -> dict[str, Array]:
        """crops (N, 3, S, S) uint8, points (N, 20, 2) pixels, solid (N, D', S', S') uint8, phase (3,)."""
        rng = np.random.default_rng([self.seed, number])
        indices = shuffled(len(self), self.shards.batch_size, self.shards.seed, number)
        rows = self.shards.rows(indices)
        phase = rng.integers(0, PHASES, 3) if self.augment else np.zeros(3, np.int64)
        made = [self._one({name: column[k] for name, column in rows.items()}, phase, rng) for k in range(len(indices))]
        return {name: np.stack([row[name] for row in made]) for name in made[0]} | {"phase": phase}

    def _one(self, row: dict[str, Array], phase: Array, rng: np.random.Generator) -> dict[str, Array]:
        points, side = row["landmarks"].astype(float), self.side
        jitter = rng.normal(size=4) if self.augment else np.zeros(4)
        square = square_of(points)
        centre = square.centre + MOVED * square.side * jitter[:2]
        square = Square(centre, square.side * np.exp(SIZED * jitter[2]), square.roll + TURNED * jitter[3])
        matrix = square.to_crop(side)
        crop = cut(row["image"], matrix, side)
        crop = taken(crop, rng) if self.augment else crop
        points, placed = points @ matrix[:, :2].T + matrix[:, 2], projection_of(row["camera"]).moved(matrix)
        if self.augment and rng.random() < 0.5:
            crop, placed = crop[:, ::-1], placed.mirrored(side)
            points = points[list(FLIPPED)] * [-1, 1] + [side, 0]
            field = self._field(row)[::-1]
        else:
            field = self._field(row)
        worse = 3.0 if rng.random() < 0.1 else 1.0
        noise = side * worse * (EACH * rng.normal(size=(20, 2)) + ALL * rng.normal(size=2))
        step = PHASES if self.augment else 1
        pixels = np.arange(side) + 0.5
        depths = slices(self.depth, side)[phase[0] :: step]
        there = places(placed, pixels[phase[2] :: step], pixels[phase[1] :: step], depths)
        return {
            "crops": np.ascontiguousarray(crop.transpose(2, 0, 1)),
            "points": (points + noise).astype(np.float32),
            "solid": _solid(field, there, float(np.linalg.norm(placed.matrix[2, :3])) * self.depth / side),
        }

    def _field(self, row: dict[str, Array]) -> Array:
        """int8 distances on GRID over the box of all heads, made once for each head."""
        key = row["shape"].tobytes() + row["expression"].tobytes()
        if key not in self._fields:
            low, high = head_field.BOX
            axes = [np.linspace(low[k], high[k], GRID[k], dtype=np.float32) for k in range(3)]
            points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
            expression = AnimalExpression(*map(float, row["expression"]))
            values = head_field.distance(points, shape_of(row["shape"]), expression).reshape(GRID)
            self._fields[key] = np.clip(SCALE * values, -127, 127).astype(np.int8)
        return self._fields[key]


def _solid(field: Array, points: Array, per_unit: float) -> Array:
    """(...) uint8, 255 inside: a ramp of one slice at the border.

    Args:
        points: (..., 3) of the head. per_unit: slices to an eye distance.
    """
    low, high = head_field.BOX
    index = (points - low) / (high - low) * (np.array(GRID) - 1)
    distance = map_coordinates(
        field.astype(np.float32), index.reshape(-1, 3).T, order=1, mode="constant", cval=127.0
    ).reshape(points.shape[:-1])
    solid: Array = (255 * np.clip(0.5 - distance / SCALE * per_unit, 0, 1)).astype(np.uint8)
    return solid
