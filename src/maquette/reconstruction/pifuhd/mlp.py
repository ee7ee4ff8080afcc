"""Perceptrons over points: what lies at a point, from the features of its pixel (PIFu, Saito et al., ICCV 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.01  # of the leaky ReLU


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

    def layers(self) -> list[nn.Conv1d]:
        """The layers, first to last."""
        return [layer for layer in self.filters if isinstance(layer, nn.Conv1d)]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """(..., P, widths[-1]) log-odds, and (..., P, widths[merge + 1]) or None.

        Args:
            x: (..., P, widths[0]) what is known of each point.
        """
        value, merged = x, None
        layers = self.layers()
        for k, layer in enumerate(layers):
            value = torch.cat((value, x), -1) if k in self.size.skips else value
            # One row per point: of all orders this one is fastest, and a row knows nothing of its neighbours.
            value = functional.linear(value, layer.weight[..., 0], layer.bias)
            if k < len(layers) - 1:
                value = functional.leaky_relu(value, SLOPE)
            if k == self.size.merge:
                merged = value
        return value, merged


@dataclass(frozen=True, eq=False)
class _Split:
    """One layer's weights by what they multiply; None where the layer does not see it.

    Attributes:
        inner: (D, C) the layer before; column: (D, shared) and own: (D, rest) the input; bias: (D,).
    """

    inner: Tensor | None
    column: Tensor | None
    own: Tensor | None
    bias: Tensor


class ColumnMLP:
    """The same perceptron for points that share their first channels: those are multiplied once per column.

    Orthographic cameras see all points of a column in one pixel, so with a column's share of every layer that sees
    the input, a point costs a quarter less. Equal to `PointMLP` up to rounding.

    Args:
        network: whose weights are taken.
        shared: how many of the first channels of the input belong to the column.
        last: the layer whose activation is wanted; the last layer has none.
    """

    def __init__(self, network: PointMLP, shared: int, last: int) -> None:
        layers = network.layers()
        self.last, self.final = last, last == len(layers) - 1
        self.splits: list[_Split] = []
        for k, layer in enumerate(layers[: last + 1]):
            assert layer.bias is not None, "all layers of a PointMLP have one"
            weight, before = layer.weight[..., 0], network.size.widths[k] if k else 0
            sees = k == 0 or k in network.size.skips
            self.splits.append(
                _Split(
                    weight[:, :before].contiguous() if k else None,
                    weight[:, before : before + shared].contiguous() if sees else None,
                    weight[:, before + shared :].contiguous() if sees else None,
                    layer.bias,
                )
            )

    def shares(self, features: Tensor) -> list[Tensor]:
        """What columns add to each layer: (M, widths[k + 1]), or the bias where a layer does not see the input.

        Args:
            features: (M, shared) of each column.
        """
        return [s.bias if s.column is None else functional.linear(features, s.column, s.bias) for s in self.splits]

    def __call__(self, shares: list[Tensor], column: Tensor, own: Tensor) -> Tensor:
        """(P, widths[last + 1]) activation, or log-odds.

        Args:
            shares: of `shares`.
            column: (P,) whole numbers: which column each point is in.
            own: (P, widths[0] - shared) the rest of each point's input.
        """
        value = own
        for k, (split, share) in enumerate(zip(self.splits, shares)):
            total = share.expand(len(column), -1).clone() if split.column is None else share[column]
            if split.inner is not None:
                total.addmm_(value, split.inner.t())
            if split.own is not None:
                total.addmm_(own, split.own.t())
            value = total if self.final and k == self.last else functional.leaky_relu_(total, SLOPE)
        return value
