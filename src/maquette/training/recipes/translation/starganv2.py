"""StarGAN v2 from folders of photos, in the published four turns a step.

Discriminator on drawn styles, discriminator on references, generator with mapping network and style encoder on drawn
styles, generator alone on references (Choi et al. 2020). Adam with betas 0 and 0.99; the mapping network at a hundredth
of the rate; averaged weights are what is validated and exported.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from maquette.core.errors import BadInput
from maquette.imaging.translate.starganv2.losses import StarBatch, StarWeights, discriminator_loss, generator_loss
from maquette.imaging.translate.starganv2.networks import StarGAN, drawn
from maquette.imaging.translate.starganv2.sampling import to_pixels
from maquette.sources import photos
from maquette.training.datasets.translation.domains import DomainBatches, DomainPhotos, listed, picture
from maquette.training.options import LoopOptions
from maquette.training.recipe import Array, Batch, Recipe, Turn
from maquette.weights.convert.translate.starganv2 import NETWORKS, PUBLISHED_PIXELS, StarSize

MAPPING_SHARE = 0.01  # of the learning rate
SHOWN = 4  # sources and looks on a picture
JUDGED = 8  # held-out photos of each domain that are scored


@dataclass(frozen=True)
class StarOptions:
    """Learning StarGAN v2."""

    data: str = "photos"
    """Folder with a folder of photos for each domain, or with train/DOMAIN and val/DOMAIN, as AFHQ."""
    domains: str = "cat,dog,wild"
    """Names of the folders, in alphabetical order, with commas."""
    side: int = 256
    """Width and height of the pictures in pixels: a power of two from 32 on."""
    width: int = 0
    """Channels at full size; 0 is the published number, 2^14 / side."""
    widest: int = 512
    """Channels at most, and of the mapping network."""
    diversity: float = 2.0
    """Weight of two styles looking different at the first step; published 2 for animals, 1 for people."""
    diversity_steps: int = 100_000
    """Steps after which that weight is zero."""

    def __post_init__(self) -> None:
        try:
            size_of(self)
        except ValueError as error:
            raise BadInput(f"recipe starganv2: {error}") from error
        if self.diversity < 0 or self.diversity_steps < 1:
            raise BadInput("recipe starganv2: diversity: wanted 0 or more, over 1 step or more")


def size_of(options: StarOptions) -> StarSize:
    """Sizes of the networks."""
    names = tuple(name.strip() for name in options.domains.split(","))
    if list(names) != sorted(names):
        raise ValueError(f"domains {options.domains}: wanted alphabetical order, in which they are numbered")
    first = options.width or PUBLISHED_PIXELS // max(options.side, 1)
    return StarSize(side=options.side, domains=names, first=first, widest=max(options.widest, first))


class TaughtStarGAN(StarGAN):
    """All four networks, whose call is the loss of one turn."""

    def __init__(self, size: StarSize, weights: StarWeights) -> None:
        super().__init__(size, discriminator=True)
        self.weights = weights

    def forward(
        self, source: Tensor, domain: Tensor, target: Tensor, given: Tensor, step: Tensor, generates: bool = True
    ) -> dict[str, Tensor]:
        """The turn's loss as "total", and its parts.

        Args:
            source: (N, 3, S, S) in -1 to 1. domain, target: (N,). step: (N,), the number of the step.
            given: latents (N, 2, L), or references (N, 2, 3, S, S) in -1 to 1.
            generates: the generator's turn, not the discriminator's.
        """
        pair = given.transpose(0, 1)
        kind = {"references" if given.ndim > 3 else "latents": pair}
        batch = StarBatch(source, domain, target, **kind)
        if generates:
            total, parts = generator_loss(self, batch, int(step[0]), self.weights)
        else:
            total, parts = discriminator_loss(self, batch, self.weights)
        return {"total": total, **parts}


def build_network(options: StarOptions) -> TaughtStarGAN:
    """The networks with their first weights."""
    weights = StarWeights(diversity=options.diversity, diversity_steps=options.diversity_steps)
    network = TaughtStarGAN(size_of(options), weights)
    drawn(network)
    return network


@lru_cache(maxsize=4)
def files(data: str, domains: tuple[str, ...]) -> DomainPhotos:
    """The photos, listed once."""
    return listed(data, domains)


def batches(options: StarOptions, batch_size: int, seed: int) -> DomainBatches:
    """The training set.

    Raises:
        BadInput: a folder is missing or has no photos.
    """
    size = size_of(options)
    return DomainBatches(files(options.data, size.domains).train, size.side, size.latent, batch_size, seed)


def spread(pixels: Tensor) -> Tensor:
    """uint8 to -1 to 1."""
    return pixels.float() / 127.5 - 1


def loss(
    network: nn.Module, batch: Batch, _: StarOptions, generates: bool = False, latent: bool = True
) -> tuple[Tensor, dict[str, Tensor]]:
    """One turn, on drawn styles or on those of references; the discriminator's where not said otherwise."""
    given = batch["latents"] if latent else spread(batch["references"])
    answer = network(
        spread(batch["source"]), batch["domain"], batch["target"], given, batch["step"], generates=generates
    )
    start = f"{'g' if generates else 'd'}_{'latent' if latent else 'reference'}"
    return answer["total"], {f"{start}_{name}": value.detach() for name, value in answer.items() if name != "total"}


