"""Coefficients of an animal's head with their uncertainty, on frozen features and read landmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from maquette.perception.pets.features import WIDTHS
from maquette.perception.pets.landmark_network import CROP, POINTS, SPECIES
from maquette.reconstruction.pet_fit.shape_network import MARK, MODES, OWN, PetShapeNetwork
from maquette.training.datasets.pet_heads.shapes import READ, PetShapes
from maquette.training.datasets.shards import Array
from maquette.training.options import LoopOptions
from maquette.training.recipe import Batch, Recipe
from maquette.training.ridge import ridge_regression

RIDGE_BATCH = 32  # photographs that are read at once


@dataclass(frozen=True)
class PetShapeOptions:
    """Learning to read the shape of an animal's head."""

    data: str = "pets"
    """Folder of shards made by `maquette synth --subject pet --shards`, with the folders train and test in it."""
    width: int = 64
    """Channels of the layers between."""
    dropped: float = 0.6
    """Share of them that is hidden at each step."""
    ridge: int = 0
    """Photographs from which the straight way is computed first, by ridge regression, and kept; 0 learns it too."""
    species_weight: float = 0.3
    """Weight of the cross-entropy of the species."""


def build_network(options: PetShapeOptions) -> PetShapeNetwork:
    """The network alone: the features it reads are the shipped ones, and stay as they are.

    Where there are no photographs, weights are to be filled in, and no regression is made.
    """
    network = PetShapeNetwork(options.width, options.dropped)
    if options.ridge and any((Path(options.data) / "train").glob("*.safetensors")):
        data = PetShapes(Path(options.data), min(options.ridge, RIDGE_BATCH), 0)
        count = -(-min(options.ridge, len(data)) // data.batch_size)
        start_straight(network, [data.batch(number) for number in range(count)])
    return network


def start_straight(network: PetShapeNetwork, rows: Sequence[Mapping[str, Array]]) -> None:
    """Give the straight way from landmarks the weights of ridge regressions, one for each species, and keep them."""
    marks, shape, turn, species = (
        np.concatenate([row[name] for row in rows]) for name in ("marks", "shape", "turn", "species")
    )
    marks = marks.reshape(len(marks), -1).astype(float)
    parts = []
    for number in range(SPECIES):
        own = species == number
        # Photographs of one head have the same coefficients: they are left out together.
        heads = np.unique(shape[own][:, :MODES], axis=0, return_inverse=True)[1].ravel()
        parts.append(ridge_regression(marks[own], shape[own].astype(float), heads))
    parts.append(ridge_regression(marks, turn.astype(float)))
    weights = np.concatenate([part.weights for part in parts], axis=1)
    bias = np.concatenate([part.mean - part.middle @ part.weights for part in parts])
    with torch.no_grad():
        network.straight.weight.copy_(torch.from_numpy(weights.T))
        network.straight.bias.copy_(torch.from_numpy(bias))
    network.straight.requires_grad_(False)


def batches(options: PetShapeOptions, batch_size: int, seed: int) -> PetShapes:
    """The training crops."""
    return PetShapes(Path(options.data), batch_size, seed)


def loss(network: nn.Module, batch: Batch, options: PetShapeOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """Gaussian negative log-likelihood of the own species' coefficients and of the turn, and who is seen."""
    shape, variance, turn, turn_variance, kinds = network(*(batch[name].float() for name in READ))
    species, rows = batch["species"], torch.arange(len(shape), device=shape.device)
    off, said, known = shape[rows, species] - batch["shape"], variance[rows, species], batch["known"]
    total = known.sum().clamp(min=1)
    likelihood = 0.5 * (known * (said + off**2 * (-said).exp())).sum() / total
    turned = 0.5 * (turn_variance + (turn - batch["turn"]) ** 2 * (-turn_variance).exp()).mean()
    cross = nn.functional.cross_entropy(kinds, species)
    measures = {
        "likelihood": likelihood.detach(),
        "turn": (turn - batch["turn"]).detach().norm(dim=1).mean(),
        "error": (known * off**2).detach().sum() / total,
        "species": (kinds.argmax(dim=1) == species).float().mean(),
    }
    return likelihood + turned + options.species_weight * cross, measures


def validate(network: nn.Module, options: PetShapeOptions) -> dict[str, float]:
    """On animals nobody trained with: "score" is the mean squared error of coefficients, variances.

    Also the error of the turn in degrees, the mean squared error over what was said of it (1 where the spread is
    right), and the share of species read rightly.
    """
    held = PetShapes(Path(options.data), 32, 0, split="test", augment=False)
    device = next(network.parameters()).device
    squares, said, turns, right = [], [], [], []
    for number in range(max(1, len(held) // 32)):
        batch = {k: torch.from_numpy(v).to(device) for k, v in held.batch(number).items()}
        shape, variance, turn, _, kinds = network(*(batch[name].float() for name in READ))
        species, rows = batch["species"], torch.arange(len(shape), device=device)
        own = batch["known"] > 0
        own[:, MODES:] = False
        squares.append(((shape[rows, species] - batch["shape"]) ** 2)[own])
        said.append(variance[rows, species].exp()[own])
        turns.append((turn - batch["turn"]).norm(dim=1))
        right.append(kinds.argmax(dim=1) == species)
    square = torch.cat(squares)
    return {
        "score": float(square.mean()),
        "spread": float((square / torch.cat(said)).mean()),
        "degrees": float(torch.cat(turns).mean().rad2deg()),
        "species": float(torch.cat(right).float().mean()),
    }


def picture(network: nn.Module, batch: Batch) -> Array:
    """(H, W, 3) uint8: coefficients of sixteen heads, grey at zero, beside the true ones."""
    shape, *_ = network(*(batch[name][:16].float() for name in READ))
    species = batch["species"][:16]
    found = shape[torch.arange(len(species), device=shape.device), species] * batch["known"][:16]
    rows = torch.stack([found, batch["shape"][:16]], dim=1).flatten(0, 1)
    grey = (127 + 42 * rows).clamp(0, 255).byte().cpu().numpy()
    return np.repeat(np.repeat(np.repeat(grey, 12, axis=0), 12, axis=1)[..., None], 3, axis=2)


def export(network: PetShapeNetwork) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors; the features stand in a file of their own."""
    return dict(network.state_dict()), {"coefficients": str(OWN)}


def example(_: PetShapeOptions, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """Features and landmarks of noise."""
    sides = CROP // 16, CROP // 32
    shapes = [(1, width, side, side) for width, side in zip(WIDTHS[2:], sides)] + [(1, POINTS, MARK)]
    return tuple(torch.from_numpy(rng.normal(size=shape).astype(np.float32)) for shape in shapes)


RECIPE = Recipe(
    name="pet-shape",
    options=PetShapeOptions,
    build_network=build_network,
    batches=batches,
    loss=loss,
    picture=picture,
    validate=validate,
    export=export,
    example=example,
    loop=LoopOptions(
        steps=500,
        batch_size=64,
        learning_rate=1e-3,
        weight_decay=1.0,
        ema=0.98,
        warmup=30,
        workers=1,
        validate_every=250,
    ),
    data="photographs drawn by maquette.synthesis.animals; no photograph of an animal",
    normalisation="160 x 160 RGB crop in 0-255 around the landmarks, upright; through pet-features and pet-landmarks",
    what="coefficients and turn of an animal's head with uncertainty",
    movable=("data",),
)
