"""Weights on their way: out of a training into a file that networks are loaded from, and into the next training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from maquette.core.errors import BadInput
from maquette.training import checkpoint
from maquette.training.recipe import AnyRecipe, load
from maquette.weights.convert import pytorch
from maquette.weights.tensors import opened

MOST_NAMED = 3


def export(source: Path, target: Path, recipe: AnyRecipe | None = None) -> Path:
    """Write the averaged weights of a checkpoint as the recipe's safetensors, in float32.

    Args:
        source: last.ckpt or best.ckpt of a training.
        recipe: whose checkpoint it is; by default the row that it names. A checkpoint cannot name anything else:
            a recipe of one's own must be given.

    Raises:
        BadInput: no checkpoint, one of another recipe, or a target that cannot be written.
    """
    state = checkpoint.load(source)
    recipe = recipe or load(str(state.get("recipe")))
    checkpoint.check_recipe(state, source, recipe, state.get("options", {}))
    # The weights that it began with are replaced anyway, and their file may be gone.
    known = {name: "" if name == "start_from" else value for name, value in state["options"].items()}
    network = recipe.build_network(recipe.options(**known))
    weights = checkpoint.averaged(state, source)
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    pytorch.compare(weights, wanted, source, f"network of the recipe {recipe.name}")
    network.load_state_dict(weights)
    tensors, facts = recipe.export(network.requires_grad_(False).eval())
    # Copies: what has two names shares memory, which the format refuses.
    pytorch.save({key: value.detach().float().clone() for key, value in tensors.items()}, facts, target)
    return target


def load_into(network: nn.Module, path: str | Path, prefix: str = "") -> None:
    """Give a network the weights of a checkpoint (the averaged ones) or of safetensors. Changes the network.

    Args:
        prefix: of the network's keys that safetensors lack.

    Raises:
        BadInput: no such file, or weights of another network: which keys.
    """
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"start from {path}: there is no such file")
    tensors = _tensors(path, prefix)
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    once = {key: value for key, value in tensors.items() if key in wanted and tuple(value.shape) == wanted[key]}
    # How many batches a normalisation has seen is no weight, and shipped files leave it out.
    counted = {key for key in wanted if key.endswith("num_batches_tracked")} - once.keys()
    lacking = [key for key in wanted if key not in once and _twin(key) not in once and key not in counted]
    unknown = [key for key in tensors if key not in once]
    if lacking or unknown:
        keys = ", ".join((lacking or unknown)[:MOST_NAMED])
        raise BadInput(f"start from {path}: weights of another network ({keys}): choose the same size and recipe")
    with torch.no_grad():
        for key, value in ((k, v) for k, v in network.state_dict().items() if k not in counted):
            value.copy_(once[key] if key in once else once[_twin(key)])


def _tensors(path: Path, prefix: str) -> Mapping[str, Tensor]:
    if path.suffix == ".ckpt":
        return checkpoint.averaged(checkpoint.load(path), path)
    with opened(path, "weights to start from", "take a .ckpt or safetensors of a training") as file:
        return {prefix + key: file.get_tensor(key) for key in list(file.keys())}


def _twin(key: str) -> str:
    """The other name of a normalisation that hourglasses name twice."""
    return key.replace(".downsample.0.", ".bn4.")
