"""GP-UNIT's networks with weights by seed, and pictures for them: of these the golden numbers were made."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

import seeded
from maquette.imaging.translate.gpunit.content import ContentEncoder, GPDiscriminator
from maquette.imaging.translate.gpunit.generator import GPDrawing, GPGenerator, StyleSampler

GOLDEN = Path(__file__).parent / "golden" / "gpunit.safetensors"
MAKERS = {
    "content": ContentEncoder,
    "generator": GPGenerator,
    "discriminator": GPDiscriminator,
    "sampler": StyleSampler,
}
SAMPLES = 300  # numbers that the golden file keeps of each result


@cache
def network(name: str) -> nn.Module:
    """One network, float64, in evaluation mode."""
    made = MAKERS[name]()
    seeded.fill(made, 7)
    settle(made)
    return made.double().eval().requires_grad_(False)


@torch.no_grad()
def settle(made: nn.Module) -> None:
    """Give spectral norms the vectors that belong to their weights, by power iteration. Changes the network."""
    state = made.state_dict()
    for key, weight in state.items():
        if key.endswith("weight_orig"):
            matrix = weight.flatten(1).double()
            across = torch.ones(len(matrix), dtype=torch.float64)
            for _ in range(20):
                down = nn.functional.normalize(matrix.T @ across, dim=0)
                across = nn.functional.normalize(matrix @ down, dim=0)
            state[key.replace("_orig", "_u")].copy_(across)
            state[key.replace("_orig", "_v")].copy_(down)


def picture(seed: int, side: int = 256) -> Tensor:
    """(1, 3, side, side) in -1 to 1."""
    return seeded.picture((1, 3, side, side), seed).double() * 2 - 1


@cache
def features() -> tuple[Tensor, ...]:
    """Content features of a picture of 256 pixels."""
    return tuple(network("content")(picture(11)))


def uniform(seed: int, *shape: int) -> Tensor:
    """Float64 in -1 to 1."""
    return 2 * torch.rand(shape, generator=torch.Generator().manual_seed(seed)).double() - 1


def some(values: Tensor) -> Tensor:
    """At most SAMPLES of the numbers, spread evenly."""
    flat = values.flatten()
    return flat[:: max(1, len(flat) // SAMPLES)][:SAMPLES]


def golden(key: str) -> Tensor:
    """Numbers of the published modules."""
    with safe_open(GOLDEN, framework="pt") as file:
        return file.get_tensor(key)


class Drawing(nn.Module):
    """Stands for the generator: colours of the content, moved by the style."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(1))

    def style_encoder(self, exemplar: Tensor) -> Tensor:
        """(N, 3) of (N, 3, S, S)."""
        return exemplar.mean((2, 3))

    def forward(self, content: list[Tensor], exemplar: Tensor, drawn: bool = False, skips: bool = True) -> GPDrawing:
        """As `GPGenerator.forward`."""
        style = exemplar if drawn else self.style_encoder(exemplar)
        picture = torch.tanh(content[1] + style[:, :, None, None] + self.shift)
        return GPDrawing(picture, [torch.sigmoid(picture), torch.sigmoid(2 * picture)] if skips else [])


class Judging(nn.Module):
    """Stands for the discriminator and for a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.linspace(0.5, 1.5, 3)[:, None, None])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As `GPDiscriminator.forward`."""
        return (x * self.places).sin().mean((1, 2, 3)), x.mean((2, 3))


class Content(nn.Module):
    """Stands for the content encoder."""

    def forward(self, x: Tensor) -> list[Tensor]:
        """As `ContentEncoder.forward`, two features."""
        return [x.mean(1, keepdim=True), x]


def stand_in() -> nn.Module:
    """All three networks, without their sizes; styles are three numbers."""
    made = nn.Module()
    made.content, made.generator, made.sampler = Content(), Drawing(), nn.Linear(128, 3)
    return made
