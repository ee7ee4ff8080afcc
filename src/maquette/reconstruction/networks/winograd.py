"""3x3 convolutions with a quarter of the multiplications (Winograd's F(4x4, 3x3); Lavin and Gray, CVPR 2016).

A tile of 6 x 6 pixels gives 4 x 4 of the output: both are transformed by small fixed matrices, rows and then columns,
and between them each of 36 numbers is multiplied by a matrix of its own over all channels. Some rows of tiles are done
at once, so that all stays in the processor's cache. Results differ from the plain sum by 1e-5 of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

AT_ONCE = 256  # tiles that are transformed at once, fewer where channels in and out are not as many; measured
KERNEL = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)


class WinogradConvolution:
    """A 3x3 convolution that keeps the size, of pictures whose sides are multiples of 4.

    Args:
        weight: (K, C, 3, 3). bias: (K,) or None.
        padding: beyond the edge, "reflect" or "constant" (zero).
        slope: by which negative output is multiplied, 0 for ReLU; None leaves it.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        padding: Literal["reflect", "constant"],
        slope: float | None = None,
    ) -> None:
        outputs, channels = weight.shape[:2]
        one = torch.tensor(KERNEL, dtype=torch.float64)
        kernels = torch.kron(one, one) @ weight.double().permute(2, 3, 1, 0).reshape(9, channels * outputs)
        self.kernels = kernels.view(36, channels, outputs).to(weight.dtype)
        self.bias = None if bias is None else bias.to(weight.dtype)
        self.padding, self.slope = padding, slope

    def __call__(self, x: Tensor, into: Tensor | None = None) -> Tensor:
        """(N, K, H, W), channels last in memory, of (N, C, H, W).

        Args:
            into: (N, K, H, W), channels last, to which the output is added, and which is then given back; or None.
        """
        count, _, height, width = x.shape
        wide = functional.pad(x, (1, 1, 1, 1), mode=self.padding).permute(0, 2, 3, 1).contiguous()
        out = x.new_empty(count, height, width, self.kernels.shape[2]) if into is None else into.permute(0, 2, 3, 1)
        for picture, result in zip(wide, out):
            self._fill(picture, result, into is not None)
        return out.permute(0, 3, 1, 2)

    def _fill(self, wide: Tensor, result: Tensor, added: bool) -> None:
        """One picture (H + 2, W + 2, C) into its result (H, W, K), some rows of tiles after another."""
        channels, outputs = self.kernels.shape[1:]
        down, across = result.shape[0] // 4, result.shape[1] // 4
        tiles = AT_ONCE * min(channels, outputs) // max(channels, outputs)
        n = max(k for k in range(1, down + 1) if down % k == 0 and (k == 1 or k * across <= tiles))
        row, line, width = wide.stride(0), wide.stride(1), wide.shape[1]
        empty = wide.new_empty
        rows, both = empty(6, n, width, channels), empty(6, 6, n, across, channels)
        mixed, half, whole = (empty(36, n * across, outputs), *(empty(k, 4, n, across, outputs) for k in (6, 4)))
        spare = [empty(n, width, channels) for _ in range(2)], [empty(6, n, across, channels) for _ in range(2)]
        spare_out = [empty(6, n, across, outputs) for _ in range(4)], [empty(4, n, across, outputs) for _ in range(4)]
        for top in range(0, down, n):
            start = wide.storage_offset() + 4 * top * row
            lines = [wide.as_strided((n, width, channels), (4 * row, line, 1), start + k * row) for k in range(6)]
            _input(lines, rows.unbind(0), spare[0])
            size, strides = (6, n, across, channels), (rows.stride(0), rows.stride(1), 4 * channels, 1)
            _input([rows.as_strided(size, strides, k * channels) for k in range(6)], both.unbind(1), spare[1])
            torch.bmm(both.view(36, n * across, channels), self.kernels, out=mixed)
            _output(mixed.view(6, 6, n, across, outputs).unbind(1), half.unbind(1), spare_out[0])
            _output(half.unbind(0), whole.unbind(0), spare_out[1])
            self._finish(whole, result[4 * top : 4 * (top + n)].view(n, 4, across, 4, outputs), added)

    def _finish(self, whole: Tensor, place: Tensor, added: bool) -> None:
        """Tiles (4, 4, n, across, K) with bias and slope to their place (n, 4, across, 4, K)."""
        if self.bias is not None:
            whole.add_(self.bias)
        if self.slope == 0:
            whole.relu_()
        elif self.slope is not None:
            functional.leaky_relu_(whole, self.slope)
        tiles = whole.permute(2, 0, 3, 1, 4)
        if added:
            place.add_(tiles)
        else:
            place.copy_(tiles)


def _input(d: Sequence[Tensor], out: Sequence[Tensor], spare: Sequence[Tensor]) -> None:
    """Six lines of pixels to six numbers each tile is made of."""
    a, b = spare
    torch.sub(d[4], d[2], alpha=4, out=a)
    torch.sub(d[3], d[1], alpha=4, out=b)
    torch.add(a, b, out=out[1])
    torch.sub(a, b, out=out[2])
    torch.sub(d[4], d[2], out=a)
    torch.sub(d[3], d[1], out=b)
    torch.add(a, b, alpha=2, out=out[3])
    torch.sub(a, b, alpha=2, out=out[4])
    torch.sub(d[4], d[2], alpha=5, out=out[0]).add_(d[0], alpha=4)
    torch.sub(d[5], d[3], alpha=5, out=out[5]).add_(d[1], alpha=4)


def _output(m: Sequence[Tensor], out: Sequence[Tensor], spare: Sequence[Tensor]) -> None:
    """Six numbers to four lines of output."""
    s, d, u, v = spare
    torch.add(m[1], m[2], out=s)
    torch.sub(m[1], m[2], out=d)
    torch.add(m[3], m[4], out=u)
    torch.sub(m[3], m[4], out=v)
    torch.add(d, v, alpha=2, out=out[1])
    torch.add(s, u, alpha=4, out=out[2])
    torch.add(d, v, alpha=8, out=out[3]).add_(m[5])
    torch.add(m[0], s, out=out[0]).add_(u)
