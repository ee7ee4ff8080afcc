"""Row 3: the parametric models."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from maquette.morphable.animals.body import load_animal_body
from maquette.morphable.body import load_body
from maquette.morphable.head import load_head
from maquette.morphable.model import Embedding, MorphableModel
from maquette.morphable.pet import CARRIAGES, ear_model, load_pet
from maquette.morphable.rig import Rig
from maquette.weights import store

Fetch = Callable[[str], Path]
MODELS: dict[str, Callable[[Fetch], MorphableModel]] = {
    "maquette-head": lambda fetch: load_head(fetch("maquette-head")),
    "maquette-body": lambda fetch: load_body(fetch("maquette-body")),
    "maquette-pet-cat": lambda fetch: load_pet(fetch("maquette-pet")).models["cat"],
    "maquette-pet-wild": lambda fetch: load_pet(fetch("maquette-pet")).models["wild"],
    "maquette-pet-body": lambda fetch: load_animal_body(fetch("maquette-pet-body")).model,
} | {
    ear_model(left, right): lambda fetch, ears=(left, right): load_pet(fetch("maquette-pet")).eared(*ears)
    for left in CARRIAGES
    for right in CARRIAGES
}


@lru_cache(maxsize=8)
def load(name: str, fetch: Fetch = store.fetch) -> MorphableModel:
    """The model of that name, see MODELS; read once from the file that `fetch` hands over.

    Raises:
        KeyError: an unknown name, with the known ones.
        WeightsMissing: the file is not there, or not the one that the zoo describes.
    """
    if name not in MODELS:
        raise KeyError(f"unknown model {name!r}; known: {', '.join(MODELS)}")
    return MODELS[name](fetch)


def known(name: str | None) -> MorphableModel | None:
    """The model of that name; None for no name, and for one of another package."""
    return load(name) if name in MODELS else None


__all__ = ["MODELS", "Embedding", "MorphableModel", "Rig", "known", "load"]
