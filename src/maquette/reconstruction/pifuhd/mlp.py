"""Perceptrons over points: what lies at a point, from the features of its pixel (PIFu, Saito et al., ICCV 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.01  # of the leaky ReLU
FEW = 4  # channels of a point's own up to which they are places in space, not features


@dataclass(frozen=True)
class PointSize:
    """How large a perceptron is.

    Attributes:
        widths: channels of the input, of every layer, and of the result.
        skips: layers (from 0) that also see the input.
        merge: the layer (from 0) whose activation is what the next resolution takes.
    """

    widths: tuple[int, ...] = (257, 1024, 512, 256, 128, 1)
    skips: tuple[int, ...] = (2, 3, 4)
    merge: int = 2

    def entering(self, layer: int) -> int:
        """Channels that enter a layer."""
        return self.widths[layer] + (self.widths[0] if layer in self.skips else 0)


class PointMLP(nn.Module):
    """Log-odds of points and the activation of one layer; no layer mixes points.

    Weights are stored as convolutions of one pixel, (out, in, 1), as in the published files.

    Example:
        >>> sum(p.numel() for p in PointMLP().parameters())
        1052290
    """

    def __init__(self, size: PointSize = PointSize()) -> None:
        super().__init__()
        self.size = size
        self.filters = nn.ModuleList(nn.Conv1d(size.entering(k), after, 1) for k, after in enumerate(size.widths[1:]))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """(..., P, widths[-1]) log-odds, and (..., P, widths[merge + 1]) or None.

        Args:
            x: (..., P, widths[0]) what is known of each point.
        """
        value, merged = x, None
        for k, layer in enumerate(self.filters):
            value = torch.cat((value, x), -1) if k in self.size.skips else value
            # One row per point: of all orders this one is fastest, and a row knows nothing of its neighbours.
            value = functional.linear(value, layer.weight[..., 0], layer.bias)
            if k < len(self.filters) - 1:
                value = functional.leaky_relu(value, SLOPE)
            if k == self.size.merge:
                merged = value
        return value, merged


class ColumnMLP:
    """The same perceptron for points that share their first channels: those are multiplied once per column.

    Orthographic cameras see all points of a column in one pixel, so with a column's share of every layer that sees
    the input, a point costs a quarter less. Equal to `PointMLP` up to rounding.

    Args:
        network: whose weights are taken.
        shared: how many of the first channels of the input belong to the column.
        last: the layer whose activation is wanted; the last layer has none.
        dtype: of the products, by default that of the weights; sums and places keep the latter.
    """

    def __init__(self, network: PointMLP, shared: int, last: int, dtype: torch.dtype | None = None) -> None:
        self.last, self.final = last, last == len(network.filters) - 1
        self.dtype = dtype or network.filters[0].weight.dtype
        self.inner, self.columns, self.points, self.biases = [], [], [], []
        for k in range(last + 1):
            weight, width = network.filters[k].weight[..., 0], network.size.widths[k]
            sees = k == 0 or k in network.size.skips
            before = 0 if k == 0 else width
            self.inner.append(weight[:, :before].to(self.dtype).contiguous() if k else None)
            self.columns.append(weight[:, before : before + shared].contiguous() if sees else None)
            own = weight[:, before + shared :]
            # Places in space are never rounded.
            own = own if own.shape[1] <= FEW else own.to(self.dtype)
            self.points.append(own.contiguous() if sees else None)
            self.biases.append(network.filters[k].bias)

    def shares(self, features: Tensor) -> list[Tensor]:
        """What columns add to each layer: (M, widths[k + 1]), or the bias where a layer does not see the input.

        Args:
            features: (M, shared) of each column.
        """
        return [
            bias if weight is None else functional.linear(features, weight, bias)
            for weight, bias in zip(self.columns, self.biases)
        ]

    def __call__(self, shares: list[Tensor], column: Tensor, own: Tensor) -> Tensor:
        """(P, widths[last + 1]) activation, or log-odds.

        Args:
            shares: of `shares`.
            column: (P,) whole numbers: which column each point is in.
            own: (P, widths[0] - shared) the rest of each point's input.
        """
        value = own
        for k in range(self.last + 1):
            total = shares[k].expand(len(column), -1).clone() if self.columns[k] is None else shares[k][column]
            if k:
                _add_product(total, value, self.inner[k])
            if self.points[k] is not None:
                _add_product(total, own, self.points[k])
            value = total if self.final and k == self.last else functional.leaky_relu_(total, SLOPE)
        return value


def _add_product(total: Tensor, value: Tensor, weight: Tensor) -> None:
    """Add value (P, C) times weight (D, C) to total (P, D), in the precision of the weight."""
    if weight.dtype == total.dtype:
        total.addmm_(value, weight.t())
    else:
        total += functional.linear(value.to(weight.dtype), weight)
