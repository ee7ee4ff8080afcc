"""The shards of `maquette synth --subject person` (`synthesis.datasets.person_examples`) as batches of people."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from maquette.training.datasets.shards import Array, Shards, shuffled

MAPS = ("normals_front", "normals_back", "body_normals_front", "body_normals_back")
DEPTHS = ("body_depth_front", "body_depth_back")
COLUMNS = ("image", "mask", "mask_seen", *MAPS, *DEPTHS, "points", "inside", "distance")
TRUE_MASK = 0.3  # share of the examples that see the true mask
GAIN = (0.75, 1.3)  # each colour channel is multiplied by as much


class PersonSamples:
    """Batches of dressed people.

    Args:
        shards: see `shards_of`.
        points: per example, drawn anew for each batch. side: of the pictures, pixels.
        body: show the fitted body; else its maps and distances are 0.
        augment: change masks, colours and sides at random; else nothing but the choice of points is random.
    """

    def __init__(self, shards: Shards, points: int, side: int, body: bool = True, augment: bool = True) -> None:
        self.shards, self.points, self.side = shards, points, side
        self.body, self.augment = body, augment

    def __len__(self) -> int:
        return len(self.shards)

    def batch(self, number: int) -> dict[str, Array]:
        """picture (N, 4, S, S), body (N, 8, S, S), normals (N, 6, S, S), shown (N, S, S), points (N, P, 3), inside,
        distance (N, P)."""
        rng = np.random.default_rng([self.shards.seed, number])
        rows = self.shards.rows(shuffled(len(self), self.shards.batch_size, self.shards.seed, number))
        made = [self._one({n: c[k] for n, c in rows.items()}, rng) for k in range(len(rows["image"]))]
        return {name: np.stack([row[name] for row in made]) for name in made[0]}

    def _one(self, row: dict[str, Array], rng: np.random.Generator) -> dict[str, Array]:
        true = self.augment and rng.random() < TRUE_MASK
        mask = resized(row["mask" if true else "mask_seen"], self.side, cv2.INTER_AREA).astype(np.float32) / 255
        image = resized(row["image"], self.side, cv2.INTER_AREA).astype(np.float32) / 255
        if self.augment:
            image = np.clip(image * rng.uniform(*GAIN, 3).astype(np.float32) * rng.uniform(0.8, 1.2), 0, 1)
        maps = {name: resized(row[name].astype(np.float32), self.side) for name in (*MAPS, *DEPTHS)}
        chosen = rng.choice(len(row["points"]), self.points, replace=False)
        made = {
            "picture": self._seen(image, mask),
            "body": np.dstack([maps[n] / 127 for n in MAPS[2:]] + [maps[n] for n in DEPTHS]),
            "normals": np.dstack([maps[n] / 127 for n in MAPS[:2]]),
            "shown": (resized(row["mask"], self.side) > 127).astype(np.float32),
            "points": row["points"][chosen].astype(np.float32),
            "inside": row["inside"][chosen].astype(np.float32),
            "distance": row["distance"][chosen].astype(np.float32),
        }
        if not self.body:
            made["body"], made["distance"] = 0 * made["body"], 0 * made["distance"]
        if self.augment and rng.random() < 0.5:
            made = mirrored(made)
        for name in ("picture", "body", "normals"):
            made[name] = np.ascontiguousarray(made[name].transpose(2, 0, 1), np.float32)
        return made

    def _seen(self, image: Array, mask: Array) -> Array:
        """(S, S, 4) what a network sees of a picture (S, S, 3) and a mask (S, S), both in 0-1."""
        return np.dstack([image * mask[..., None], mask])


def shards_of(data: str, batch_size: int, seed: int, split: str = "train") -> Shards:
    """The shards of one split, "train" or "test".

    Raises:
        BadInput: there are none in the folder, or they are of another kind.
    """
    return Shards(Path(data) / split, COLUMNS, batch_size, seed)


def resized(picture: Array, side: int, interpolation: int = cv2.INTER_NEAREST_EXACT) -> Array:
    """A stored map at another side; labels are picked, not mixed, so that edges stay edges.

    Not INTER_NEAREST, which picks from the corners of pixels and so moves the map by up to half a pixel.
    """
    return picture if len(picture) == side else cv2.resize(picture, (side, side), interpolation=interpolation)


def mirrored(row: dict[str, Array]) -> dict[str, Array]:
    """The example in a mirror: pictures (S, S, C) turned over, x of normals and points negated."""
    out = {name: row[name][:, ::-1].copy() for name in ("picture", "body", "normals", "shown")}
    out["body"][..., [0, 3]] *= -1
    out["normals"][..., [0, 3]] *= -1
    return row | out | {"points": row["points"] * np.array([-1, 1, 1], np.float32)}
