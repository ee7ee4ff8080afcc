"""Row 3: the parametric models."""

from __future__ import annotations

from maquette.morphable.body import load_body
from maquette.morphable.head import load_head
from maquette.morphable.model import Embedding, MorphableModel
from maquette.morphable.rig import Rig

MODELS = {"maquette-head": load_head, "maquette-body": load_body}


def load(name: str) -> MorphableModel:
    """The model of that name; see MODELS.

    Raises:
        KeyError: an unknown name, with the known ones.
    """
    if name not in MODELS:
        raise KeyError(f"unknown model {name!r}; known: {', '.join(MODELS)}")
    return MODELS[name]()


__all__ = ["MODELS", "Embedding", "MorphableModel", "Rig", "load"]