def adam(network: nn.Module, loop: LoopOptions) -> torch.optim.Optimizer:
    """As published: decay in the gradient, no memory of the first moment."""
    groups = [
        {"params": list(part.parameters()), "share": MAPPING_SHARE if name == "mapping_network" else 1.0}
        for name, part in network.named_children()
    ]
    return torch.optim.Adam(groups, lr=loop.learning_rate, betas=(0.0, 0.99), weight_decay=loop.weight_decay)


@torch.no_grad()
def validate(network: nn.Module, options: StarOptions) -> dict[str, float]:
    """How well styles are read back and sources come back, on held-out photos; their sum is the score.

    It says whether training goes astray, not how true the pictures look: that is for eyes, or for FID.
    """
    assert isinstance(network, StarGAN)
    size, device = size_of(options), next(network.parameters()).device
    held, totals, count = files(options.data, size.domains).held, {"style": 0.0, "cycle": 0.0}, 0
    rng = np.random.default_rng(0)
    for domain, paths in enumerate(held):
        for path in paths[:JUDGED]:
            source = spread(torch.from_numpy(_read(path, size.side)))[None].to(device)
            latent = torch.from_numpy(rng.standard_normal((1, size.latent), np.float32)).to(device)
            own, target = (torch.tensor([k], device=device) for k in (domain, (domain + 1) % len(held)))
            style = network.mapping_network(latent, target)
            made = network.generator(source, style)
            back = network.generator(made, network.style_encoder(source, own))
            totals["style"] += float((network.style_encoder(made, target) - style).abs().mean())
            totals["cycle"] += float((back - source).abs().mean())
            count += 1
    means = {name: value / count for name, value in totals.items()}
    return {"score": sum(means.values()), **means}


def _read(path: Path, side: int) -> Array:
    return np.ascontiguousarray(picture(photos.read(path).pixels, side))


@torch.no_grad()
def show(network: StarGAN, batch: Batch) -> Array:
    """(H, W, 3) uint8: a column for each source; below it in the looks of references, which stand at the left."""
    sources, references = spread(batch["source"][:SHOWN]), spread(batch["references"][:SHOWN, 0])
    styles = network.style_encoder(references, batch["target"][:SHOWN])
    rows = [torch.cat([torch.ones_like(sources[:1]), sources])]
    for reference, style in zip(references, styles):
        rows.append(torch.cat([reference[None], network.generator(sources, style.expand(len(sources), -1))]))
    return np.concatenate([np.concatenate(list(to_pixels(row)), axis=1) for row in rows], axis=0)


def export(network: StarGAN) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The three networks that translate, under their published names."""
    tensors = {key: value for key, value in network.state_dict().items() if key.split(".")[0] in NETWORKS}
    return tensors, {"facts": json.dumps({"network": "starganv2", **network.size.facts()})}


def example(options: StarOptions, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """A picture of noise, its domain, the first as target, two latents, step 0."""
    size = size_of(options)
    source = torch.from_numpy(rng.random((1, 3, size.side, size.side), np.float32) * 2 - 1)
    latents = torch.from_numpy(rng.standard_normal((1, 2, size.latent), np.float32))
    last = torch.tensor([len(size.domains) - 1])
    return source, last, torch.zeros_like(last), latents, torch.zeros_like(last)


OTHERS = ("generator", "mapping_network", "style_encoder")
RECIPE = Recipe(
    name="starganv2",
    options=StarOptions,
    build_network=build_network,
    batches=batches,
    loss=loss,
    picture=show,
    validate=validate,
    export=export,
    example=example,
    loop=LoopOptions(
        steps=100_000,
        batch_size=8,
        learning_rate=1e-4,
        final_rate=1.0,
        weight_decay=1e-4,
        warmup=0,
        clip=0.0,
        precision="32",
        workers=4,
        save_every=1000,
        picture_every=1000,
        validate_every=5000,
    ),
    data="your own photos",
    normalisation="RGB in -1 to 1, faces that fill the picture",
    what="StarGAN v2: pictures of animals as other animals, from folders of photos of yours",
    movable=("data",),
    moves=("discriminator",),
    turns=(
        Turn(partial(loss, latent=False), ("discriminator",)),
        Turn(partial(loss, generates=True), OTHERS),
        Turn(partial(loss, generates=True, latent=False), ("generator",)),
    ),
    optimizer=adam,
)
