"""The ears of dogs as they are carried otherwise than upright: where mean, modes and movements differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.synthesis.animals.head_shape import EARS, AnimalShape, with_ears
from pet import places
from pet.heads import EAR_ROWS, HeadTemplate, ear_rows
from pet.movements import PAIRED, movements
from pet.places import EAR

HEADS = 24  # on which the skin about the ears' roots is looked at


@dataclass(frozen=True, eq=False)
class Eared:
    """Heads drawn with upright ears.

    Attributes:
        halves: (n, count, 3) IOD. shapes: n of them. numbers: (n,) the seeds of their ears.
        scores: (n, K) of each mode. mean: (count, 3). typical: the mean's parameters.
    """

    halves: NDArray
    shapes: list[AnimalShape]
    numbers: NDArray
    scores: NDArray
    mean: NDArray
    typical: AnimalShape


def with_ears_of(shape: AnimalShape, carriage: str, number: int) -> AnimalShape:
    """The head with ears carried so, long or short, wide or narrow by its number alone."""
    return with_ears(shape, carriage, np.random.default_rng((7, int(number))))


def carried_ears(template: HeadTemplate, heads: Eared, metres: float) -> dict[str, NDArray]:
    """CARRIAGE.NAME -> arrays: mean, (count, 3) beside the upright one; modes and paired units of `ear_rows`, float16.

    A head's coefficients draw one animal: its ears upright, or what they would be tipped or hanging.
    """
    start = template.blocks["ear"].start
    rows = np.concatenate([template.skin.root, start + np.arange(EAR * EAR_ROWS)])
    found: dict[str, NDArray] = {"ear_rows": rows.astype(np.int32)}
    for carriage in (name for name in EARS if name != "upright"):
        shapes = [with_ears_of(shape, carriage, k) for shape, k in zip(heads.shapes, heads.numbers)]
        ears = np.array([_ear(shape) for shape in shapes])
        skin = len(template.skin.vertices)
        beside = np.zeros_like(heads.mean)
        few = [template.carried(shape) for shape in shapes[:HEADS]]
        beside[:skin] = np.mean(few - heads.halves[:HEADS, :skin], axis=0)
        beside[rows] = ears.mean(axis=0) - heads.mean[rows]
        beside[heads.mean[:, 0] == 0, 0] = 0
        modes = np.einsum("nk,nvd->kvd", heads.scores, ears - ears.mean(axis=0)) / (len(ears) - 1)
        moved = movements(template, heads.mean + beside, heads.typical, carriage)
        found |= {
            f"{carriage}.mean": (beside * metres).astype(np.float16),
            f"{carriage}.modes": (modes * metres).astype(np.float16),
            f"{carriage}.paired": np.stack([moved[name][rows] * metres for name in PAIRED]).astype(np.float16),
        }
    return found


def _ear(shape: AnimalShape) -> NDArray:
    """(EAR (EAR_ROWS + 1), 3) root and rows of an ear."""
    root = places.ear_sheet(shape, places.ear_root(shape)[None]).reshape(-1, 3)
    return np.concatenate([root, ear_rows(shape)])
