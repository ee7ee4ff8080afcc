"""Styles: drawn by the mapping network, or read from a reference by the style encoder; and the discriminator.

Both encoders have one trunk, and an output for each domain of which the wanted one is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import Tensor, nn

from maquette.imaging.translate.starganv2.blocks import SLOPE, StarBlock
from maquette.weights.convert.translate.starganv2 import DEPTH, StarSize


class MappingNetwork(nn.Module):
    """Latents (N, 16), standard normal, and domains (N,) -> styles (N, 64)."""

    def __init__(self, size: StarSize) -> None:
        super().__init__()
        hidden = [size.widest] * DEPTH
        self.shared = nn.Sequential(*_linear([size.latent, *hidden]), nn.ReLU())
        self.unshared = nn.ModuleList(nn.Sequential(*_linear([*hidden, size.style])) for _ in size.domains)

    def forward(self, latent: Tensor, domain: Tensor) -> Tensor:
        """The style of each latent in its domain."""
        return chosen(self.unshared, self.shared(latent), domain)


class StyleEncoder(nn.Module):
    """References (N, 3, S, S) in -1 to 1 and their domains (N,) -> styles (N, 64)."""

    def __init__(self, size: StarSize) -> None:
        super().__init__()
        self.shared = nn.Sequential(*trunk(size))
        width = size.widths(4)[-1]
        self.unshared = nn.ModuleList(nn.Linear(width, size.style) for _ in size.domains)

    def forward(self, x: Tensor, domain: Tensor) -> Tensor:
        """The style of each picture, read as one of its domain."""
        return chosen(self.unshared, self.shared(x).flatten(1), domain)


class StarDiscriminator(nn.Module):
    """Pictures (N, 3, S, S) in -1 to 1 and domains (N,) -> (N,) logits that each is a true one of its domain."""

    def __init__(self, size: StarSize) -> None:
        super().__init__()
        width = size.widths(4)[-1]
        self.main = nn.Sequential(*trunk(size), nn.Conv2d(width, len(size.domains), 1))

    def forward(self, x: Tensor, domain: Tensor) -> Tensor:
        """One logit a picture."""
        return self.main(x).flatten(1).gather(1, domain[:, None])[:, 0]


def trunk(size: StarSize) -> Iterable[nn.Module]:
    """A picture to one pixel: blocks down to four pixels, and a convolution over these."""
    wide = size.widths(4)
    yield nn.Conv2d(3, wide[0], 3, padding=1)
    for before, after in pairwise(wide):
        yield StarBlock(before, after, halved=True)
    yield nn.LeakyReLU(SLOPE)
    yield nn.Conv2d(wide[-1], wide[-1], 4)
    yield nn.LeakyReLU(SLOPE)


def chosen(heads: Iterable[nn.Module], features: Tensor, domain: Tensor) -> Tensor:
    """(N, C): each row by the head of its domain."""
    every = torch.stack([head(features) for head in heads], 1)
    return every[torch.arange(len(features), device=features.device), domain]


def _linear(sizes: list[int]) -> Iterable[nn.Module]:
    """Linear layers with ReLU between them."""
    for place, (before, after) in enumerate(pairwise(sizes)):
        if place:
            yield nn.ReLU()
        yield nn.Linear(before, after)
