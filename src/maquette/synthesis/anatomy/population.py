"""Who exists: people drawn densely around those that tools/build_population.py took from anny."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.synthesis.types import Identity
from maquette.weights.store import fetch
from maquette.weights.tensors import opened

NAME = "maquette-population"  # in the zoo
SPLITS = ("train", "test")
TEST_EVERY = 10
NEAREST = 12  # a partner to mix with is one of these
MOST_MIXED = 0.3
COLUMNS = ("coefficients", "age", "gender", "weight", "scale", "ancestry")
NOISE = 0.3  # standard deviations of the head model
# Differences that count as equally large when a partner is sought: of the logarithm of age, gender, ancestry.
AGE_STEP, GENDER_STEP, ANCESTRY_STEP = 0.12, 0.15, 0.3


@lru_cache(maxsize=1)
def load_population() -> Mapping[str, NDArray]:
    """The tensors of population.safetensors, as stored.

    "coefficients" (N, 100) float16; "age" years, "gender" 0 female to 1 male, "weight" 0-1 and "scale" (N,) float32;
    "ancestry" (N, 3) float32; "bust.*" as `maquette.synthesis.anatomy.bust` reads them.

    Raises:
        WeightsMissing: the file is not in the package, or not the one that the zoo describes. BadInput: it is damaged.
    """
    path = fetch(NAME)
    with opened(path, "the population", "reinstall maquette", "numpy") as file:
        tensors = {name: file.get_tensor(name) for name in list(file.keys())}
    missing = [name for name in COLUMNS if name not in tensors]
    if missing:
        raise BadInput(f"{path}: column {', '.join(missing)} is missing: reinstall maquette")
    return tensors


def members(split: str) -> NDArray:
    """Indices of the people whom a split is drawn around; no one is in both.

    Raises:
        BadInput: a split other than "train" and "test".
    """
    if split not in SPLITS:
        raise BadInput(f"split: wanted one of {', '.join(SPLITS)}, got {split!r}")
    index = np.arange(len(load_population()["age"]))
    held_out = index % TEST_EVERY == TEST_EVERY - 1
    return index[held_out if split == "test" else ~held_out]


@lru_cache(maxsize=2)
def _traits(split: str) -> NDArray:
    """(n, 5) float32: what partners are compared by."""
    population, own = load_population(), members(split)
    columns = [np.log(population["age"][own]) / AGE_STEP, population["gender"][own] / GENDER_STEP]
    return np.column_stack([*columns, population["ancestry"][own] / ANCESTRY_STEP]).astype(np.float32)


def draw_identity(rng: np.random.Generator, split: str = "train") -> Identity:
    """Somebody new: one of the split's people, mixed with a similar other one, and a little noise.

    Args:
        split: "train" or "test"; their people are disjoint.

    Raises:
        BadInput: an unknown split.

    Example:
        >>> draw_identity(np.random.default_rng(1)).coefficients.shape
        (100,)
    """
    population, own, traits = load_population(), members(split), _traits(split)
    first = int(rng.integers(len(own)))
    far = ((traits - traits[first]) ** 2).sum(axis=1)
    far[first] = np.inf
    second = int(rng.choice(np.argpartition(far, NEAREST)[:NEAREST]))
    share = rng.uniform(0, MOST_MIXED)

    def mixed(name: str) -> NDArray:
        values = population[name]
        return (1 - share) * values[own[first]].astype(np.float32) + share * values[own[second]].astype(np.float32)

    coefficients = mixed("coefficients")
    coefficients = coefficients + NOISE * rng.normal(size=len(coefficients))
    ancestry = mixed("ancestry")
    return Identity(
        coefficients=coefficients.astype(np.float32),
        age=float(mixed("age")),
        gender=float(mixed("gender")),
        ancestry=(ancestry / ancestry.sum()).astype(np.float32),
        weight=float(mixed("weight")),
        scale=float(mixed("scale")),
    )
