"""Convolutions on a processor that do normalisation, ReLUs and sums themselves, on weights packed for one size.

Batch normalisation becomes part of the convolutions (folded in float64); ReLUs and sums are oneDNN's post-operations,
channels last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.reconstruction.networks.resnet import Bottleneck, ResNet50

Layer = Callable[[Tensor], Tensor]


class PackedConvolution:
    """A convolution whose weights oneDNN has packed for a size of pictures, then ReLU, or a sum and ReLU.

    Args:
        weight: (K, C, h, w). bias: (K,) or None. side: of its input, pixels.
        slope: by which negative output is multiplied, 0 for ReLU; None leaves it.
    """

    def __init__(
        self, like: nn.Conv2d, weight: Tensor, bias: Tensor | None, side: int, slope: float | None = None
    ) -> None:
        assert not isinstance(like.padding, str), "all paddings of the networks are numbers"
        self.layout: tuple[Any, ...] = (list(like.padding), list(like.stride), [1, 1], 1)
        shape = [1, like.in_channels, side, side]
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *self.layout, shape)
        self.bias = bias
        self.after: tuple[str, list[float]] = ("none", []) if slope is None else ("leaky_relu", [slope])
        if slope == 0:
            self.after = ("relu", [])

    def __call__(self, x: Tensor, into: Tensor | None = None) -> Tensor:
        """The output; with `into`, ReLU of that tensor plus the output, which may overwrite it."""
        if into is not None:
            added = torch.ops.mkldnn._convolution_pointwise_.binary
            return added(into, x, self.weight, self.bias, *self.layout, "add", 1.0, "relu", [], None)
        name, numbers = self.after
        run = torch.ops.mkldnn._convolution_pointwise.default
        return run(x, self.weight, self.bias, *self.layout, name, numbers, "")

    def onto(self, x: Tensor, into: Tensor) -> Tensor:
        """That tensor plus the output, without ReLU; it may be overwritten."""
        added = torch.ops.mkldnn._convolution_pointwise_.binary
        return added(into, x, self.weight, self.bias, *self.layout, "add", 1.0, None, [], None)


def folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with the normalisation behind it, (K, C, h, w) and (K,)."""
    assert norm.running_mean is not None and norm.running_var is not None
    gain = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    bias = norm.bias.double() - norm.running_mean.double() * gain
    if convolution.bias is not None:
        bias = bias + convolution.bias.double() * gain
    weight = convolution.weight.double() * gain[:, None, None, None]
    return weight.to(convolution.weight.dtype), bias.to(convolution.weight.dtype)


def normed(convolution: nn.Conv2d, norm: nn.BatchNorm2d, side: int, slope: float | None = 0.0) -> PackedConvolution:
    """A convolution with the normalisation behind it, and ReLU."""
    return PackedConvolution(convolution, *folded(convolution, norm), side, slope)


def resnet(body: ResNet50, side: int) -> Layer:
    """ResNet-50 of pictures of that side: (N, 3, side, side), channels last, to 2048 means (N, 2048)."""
    first = normed(body.conv1, body.bn1, side)
    rest = stages(body.stages, side // 4)
    return lambda x: rest(functional.max_pool2d(first(x), 3, stride=2, padding=1)).mean((2, 3))


def stages(sequences: Sequence[nn.Sequential], side: int) -> Layer:
    """The stages of a ResNet, of maps of that side."""
    blocks = []
    for block in (block for stage in sequences for block in stage):
        assert isinstance(block, Bottleneck)
        blocks.append(bottleneck(block, side))
        side //= block.conv2.stride[0]

    def run(x: Tensor) -> Tensor:
        for block in blocks:
            x = block(x)
        return x

    return run


def bottleneck(block: Bottleneck, side: int) -> Layer:
    """One block of a ResNet, of pictures of that side."""
    after = side // block.conv2.stride[0]
    first, second = normed(block.conv1, block.bn1, side), normed(block.conv2, block.bn2, side)
    third, skip = normed(block.conv3, block.bn3, after, slope=None), None
    if block.downsample is not None:
        skip = normed(block.downsample[0], block.downsample[1], side, slope=None)  # type: ignore[arg-type]

    def run(x: Tensor) -> Tensor:
        return third(second(first(x)), into=x if skip is None else skip(x))

    return run
