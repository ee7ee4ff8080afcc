"""StarGAN v2's networks with weights by seed, and pictures for them: of these the golden numbers were made."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

import seeded
from maquette.imaging.translate.starganv2.generator import StarGenerator
from maquette.imaging.translate.starganv2.losses import StarBatch
from maquette.imaging.translate.starganv2.networks import StarGAN
from maquette.imaging.translate.starganv2.styles import MappingNetwork, StarDiscriminator, StyleEncoder
from maquette.weights.convert.translate.starganv2 import StarSize

GOLDEN = Path(__file__).parent / "golden" / "starganv2.safetensors"
PEOPLE = StarSize(domains=("female", "male"), high_pass=1.0)
TINY = StarSize(side=32, first=4, widest=8, latent=5, style=6)
# The published sizes; the generators on smaller pictures than theirs.
NETWORKS = {
    "generator": (lambda: StarGenerator(StarSize()), 64),
    "generator_people": (lambda: StarGenerator(PEOPLE), 64),
    "mapping_network": (lambda: MappingNetwork(StarSize()), 0),
    "style_encoder": (lambda: StyleEncoder(StarSize()), 256),
    "discriminator": (lambda: StarDiscriminator(StarSize()), 256),
}
TURNS = ("discriminator_latent", "discriminator_reference", "generator_latent", "generator_reference")
SAMPLES = 600  # numbers that the golden file keeps of each result
STEP = 25_000  # of the published losses' decay


def network(name: str) -> nn.Module:
    """One network of the published size; generators in float64: a norm of few pixels makes rounding larger."""
    made = NETWORKS[name][0]()
    seeded.fill(made, 7)
    return made.to(kind(name)).eval().requires_grad_(False)


def kind(name: str) -> torch.dtype:
    """The precision in which a network is compared."""
    return torch.float64 if name.startswith("generator") else torch.float32


def some(values: Tensor) -> Tensor:
    """At most SAMPLES of the numbers, spread evenly."""
    flat = values.flatten()
    return flat[:: max(1, len(flat) // SAMPLES)]


def given(name: str, count: int = 2) -> tuple:
    """What a network is called with: pictures in -1 to 1 or latents, styles or domains, masks."""
    side = NETWORKS[name][1]
    domains = torch.tensor([2, 0, 1][:count])
    if name == "mapping_network":
        return uniform(3, count, 16).float(), domains
    picture = seeded.picture((count, 3, side, side), 11).to(kind(name)) * 2 - 1
    if not name.startswith("generator"):
        return picture, domains
    masks = tuple(seeded.picture((count, 1, 32, 32), seed).double() for seed in (13, 14))
    return (picture, uniform(4, count, 64), *([masks] if name.endswith("people") else []))


def uniform(seed: int, *shape: int) -> Tensor:
    """Float64 in -1 to 1."""
    return 2 * torch.rand(shape, generator=torch.Generator().manual_seed(seed)).double() - 1


def golden(key: str) -> Tensor:
    """Numbers of the published modules and functions."""
    with safe_open(GOLDEN, framework="pt") as file:
        return file.get_tensor(key)


class Drawing(nn.Module):
    """Stands for the generator: colours turned by the style."""

    def forward(self, x: Tensor, style: Tensor, masks: object = None) -> Tensor:
        """As `StarGenerator.forward`."""
        return torch.tanh(x.roll(1, 2) * (1 + style[:, :3, None, None]) + 0.5 * x.flip(1) + style[:, 3:, None, None])


class Mapping(nn.Module):
    """Stands for the mapping network."""

    def forward(self, latent: Tensor, domain: Tensor) -> Tensor:
        """As `MappingNetwork.forward`."""
        return torch.sin(latent + 0.4 * domain[:, None])


class Reading(nn.Module):
    """Stands for the style encoder."""

    def forward(self, x: Tensor, domain: Tensor) -> Tensor:
        """As `StyleEncoder.forward`."""
        rows = torch.cat([x.mean((2, 3)), (x * x.roll(1, 3)).mean((2, 3))], 1)
        return torch.cos(3 * rows * (1 + domain[:, None]))


class Judging(nn.Module):
    """Stands for the discriminator; each pixel counts."""

    def forward(self, x: Tensor, domain: Tensor) -> Tensor:
        """As `StarDiscriminator.forward`."""
        places = torch.linspace(0.5, 1.5, x[0].numel(), dtype=x.dtype).view(x.shape[1:])
        return torch.sin(4 * x * places).mean((1, 2, 3)) * (2 + domain)


def stand_ins() -> SimpleNamespace:
    """Functions in place of the networks: what is compared is the losses."""
    names = dict(generator=Drawing(), mapping_network=Mapping(), style_encoder=Reading(), discriminator=Judging())
    return SimpleNamespace(**names)


def batch(turn: str) -> StarBatch:
    """What a turn sees, float64."""
    latent = turn.endswith("latent")
    return StarBatch(
        source=uniform(21, 3, 3, 8, 8),
        domain=torch.tensor([0, 2, 1]),
        target=torch.tensor([1, 1, 0]),
        latents=uniform(22, 2, 3, 6) if latent else None,
        references=None if latent else uniform(23, 2, 3, 3, 8, 8),
    )


@cache
def tiny() -> StarGAN:
    """All networks, small, with a discriminator; not to be changed."""
    made = StarGAN(TINY, discriminator=True)
    seeded.fill(made, 3)
    return made.eval().requires_grad_(False)


def saved_weights(path: Path) -> Path:
    """The small networks in a file, as the converter writes them."""
    facts = {"network": "starganv2", **TINY.facts()}
    save_file({key: value.clone() for key, value in tiny().state_dict().items()}, path, {"facts": json.dumps(facts)})
    return path
