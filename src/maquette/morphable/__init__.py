"""Row 3: the parametric models."""

from __future__ import annotations

from collections.abc import Callable

from maquette.morphable.body import load_body
from maquette.morphable.head import load_head
from maquette.morphable.model import BodyModel, Embedding, MorphableModel
from maquette.morphable.rig import Rig

MODELS: dict[str, Callable[[], MorphableModel]] = {"maquette-head": load_head, "maquette-body": load_body}


def load(name: str) -> MorphableModel:
    """The model of that name; see MODELS.

    Raises:
        KeyError: an unknown name, with the known ones.
    """
    if name not in MODELS:
        raise KeyError(f"unknown model {name!r}; known: {', '.join(MODELS)}")
    return MODELS[name]()


__all__ = ["MODELS", "BodyModel", "Embedding", "MorphableModel", "Rig", "load", "load_body", "load_head"]
