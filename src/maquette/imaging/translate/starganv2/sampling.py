"""Pictures in a style: drawn at random, read from a reference, or between two."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maquette.imaging.translate.starganv2.networks import StarGAN

AVERAGED = 10_000  # latents whose mean style truncation draws towards, as published
STEEP = 5.0  # steps between styles lie on a sigmoid from -5 to 5: slow at both ends


def to_tensor(pixels: NDArray, device: torch.device | str = "cpu") -> Tensor:
    """(N, 3, H, W) float32 in -1 to 1 of (N, H, W, 3) uint8."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_pixels(pictures: Tensor) -> NDArray:
    """(N, H, W, 3) uint8 of (N, 3, H, W) in -1 to 1; what lies outside is clipped.

    Example:
        >>> to_pixels(to_tensor(np.arange(3, dtype=np.uint8).reshape(1, 1, 1, 3))).ravel().tolist()
        [0, 1, 2]
    """
    values = ((pictures.clamp(-1, 1) + 1) * 127.5).round().byte()
    return values.permute(0, 2, 3, 1).cpu().numpy()


@torch.inference_mode()
def latent_styles(networks: StarGAN, domain: int, count: int, rng: np.random.Generator, psi: float = 1.0) -> Tensor:
    """(count, 64) styles of a domain, drawn at random.

    Args:
        psi: 1 as drawn, 0 the domain's mean style; between them less varied and more typical (Karras et al. 2019).
    """
    first = next(networks.parameters())

    def mapped(number: int, rng: np.random.Generator) -> Tensor:
        latents = torch.from_numpy(rng.standard_normal((number, networks.size.latent), np.float32)).to(first)
        return networks.mapping_network(latents, torch.full((number,), domain, device=first.device))

    styles = mapped(count, rng)
    if psi == 1:
        return styles
    mean = mapped(AVERAGED, np.random.default_rng(0)).mean(0, keepdim=True)  # the network's own, whatever the seed
    return torch.lerp(mean, styles, psi)


@torch.inference_mode()
def reference_styles(networks: StarGAN, pictures: Tensor, domain: int) -> Tensor:
    """(N, 64) styles of references (N, 3, S, S) in -1 to 1, read as pictures of the domain."""
    return networks.style_encoder(pictures, torch.full((len(pictures),), domain, device=pictures.device))


def between(first: Tensor, second: Tensor, steps: int) -> Tensor:
    """(steps, 64): from one style (64,) to another; the first row is the one, the last the other.

    Example:
        >>> between(torch.zeros(1), torch.ones(1), 5)[:, 0].tolist()[1:4]
        [0.0066..., 0.5, 0.993...]
    """
    share = torch.sigmoid(torch.linspace(-STEEP, STEEP, max(steps - 2, 0), dtype=torch.float64))
    share = torch.cat([share.new_zeros(1), share, share.new_ones(1)])[:, None].to(first)
    return torch.lerp(first[None], second[None], share)


@torch.inference_mode()
def translated(networks: StarGAN, picture: Tensor, styles: Tensor) -> Tensor:
    """(N, 3, S, S), clipped to -1 to 1: one picture (3, S, S) in each of the styles (N, 64), one at a time."""
    return torch.cat([networks.generator(picture[None], style[None]) for style in styles]).clamp(-1, 1)
