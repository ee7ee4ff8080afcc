"""Landmarks of animals' faces: a head on frozen features, from photographs of animals that do not exist."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from maquette.perception.pets.landmark_network import CROP, POINTS, PetLandmarkHead
from maquette.perception.pets.schemes import SPECIES
from maquette.synthesis.animals.head_landmarks import landmarks
from maquette.synthesis.animals.head_shape import draw_shape
from maquette.training.datasets.pets import FEATURES, PetCrops, features_of
from maquette.training.datasets.shards import Array
from maquette.training.options import LoopOptions
from maquette.training.recipe import Batch, Recipe

AVERAGED = 16  # heads of each species, whose mean is what found points are compared with
HIDDEN = 0.25  # weight of points that something hides, but that lie in the picture
SPREAD = 0.8 / 20  # standard deviation of the heat-maps to come, a share of the side


@dataclass(frozen=True)
class PetLandmarkOptions:
    """Learning to read the landmarks of cats, dogs and wild animals."""

    data: str = "pets"
    """Folder of shards made by `maquette synth --subject pet --shards`, with the folders train and test in it."""
    width: int = 80
    """Channels of the head."""
    dropped: float = 0.1
    """Share of channels of the features that are hidden at each step."""
    heat_weight: float = 1.0
    """Weight of the heat-maps' cross-entropy against the Gaussian likelihood of the points."""
    seen_weight: float = 0.1
    """Weight of the cross-entropy of whether points are seen."""


def build_network(options: PetLandmarkOptions) -> PetLandmarkHead:
    """The head alone: the features it reads are the shipped ones, and stay as they are."""
    network = PetLandmarkHead(options.width, options.dropped)
    network.template.copy_(torch.from_numpy(mean_heads()))
    return network


def mean_heads() -> Array:
    """(3, 20, 3) float32: where the landmarks of cats, dogs and wild animals lie on average, mouth shut, eyes open."""
    rng = np.random.default_rng(0)
    heads = [[landmarks(draw_shape(species, rng)) for _ in range(AVERAGED)] for species in SPECIES]
    return np.mean(heads, axis=1).astype(np.float32)


def batches(options: PetLandmarkOptions, batch_size: int, seed: int) -> PetCrops:
    """The training crops."""
    return PetCrops(Path(options.data), batch_size, seed)


def loss(network: nn.Module, batch: Batch, options: PetLandmarkOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """Gaussian negative log-likelihood of the points (Wood et al. 2022), heat-maps towards a Gaussian, who is seen."""
    points, log_variance, seen_logits, heat = network(*(batch[name].float() for name in FEATURES))
    true, seen = batch["landmarks"].float(), batch["visible"].float()
    inside = ((true > 0) & (true < 1)).all(dim=2).float()
    weight = seen + HIDDEN * (1 - seen) * inside
    total = weight.sum().clamp(min=1)
    squared = ((points - true) ** 2).sum(dim=2)
    likelihood = (weight * (log_variance + 0.5 * squared * (-log_variance).exp())).sum() / total
    wanted = _gaussians(true, heat.shape[-1])
    cross = -(wanted * heat.flatten(2).clamp(min=1e-9).log()).sum(dim=2)
    drawn = (seen * cross).sum() / seen.sum().clamp(min=1)
    shown = nn.functional.binary_cross_entropy_with_logits(seen_logits, seen)
    error = (seen * squared.detach().sqrt()).sum() / seen.sum().clamp(min=1)
    measures = {"likelihood": likelihood.detach(), "heat": drawn.detach(), "seen": shown.detach(), "error": error}
    return likelihood + options.heat_weight * drawn + options.seen_weight * shown, measures


def _gaussians(points: Tensor, side: int) -> Tensor:
    """(N, 20, side * side) shares that sum to 1 around points (N, 20, 2)."""
    centres = (torch.arange(side, device=points.device) + 0.5) / side
    across, down = (-(((centres - points[..., k, None]) / SPREAD) ** 2) / 2 for k in (0, 1))
    return (across.softmax(dim=2)[:, :, None, :] * down.softmax(dim=2)[:, :, :, None]).flatten(2)


def validate(network: nn.Module, options: PetLandmarkOptions) -> dict[str, float]:
    """On animals nobody trained with: "score" is the mean error of what is seen, in eye distances.

    Also that of eyes and nose, the mean error over what was said of it (1 where the spread is right), and the share of
    points whose being seen is read rightly.
    """
    held = PetCrops(Path(options.data), 32, 0, split="test", augment=False)
    device = next(network.parameters()).device
    errors, said, seen, right = [], [], [], []
    for number in range(max(1, len(held) // 32)):
        batch = {k: torch.from_numpy(v).to(device) for k, v in held.batch(number).items()}
        points, log_variance, logits, _ = network(*(batch[name].float() for name in FEATURES))
        true = batch["landmarks"]
        apart = (true[:, 0:2].mean(dim=1) - true[:, 2:4].mean(dim=1)).norm(dim=1).clamp(min=0.1)
        errors.append((points - true).norm(dim=2) / apart[:, None])
        said.append((2 * log_variance.exp()).sqrt() / apart[:, None])
        seen.append(batch["visible"] > 0)
        right.append((logits > 0) == (batch["visible"] > 0))
    error, expected, shown = torch.cat(errors), torch.cat(said), torch.cat(seen)
    core = torch.zeros_like(shown)
    core[:, :5] = True
    return {
        "score": float(error[shown].detach().mean()),
        "eyes_nose": float(error[shown & core].mean()),
        "spread": float((error[shown] ** 2).mean().sqrt() / (expected[shown] ** 2).mean().sqrt()),
        "seen": float(torch.cat(right).float().mean()),
    }


def picture(network: nn.Module, batch: Batch) -> Array:
    """(H, W, 3) uint8: eight crops with the points found, and with the true ones."""
    crops = batch["crops"][:8]
    found = network(*(batch[name][:8].float() for name in FEATURES))[0].cpu().numpy()
    columns = []
    for crop, ours, true in zip(crops.cpu().numpy(), found, batch["landmarks"][:8].cpu().numpy()):
        drawn = [_dotted(crop.transpose(1, 2, 0), points) for points in (ours, true)]
        columns.append(np.concatenate(drawn))
    return np.concatenate(columns, axis=1)


def _dotted(crop: Array, points: Array) -> Array:
    drawn = np.ascontiguousarray(crop)
    for x, y in points * len(crop):
        cv2.circle(drawn, (round(float(x)), round(float(y))), 2, (0, 255, 0), -1)
    return drawn


def export(network: PetLandmarkHead) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors; the features stand in a file of their own."""
    return dict(network.state_dict()), {"points": str(POINTS)}


def example(_: PetLandmarkOptions, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """The features of one small crop of noise."""
    found = features_of(rng.integers(0, 256, (1, 3, CROP // 2 // 32 * 32, CROP // 2 // 32 * 32)).astype(np.uint8))
    return tuple(torch.from_numpy(found[name]).float() for name in FEATURES)


RECIPE = Recipe(
    name="pet-landmarks",
    options=PetLandmarkOptions,
    build_network=build_network,
    batches=batches,
    loss=loss,
    picture=picture,
    validate=validate,
    export=export,
    example=example,
    loop=LoopOptions(steps=6000, batch_size=32, learning_rate=3e-3, ema=0.998, warmup=100, workers=1),
    data="photographs drawn by maquette.synthesis.animals; no photograph of an animal",
    normalisation="160 x 160 RGB crop in 0-255 around the face, upright; read through pet-features",
    what="twenty landmarks of an animal's face with uncertainty",
    movable=("data",),
)
