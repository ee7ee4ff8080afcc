"""Checkpoints that are whole or not there: written beside their place and renamed into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from maquette.core.errors import BadInput
from maquette.core.files import replaced
from maquette.training.recipe import AnyRecipe
from maquette.weights.convert.pytorch import expect_usual

FORMAT = 1
LAST, BEST = "last.ckpt", "best.ckpt"


def save(state: dict[str, Any], path: Path) -> None:
    """Write tensors, numbers and text; a crash at any moment leaves the previous file whole.

    Raises:
        BadInput: the disk is full or the folder cannot be written.
    """
    try:
        with replaced(path) as file:
            torch.save({"format": FORMAT, **state}, file)
    except (OSError, RuntimeError) as error:
        # torch reports a full disk as a RuntimeError of its zip writer.
        kept = "; the previous one is whole" if path.exists() else ""
        raise BadInput(f"checkpoint {path}: cannot be written ({error}){kept}: make room, then resume") from error


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU.

    Raises:
        BadInput: there is none, or it is damaged or of another format.
    """
    if not path.is_file():
        raise BadInput(f"checkpoint {path}: there is none: train without --resume, or name another folder")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged zip can end in any of torch's errors
        raise BadInput(f"checkpoint {path}: cannot be read ({type(error).__name__}): take {BEST} instead") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise BadInput(f"checkpoint {path}: not a checkpoint of this version's training: train anew")
    return state


def averaged(state: dict[str, Any], path: Path) -> dict[str, Tensor]:
    """The averaged weights of a checkpoint.

    Raises:
        BadInput: it has none, or in odd numbers.
    """
    weights = state.get("ema")
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise BadInput(f"checkpoint {path}: holds no averaged weights: take {BEST} instead")
    expect_usual(weights, path)
    return weights


def check_recipe(state: dict[str, Any], path: Path, recipe: AnyRecipe, options: dict[str, Any]) -> None:
    """Refuse a checkpoint of another recipe or of other options of it.

    Raises:
        BadInput: with what differs.
    """
    if not isinstance(state.get("options"), dict) or "recipe" not in state:
        raise BadInput(f"checkpoint {path}: does not say of which training it is: train anew")
    if state["recipe"] != recipe.name:
        raise BadInput(
            f"checkpoint {path}: is of recipe {state['recipe']!r}, wanted {recipe.name!r}: choose another folder"
        )
    for key in sorted((state["options"].keys() | options.keys()) - set(recipe.movable)):
        was, now = state["options"].get(key), options.get(key)
        if was != now:
            raise BadInput(
                f"checkpoint {path}: was trained with {key.replace('_', ' ')} {was}, not {now}: "
                "leave the flag away, or choose another folder"
            )
