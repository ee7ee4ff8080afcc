"""VRN-Guided for animals, in small: the solid of a head from a crop and its 20 landmarks, learned from drawn heads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.core.errors import BadInput
from maquette.perception.pets.landmark_network import POINTS
from maquette.reconstruction.pet_volume.read import PetVRN
from maquette.reconstruction.vrn.heatmaps import guided
from maquette.reconstruction.vrn.network import VRNSize
from maquette.training.datasets.pet_heads.volumes import PHASES, PetVolumes
from maquette.training.datasets.shards import Array
from maquette.training.options import LoopOptions
from maquette.training.recipe import Batch, Recipe
from maquette.training.recipes.vrn import overlap, read, sampled
from maquette.training.weights_file import load_into

DICE, MASK = 0.5, 0.1  # weights of the soft Dice term and of the silhouette's, beside the cross-entropy


@dataclass(frozen=True)
class PetVolumeOptions:
    """Learning volumes of animals' heads."""

    data: str = "pets"
    """Folder of shards made by `maquette synth --subject pet --shards`, with the folders train and test in it."""
    side: int = 64
    """Side of the crop in pixels, divisible by 8; the volume has as many columns and rows."""
    depth: int = 48
    """Slices of the volume."""
    features: int = 64
    """Channels of the hourglasses."""
    residuals: int = 1
    """Residual blocks per position of an hourglass."""
    stacks: int = 1
    """Hourglasses one after another."""
    start_from: str = ""
    """Checkpoint or weights of a network of this size to go on from; empty draws new ones."""

    def __post_init__(self) -> None:
        if self.side % 8 or not 16 <= self.side <= 512:
            raise BadInput(f"side {self.side}: wanted a multiple of 8 from 16 to 512")
        if not 8 <= self.depth <= 512:
            raise BadInput(f"depth {self.depth}: wanted 8 to 512")


def build_network(options: PetVolumeOptions) -> PetVRN:
    """The guided network.

    Raises:
        BadInput: `start_from` is no file of this network.
    """
    size = VRNSize(3 + POINTS, options.features, options.residuals, options.stacks, options.depth)
    network = PetVRN(size, options.side)
    if options.start_from:
        load_into(network, options.start_from)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in the stub


def batches(options: PetVolumeOptions, batch_size: int, seed: int) -> PetVolumes:
    """The training set."""
    return PetVolumes(Path(options.data), options.side, options.depth, batch_size, seed)


def loss(network: nn.Module, batch: Batch, options: PetVolumeOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy over voxels, the soft Dice of the solids and the cross-entropy of their outlines."""
    depth, row, column = (int(k) for k in batch["phase"])
    logits = sampled(read(network, batch), options.side, (depth, row, column), PHASES)
    target = batch["solid"].float() / 255
    cross = functional.binary_cross_entropy_with_logits(logits, target)
    said = logits.sigmoid()
    shared = 2 * (said * target).sum((1, 2, 3)) / (said + target).sum((1, 2, 3)).clamp(min=1)
    outline = functional.binary_cross_entropy_with_logits(logits.amax(1), target.amax(1))
    total = cross + DICE * (1 - shared.mean()) + MASK * outline
    return total, {"cross": cross.detach(), "iou": overlap(logits.detach(), target).mean()}


def validate(network: nn.Module, options: PetVolumeOptions) -> dict[str, float]:
    """On animals nobody trained with: overlap of the whole volumes; "score" is what is missing to 1."""
    held = PetVolumes(Path(options.data), options.side, options.depth, 16, 0, "test", augment=False)
    device = next(network.parameters()).device
    overlaps = []
    for number in range(min(6, max(1, len(held) // 16))):
        batch = {k: torch.from_numpy(v).to(device) for k, v in held.batch(number).items()}
        logits = sampled(read(network, batch), options.side, (0, 0, 0), 1)
        overlaps.append(overlap(logits, batch["solid"].float() / 255))
    iou = float(torch.cat(overlaps).mean())
    return {"score": 1 - iou, "iou": iou}


def picture(network: nn.Module, batch: Batch) -> Array:
    """(H, W, 3) uint8: eight crops, the true fronts and those that were found, at half the size."""
    side = batch["crops"].shape[-1]
    phase = tuple(int(k) for k in batch["phase"])
    step = round(side / batch["solid"].shape[-1])
    logits = sampled(read(network, batch), side, (phase[0], phase[1], phase[2]), step)[:8]
    rows = [batch["crops"][:8, :, ::step, ::step].permute(0, 2, 3, 1).cpu().numpy()]
    for inside in (batch["solid"][:8] > 127, logits > 0):
        front = (torch.arange(1, inside.shape[1] + 1, device=inside.device)[:, None, None] * inside).amax(1)
        grey = (front * (255 / inside.shape[1])).byte().cpu().numpy()
        rows.append(np.repeat(grey[..., None], 3, axis=3))
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows])


def export(network: PetVRN) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors; the metadata say how to build the network again and what it wants to see."""
    tensors = {name: t for name, t in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    facts = {"size": json.dumps(asdict(network.size)), "bn_stats": "running", "crop": "matlab"}
    return tensors, {**facts, "side": str(network.side), "upright": "1"}


def example(_: PetVolumeOptions, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """One small crop of noise with its landmarks' maps."""
    noise = torch.from_numpy(rng.random((1, 3, 16, 16)).astype(np.float32))
    points = torch.from_numpy(rng.uniform(0, 16, (1, POINTS, 2)).astype(np.float32))
    return (guided(noise, points),)


RECIPE = Recipe(
    name="pet-volume",
    options=PetVolumeOptions,
    build_network=build_network,
    batches=batches,
    loss=loss,
    picture=picture,
    validate=validate,
    export=export,
    example=example,
    loop=LoopOptions(steps=3000, batch_size=16, learning_rate=1.5e-3, ema=0.997, warmup=100, workers=1),
    data="photographs drawn by maquette.synthesis.animals; no photograph of an animal",
    normalisation="64 x 64 RGB crop in 0-1 around the landmarks, upright, then 20 maps of them, 1 at each",
    what="solid of an animal's head from a crop and its 20 landmarks (VRN-Guided in small)",
    movable=("data", "start_from"),
)
