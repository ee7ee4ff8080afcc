"""Networks whose weights are a function of a seed, so that a golden file need not carry them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def fill(network: nn.Module, seed: int) -> None:
    """Give every tensor of the state, in the order of its keys, seeded uniform values; running statistics too.

    Ranges keep the signal between layers near unit size, so that differences of 1e-5 mean something. Uniform numbers
    are bits, the same on every processor; normal ones are not.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            kind = name.rsplit(".", 1)[1]
            if kind == "num_batches_tracked":
                continue
            numbers = torch.rand(value.shape, generator=generator)
            if kind == "running_mean":
                numbers = 0.4 * numbers - 0.2
            elif kind == "running_var":
                numbers = 0.5 + numbers
            elif kind == "weight" and value.ndim == 1:
                numbers = 0.35 + 0.5 * numbers
            elif kind == "bias":
                numbers = 0.2 * numbers - 0.1
            else:
                numbers = (2 * numbers - 1) * (3 / value[0].numel()) ** 0.5
            value.copy_(numbers)


def picture(shape: tuple[int, ...], seed: int) -> Tensor:
    """Noise of many sizes in 0-1, (N, C, H, W)."""
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(shape)
    for shrink in (32, 8, 2):
        coarse = torch.rand(*shape[:2], -(-shape[2] // shrink), -(-shape[3] // shrink), generator=generator)
        total += nn.functional.interpolate(coarse, size=shape[2:])
    return total / 3
