"""Crops of whole synthetic heads with a label for each pixel, as shards: what the head parser learns from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from maquette.core.files import whole_file
from maquette.core.options import SynthesisOptions
from maquette.perception.faces.parsing.frame import head_square
from maquette.training.datasets.shards import Array, made_shards

if TYPE_CHECKING:
    from maquette.synthesis.scenes.face_sample import FaceSample
    from maquette.synthesis.scenes.head_scene import SyntheticPerson
    from maquette.synthesis.types import Strands

STORED_EXTENT = 2.8  # of the stored crops, in extents of the face: room for shifts, turns and other sizes
PER_FILE = 128  # crops
COLUMNS = ("image", "kind", "landmarks")
RECOLORED = 0.4  # share of people whose hair gets any colour that hair has, whatever their age and ancestry
COLORS = np.array([  # linear RGB: black, dark, brown, light brown, two blonds, red, greys, white; two dyes
    (0.010, 0.008, 0.007), (0.026, 0.016, 0.010), (0.066, 0.037, 0.020), (0.15, 0.09, 0.048), (0.34, 0.23, 0.115),
    (0.5, 0.37, 0.2), (0.2, 0.062, 0.018), (0.12, 0.115, 0.11), (0.36, 0.345, 0.33), (0.6, 0.59, 0.57),
    (0.3, 0.02, 0.05), (0.03, 0.08, 0.3),
])  # fmt: skip
COLOR_SHARES = np.array([1, 1, 1, 1.5, 2, 2, 1, 1, 1.5, 1, 0.4, 0.4])
RESTYLED = 0.6  # share of people who wear any cut, whoever they are; those of FAVOURED three times as often
FAVOURED = ("fringe", "bowl", "bob", "bob fringe", "long", "long fringe", "long wavy", "long back", "long curly")
DRAPED = 0.6  # share of restyled long hair that lies before the shoulders
LONG_M = 0.2  # length of hair on the crown that reaches them
JAW_M = -0.1  # metres over the eyes below which hair leaves the head


def frame(landmarks: Array, size: int) -> Array:
    """(2, 3) from the pixels of a picture to those of its upright crop, drawn `size` pixels wide."""
    return head_square(landmarks, STORED_EXTENT).to_crop(size)


def example(sample: FaceSample) -> dict[str, Array]:
    """The columns of one photograph that was taken through `frame`.

    Returns:
        "image" (S, S, 3) uint8; "kind" (S, S) uint8, values of `Kind`; "landmarks" (478, 2) float32 pixels.
    """
    points = sample.landmarks["mediapipe478"][:, :2]
    return {"image": sample.image, "kind": sample.kind, "landmarks": points.astype(np.float32)}


def recolored(person: SyntheticPerson, rng: np.random.Generator) -> SyntheticPerson:
    """The same person, perhaps with hair of another colour: more blond, grey and dyed hair than people have."""
    if rng.random() >= RECOLORED:
        return person
    color = COLORS[rng.choice(len(COLORS), p=COLOR_SHARES / COLOR_SHARES.sum())] * np.exp(0.15 * rng.normal(size=3))
    ratio = (np.clip(color, 0.005, 0.75) / person.skin.hair_color).astype(np.float32)
    hair = person.hair and replace(person.hair, albedo=np.clip(person.hair.albedo * ratio, 0, 0.9))
    cards = person.cards and replace(person.cards, albedo=np.clip(person.cards.albedo * ratio, 0, 0.9))
    skin = replace(person.skin, hair_color=person.skin.hair_color * ratio)
    return replace(person, hair=hair, cards=cards, skin=skin)


def restyled(person: SyntheticPerson, rng: np.random.Generator) -> SyntheticPerson:
    """The same person, perhaps with another cut: more fringes, and more long hair before the shoulders."""
    from maquette.synthesis.hair.strands import grow_style
    from maquette.synthesis.hair.styles import STYLES, vary
    from maquette.synthesis.scenes.head_scene import head_model

    if rng.random() >= RESTYLED:
        return person
    weights = np.array([3.0 if name in FAVOURED else 1.0 for name in STYLES])
    chosen = list(STYLES)[rng.choice(len(STYLES), p=weights / weights.sum())]
    style, model, identity = vary(STYLES[chosen], person.identity, rng), head_model(), person.identity
    draped = style.top > LONG_M and style.comb != "tail" and rng.random() < DRAPED
    if draped:
        longer = rng.uniform(1.0, 1.6)
        style = replace(style, top=style.top * longer, side=style.side * longer)
    neutral = model.vertices(identity.coefficients, np.zeros(len(model.expression_names)), identity.scale)
    hair = grow_style(model, neutral, style, identity, person.skin.hair_color, rng)
    return replace(person, hair=_draped(hair, rng) if draped else hair, cards=None)


def _draped(hair: Strands, rng: np.random.Generator) -> Strands:
    """Hair that falls forward and outward below the jaw, on one side or both: over the collar bones."""
    points = hair.points.copy()
    below = np.maximum(JAW_M - points[..., 1], 0)
    side = np.sign(points[..., 0])
    sides = ((side > 0) & (rng.random() < 0.8)) | ((side < 0) & (rng.random() < 0.8))
    forward, outward = rng.uniform(0.35, 1.0), rng.uniform(0.0, 0.35)
    points[..., 2] += sides * forward * np.minimum(below, 0.14)
    points[..., 0] += side * outward * below
    return replace(hair, points=points, radius=hair.radius * np.float32(rng.uniform(1, 1.6)))


def make_shard(folder: Path, options: SynthesisOptions, first: int, count: int) -> Path:
    """Write photographs first to first + count of a data set as one file, by rename; one that exists is kept."""
    from safetensors.numpy import save_file

    from maquette.synthesis.rendering.sensor import Sensor
    from maquette.synthesis.scenes.face_sample import Overrides, photograph_face
    from maquette.synthesis.scenes.head_scene import draw_person

    file = Path(folder) / options.split / f"{first:08d}.safetensors"
    if file.is_file():
        return file
    split = ("train", "test").index(options.split)
    overrides = Overrides(sensor=Sensor(), frame=partial(frame, size=options.size))  # sensors' faults come in training
    rows = []
    person: SyntheticPerson | None = None
    drawn = -1
    for index in range(first, first + count):
        number, photo = divmod(index, options.photos_per_person)
        seed = (options.seed, split, number)
        if person is None or number != drawn:
            usual = draw_person(seed, options.texture_size, options.split)
            person = recolored(restyled(usual, usual.generator("restyled")), usual.generator("recolored"))
            drawn = number
        taken = photograph_face(
            person, (*seed, photo + 1), options.size, options.supersample, options.device, overrides
        )
        rows.append(example(taken))
    columns = {name: np.stack([row[name] for row in rows]) for name in COLUMNS}
    with whole_file(file) as part:
        save_file(columns, part)
    return file


def make_shards(folder: Path, options: SynthesisOptions, per_file: int = PER_FILE, workers: int = 2) -> Iterator[Path]:
    """Write the whole data set with several processes; gives each file when it is done, in any run the same bytes."""
    return made_shards(make_shard, folder, options, per_file, workers)
