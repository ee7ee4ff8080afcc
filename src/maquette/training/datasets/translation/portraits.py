"""Animals that do not exist, several in the same scene and each in several scenes: what translation learns from.

Of a picture of one animal, another animal and a picture of it elsewhere, it is known what the translation is: the
other animal in the first one's place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from maquette.core.files import whole_file
from maquette.core.options import SynthesisOptions
from maquette.perception.affine import for_cv2
from maquette.synthesis.animals.photographs import PORTRAIT
from maquette.training.datasets.shards import EXAMPLES, FRACTIONS, WHOLE, Array, Shards, made_shards, shuffled

IN_SCENE = 2  # animals of each species in a scene
ANIMALS = 8  # of each species in a file
SPECIES = ("cat", "dog", "wild")
PER_FILE = 24 * IN_SCENE * len(SPECIES)  # pictures: each animal is in six scenes
SIDE = 128  # pixels
KNOWN = ("scene", "animal", "species")
LAYOUT = {**EXAMPLES, "landmarks": (FRACTIONS, 2), **dict.fromkeys(KNOWN, (WHOLE, 0))}
DRAWN = 32  # latents for each picture, of which the one whose style comes nearest is moved
MOVED, SIZED, TURNED = 0.025, 0.07, 0.05  # spread of shift (share of the side), log size, turn (radians)
WORN = 0.5  # share of pictures with a camera's faults, which are not wanted of the translation


def make_shard(folder: Path, options: SynthesisOptions, first: int, count: int) -> Path:
    """Write pictures first to first + count of a data set as one file, by rename; one that exists is kept.

    Columns: "image" (N, S, S, 3) uint8; "scene", "animal" (N,) int32, numbered over the whole data set; "species" (N,)
    uint8; "landmarks" (N, 20, 2) float32 pixels.
    """
    from safetensors.numpy import save_file

    from maquette.synthesis.animals.form import AnimalForm, draw_form
    from maquette.synthesis.animals.photographs import portrait

    file = Path(folder) / options.split / f"{first:08d}.safetensors"
    if file.is_file():
        return file
    seed = (options.seed, ("train", "test").index(options.split), first)

    @cache
    def form_of(species: int, number: int) -> AnimalForm:
        return draw_form(SPECIES[species], np.random.default_rng((*seed, species, number)))

    rows = []
    for index in range(first, first + count):
        scene, place = divmod(index, IN_SCENE * len(SPECIES))
        species, slot = divmod(place, IN_SCENE)
        number = int(np.random.default_rng((*seed, scene, species)).permutation(ANIMALS)[slot])
        animal = (first // PER_FILE * len(SPECIES) + species) * ANIMALS + number
        here, coat = (int(np.random.SeedSequence((*seed, k)).generate_state(1)[0]) for k in (2 * scene, 2 * animal + 1))
        taken = portrait(form_of(species, number), here, coat, SIDE)
        rows.append((taken.image, np.int32(scene), np.int32(animal), np.uint8(species), taken.landmarks))
    names = ("image", "scene", "animal", "species", "landmarks")
    with whole_file(file) as part:
        save_file({name: np.ascontiguousarray(np.stack(c)) for name, c in zip(names, zip(*rows))}, part)
    return file


def make_shards(folder: Path, options: SynthesisOptions, per_file: int = PER_FILE, workers: int = 2) -> Iterator[Path]:
    """Write the whole data set with several processes; gives each file when it is done, in any run the same bytes."""
    return made_shards(make_shard, folder, options, per_file, workers)


@dataclass(frozen=True)
class Framing:
    """How a portrait is cut: shift (share of the side), log size, turn (radians), mirrored."""

    shift: tuple[float, float] = (0.0, 0.0)
    size: float = 0.0
    turn: float = 0.0
    mirrored: bool = False

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Framing:
        """At random."""
        x, y, size, turn = rng.normal(size=4) * [MOVED, MOVED, SIZED, TURNED]
        return cls((x, y), size, turn, bool(rng.random() < 0.5))


STRAIGHT = Framing()


def aligned(picture: Array, side: int, framing: Framing = STRAIGHT) -> Array:
    """(side, side, 3) uint8: the middle of a portrait (S, S, 3), where networks see it."""
    scale = side / (PORTRAIT * len(picture)) * np.exp(framing.size)
    cos, sin = scale * np.cos(framing.turn), scale * np.sin(framing.turn)
    linear = np.array([[cos, sin], [-sin, cos]])
    if framing.mirrored:
        linear[0] *= -1
    matrix = np.column_stack([linear, side * (0.5 + np.array(framing.shift)) - linear @ np.full(2, len(picture) / 2)])
    return cv2.warpAffine(
        picture, for_cv2(matrix), (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )


def tone(rng: np.random.Generator) -> Array:
    """(256, 3) uint8: a tone curve, brightness and white balance at random."""
    curve = 255 * (np.arange(256)[:, None] / 255) ** np.exp(0.25 * rng.normal() + 0.04 * rng.normal(size=3))
    return np.clip(curve * np.exp(0.1 * rng.normal() + 0.05 * rng.normal(size=3)), 0, 255).astype(np.uint8)


def _toned(picture: Array, table: Array) -> Array:
    return np.stack([table[:, c][picture[..., c]] for c in range(3)], axis=2)


def _worn(picture: Array, rng: np.random.Generator) -> Array:
    """At times blurred, from fewer pixels, with noise."""
    if rng.random() > WORN:
        return picture
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.0))
    return np.clip(picture + rng.normal(size=picture.shape) * rng.uniform(0, 8), 0, 255).astype(np.uint8)


class Portraits:
    """Batches of a picture of an animal, another animal somewhere else, and the other in the place of the first.

    Args:
        folder: of the shards, with the folders train and test in it.
        side: of the pictures, pixels.
        latent: numbers that a style is drawn from.
        split: train or test.
        augment: whether they are shifted, mirrored and photographed anew.
    """

    def __init__(
        self,
        folder: Path,
        side: int,
        latent: int,
        batch_size: int,
        seed: int,
        split: str = "train",
        augment: bool = True,
    ) -> None:
        self.shards = Shards(Path(folder) / split, ("image", *KNOWN), batch_size, seed, LAYOUT)
        self.side, self.latent, self.batch_size, self.seed, self.augment = side, latent, batch_size, seed, augment
        known = Shards(Path(folder) / split, KNOWN, batch_size, seed, LAYOUT).rows(np.arange(len(self.shards)))
        self.scene, self.animal, self.species = (known[name] for name in KNOWN)
        self.in_scene = {k: np.flatnonzero(self.scene == k) for k in np.unique(self.scene)}
        self.of_animal = {k: np.flatnonzero(self.animal == k) for k in np.unique(self.animal)}

    def __len__(self) -> int:
        return len(self.shards)

    def batch(self, number: int) -> dict[str, Array]:
        """See `recipe.Batches`.

        Returns:
            "source", "reference", "wanted" (N, 3, S, S) uint8 RGB; "domain" of the source and "target" of the others
            (N,) int64; "latents" (N, DRAWN, L) float32; "step" (N,) int64.
        """
        rng = np.random.default_rng([self.seed, number])
        sources = shuffled(len(self), self.batch_size, self.seed, number)
        wanted = np.array([rng.choice(self.in_scene[self.scene[k]]) for k in sources])
        references = np.array([self._elsewhere(int(k), rng) for k in wanted])
        images = self.shards.rows(np.concatenate([sources, wanted, references]))["image"]
        size = self.batch_size
        rows = [
            self._one(images[k], images[k + size], images[k + 2 * size], np.random.default_rng([self.seed, number, k]))
            for k in range(size)
        ]
        channels = (tuple(np.ascontiguousarray(one.transpose(2, 0, 1)) for one in row) for row in rows)
        return {name: np.stack(part) for name, part in zip(("source", "wanted", "reference"), zip(*channels))} | {
            "domain": self.species[sources].astype(np.int64),
            "target": self.species[wanted].astype(np.int64),
            "latents": rng.standard_normal((self.batch_size, DRAWN, self.latent), np.float32),
            "step": np.full(self.batch_size, number),
        }

    def _elsewhere(self, row: int, rng: np.random.Generator) -> int:
        """Another picture of the same animal; this one, where there is none."""
        others = self.of_animal[self.animal[row]]
        others = others[others != row] if len(others) > 1 else others
        return int(rng.choice(others))

    def _one(self, source: Array, wanted: Array, reference: Array, rng: np.random.Generator) -> tuple[Array, ...]:
        if not self.augment:
            return tuple(aligned(picture, self.side) for picture in (source, wanted, reference))
        here, there = (Framing.drawn(rng) for _ in range(2))
        tones = tone(rng), tone(rng)
        pair = [_toned(aligned(picture, self.side, here), tones[0]) for picture in (source, wanted)]
        other = _toned(aligned(reference, self.side, there), tones[1])
        return _worn(pair[0], rng), pair[1], _worn(other, rng)
