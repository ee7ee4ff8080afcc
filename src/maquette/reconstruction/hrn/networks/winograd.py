"""3x3 convolutions with a quarter of the multiplications (Winograd's F(4x4, 3x3); Lavin and Gray, CVPR 2016).

A tile of 6 x 6 pixels gives 4 x 4 of the output: both are transformed by small fixed matrices, and between them each of
36 numbers is multiplied by a matrix of its own over all channels. Results differ from the plain sum by 1e-5 of it.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

TILES = 64  # transformed at once, so that they stay in the processor's cache
INPUT = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
KERNEL = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
OUTPUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


def _square(matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    """The matrix for rows and columns at once."""
    one = torch.tensor(matrix, dtype=torch.float64)
    return torch.kron(one, one)


class WinogradConvolution:
    """A 3x3 convolution that keeps the size, of pictures whose sides are multiples of 4.

    Args:
        weight: (K, C, 3, 3). bias: (K,) or None.
        padding: beyond the edge, "reflect" or "constant" (zero).
        relu: whether negative output becomes 0.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, padding: Literal["reflect", "constant"], relu: bool = False
    ) -> None:
        outputs, channels = weight.shape[:2]
        kernels = _square(KERNEL) @ weight.double().permute(2, 3, 1, 0).reshape(9, channels * outputs)
        self.kernels = kernels.view(36, channels, outputs).to(weight.dtype)
        self.bias = None if bias is None else bias.to(weight.dtype)
        self.forwards, self.backwards = (_square(m).to(weight.dtype) for m in (INPUT, OUTPUT))
        self.padding, self.relu = padding, relu

    def __call__(self, x: Tensor) -> Tensor:
        """(N, K, H, W), channels last in memory, of (N, C, H, W)."""
        count, _, height, width = x.shape
        wide = functional.pad(x, (1, 1, 1, 1), mode=self.padding).permute(0, 2, 3, 1).contiguous()
        out = x.new_empty(count, height, width, self.kernels.shape[2])
        for picture, result in zip(wide, out):
            self._fill(picture, result)
        if self.bias is not None:
            out += self.bias
        return (out.relu_() if self.relu else out).permute(0, 3, 1, 2)

    def _fill(self, wide: Tensor, result: Tensor) -> None:
        """One picture (H + 2, W + 2, C) into its result (H, W, K), some rows of tiles after another."""
        channels, outputs = self.kernels.shape[1:]
        down, across = result.shape[0] // 4, result.shape[1] // 4
        step, row, column = max(1, TILES // across), wide.stride(0), wide.stride(1)
        for top in range(0, down, step):
            n = min(step, down - top)
            size, strides = (6, 6, n, across, channels), (row, column, 4 * row, 4 * column, 1)
            tiles = wide.as_strided(size, strides, wide.storage_offset() + 4 * top * row)
            changed = (self.forwards @ tiles.reshape(36, -1)).view(36, n * across, channels)
            mixed = torch.bmm(changed, self.kernels).view(36, -1)
            back = (self.backwards @ mixed).view(4, 4, n, across, outputs)
            place = result[4 * top : 4 * (top + n)].view(n, 4, across, 4, outputs)
            place.copy_(back.permute(2, 0, 3, 1, 4))
