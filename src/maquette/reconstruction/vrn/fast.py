"""VRN on a processor, at least half as fast again as its modules one by one, with the same numbers.

In `running` mode batch normalisation is x -> g x + h with fixed g and h. After a convolution it becomes part of its
weights. Before one, with its ReLU, it is g max(x, -h / g) + h (min where g < 0), of which only the maximum is
computed: g and h go into the convolution, which has no padding. ReLUs and sums are done by the convolutions themselves
(oneDNN's post-operations), channels last, on weights that are packed once.

Tried and left out: tracing and freezing (20 s for the released size, and slower), Winograd's 3x3 (no faster), bfloat16
(occupancies differ by 5e-3, wanted are 1e-3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.reconstruction.vrn.network import LEVELS, VRN, BatchNorm

Layer = Callable[[Tensor], Tensor]


def prepared(network: VRN, side: int) -> Layer:
    """A function like `VRN.coarse`: pictures (N, C, H, W) to logits (N, D, H / 4, W / 4), float32, without gradients.

    Later changes of the network do not reach it. Statistics of the image cannot be folded: there the network itself
    runs.

    Args:
        network: on any device, in float32.
        side: of the pictures, pixels; weights are packed for it, other sides work too.
    """
    norms = [module for module in network.modules() if isinstance(module, BatchNorm)]
    if any(norm.stats != "running" for norm in norms):
        network.eval()
        return torch.no_grad()(network.coarse)
    with torch.no_grad():
        layers = _layers(network, _Pack(packable(network), side, _gains(norms)))

    @torch.no_grad()
    def coarse(x: Tensor) -> Tensor:
        network.expect(x)
        x = x.contiguous(memory_format=torch.channels_last)
        for layer in layers:
            x = layer(x)
        return x.contiguous()

    return coarse


def packable(network: nn.Module) -> bool:
    """Whether oneDNN's convolutions with post-operations are there for this network; plain ones work everywhere."""
    weight = next(network.parameters())
    there = hasattr(torch.ops.mkldnn, "_convolution_pointwise") and hasattr(
        torch.ops.mkldnn, "_reorder_convolution_weight"
    )
    return (
        torch.backends.mkldnn.is_available() and there and weight.device.type == "cpu" and weight.dtype == torch.float32
    )


@dataclass(frozen=True)
class _Pack:
    """How convolutions are kept: packed by oneDNN for a picture's side, or plain; g and h of what is folded."""

    packed: bool
    side: int
    gains: dict[BatchNorm, tuple[Tensor, Tensor]]

    def convolution(self, conv: nn.Conv2d, shrunk: int, **folded) -> _Convolution:
        """`shrunk`: how many times smaller than the picture its features are."""
        return _Convolution(conv, self, shrunk, **folded)


class _Convolution:
    """A convolution, then ReLU or the sum with something.

    Args:
        before: g and h that its input still wants, (C,) each.
        after: normalisation of its output.
        relu: whether negative output becomes 0.
    """

    def __init__(
        self,
        conv: nn.Conv2d,
        pack: _Pack,
        shrunk: int,
        before: tuple[Tensor, Tensor] | None = None,
        after: BatchNorm | None = None,
        relu: bool = False,
    ) -> None:
        weight, bias = conv.weight, conv.bias.double()
        # Gains in float64, weights in float32: a pass over 19 million of them costs as much as packing them.
        gains = torch.ones(weight.shape[:2], dtype=torch.float64, device=weight.device)
        if before is not None:
            bias = bias + weight.sum((2, 3)).double() @ before[1]
            gains = gains * before[0]
        if after is not None:
            gain, offset = pack.gains[after]
            gains, bias = gains * gain[:, None], bias * gain + offset
        if before is not None or after is not None:
            weight = weight * gains.to(weight.dtype)[:, :, None, None]
        self.bias = bias.to(weight.dtype)
        self.relu, self.packed = relu, pack.packed
        self.place = [list(conv.padding), list(conv.stride), [1, 1], 1]
        side = pack.side // shrunk
        shape = [1, conv.in_channels, side, side]
        if self.packed:
            self.weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *self.place, shape)
        else:
            # Its own copy, so that training the network further does not reach it.
            self.weight = weight.clone(memory_format=torch.channels_last)

    def __call__(self, x: Tensor, into: Tensor | None = None) -> Tensor:
        """The output; with `into`, that tensor plus the output, which may overwrite it."""
        if self.packed and into is not None:
            # A new tensor for the sum takes a third longer than the convolution alone, an old one next to nothing.
            sum_ = torch.ops.mkldnn._convolution_pointwise_.binary
            return sum_(into, x, self.weight, self.bias, *self.place, "add", 1.0, None, [], None)
        if self.packed:
            after = ("relu" if self.relu else "none", [], "")
            return torch.ops.mkldnn._convolution_pointwise.default(x, self.weight, self.bias, *self.place, *after)
        padding, stride, dilation, groups = self.place
        y = functional.conv2d(x, self.weight, self.bias, stride, padding, dilation, groups)
        if into is not None:
            y += into
        return y.relu_() if self.relu else y


class _Residual:
    """`network.residual`: its first normalisation leaves a maximum, the others nothing.

    Args:
        keep: whether its input is still needed; it is overwritten otherwise.
    """

    def __init__(self, module: nn.Sequential, pack: _Pack, shrunk: int, keep: bool = False) -> None:
        self.keep = keep
        body, skip = module[0]
        gain, offset = pack.gains[body[0]]
        dead = gain == 0
        # Where g is 0 the value is constant: any bounds do, and only the ReLU's h stays.
        bound = torch.where(dead, 0.0, -offset / torch.where(dead, 1.0, gain)).to(body[2].weight.dtype)
        self.low = bound.masked_fill(gain < 0, -torch.inf)
        self.high = bound.masked_fill(gain > 0, torch.inf)
        self.rising = bool((gain > 0).all())
        before = (gain, torch.where(dead, offset.clamp(min=0), offset))
        self.first = pack.convolution(body[2], shrunk, before=before, after=body[3], relu=True)
        self.middle = pack.convolution(body[5], shrunk, after=body[6], relu=True)
        self.last = pack.convolution(body[8], shrunk)
        self.skip = pack.convolution(skip[0], shrunk) if len(skip) else None

    def __call__(self, x: Tensor) -> Tensor:
        rows = x.permute(0, 2, 3, 1)
        bounded = torch.maximum(rows, self.low) if self.rising else torch.clamp(rows, self.low, self.high)
        body = self.middle(self.first(bounded.permute(0, 3, 1, 2)))
        if self.skip is not None:
            return self.last(body, into=self.skip(x))
        return self.last(body, into=x.clone() if self.keep else x)


class _HourglassLevel:
    """`network.hourglass`: upper branch, next level inside it, lower branch, their sum, merge.

    The outermost level keeps its input, which the skip around the stack adds again.
    """

    def __init__(self, module: nn.Module, pack: _Pack, shrunk: int, level: int = 1) -> None:
        parts = dict(module.named_children())
        upper, lower = (list(branch) for branch in parts["0"])
        deeper = [upper.pop()] if level < LEVELS else []
        self.upper: list[Layer] = [
            _Residual(part, pack, shrunk, keep=level == 1 and part is upper[0]) for part in upper
        ]
        self.upper += [_HourglassLevel(part, pack, shrunk, level + 1) for part in deeper]
        self.lower = [_Residual(part, pack, 2 * shrunk) for part in lower[1:-1]]
        self.merge = _Residual(parts["2"], pack, shrunk)

    def __call__(self, x: Tensor) -> Tensor:
        small = functional.max_pool2d(x, 2)
        for layer in self.lower:
            small = layer(small)
        for layer in self.upper:
            x = layer(x)
        return self.merge(_plus_nearest(x, small))


class _Stack:
    """`network.stack`: hourglass, two units, and the skip around them."""

    def __init__(self, module: nn.Sequential, pack: _Pack, shrunk: int) -> None:
        parts = dict(module[1].named_children())
        self.level = _HourglassLevel(module[1], pack, shrunk)
        self.units = [pack.convolution(parts[k][0], shrunk, after=parts[k][1], relu=True) for k in "34"]

    def __call__(self, x: Tensor) -> Tensor:
        y = self.level(x)
        for unit in self.units:
            y = unit(y)
        return y.add_(x)


def _layers(network: VRN, pack: _Pack) -> list[Layer]:
    parts = list(network)
    unit, last = parts[-1][0]
    return [
        pack.convolution(parts[0], 1, after=parts[1], relu=True),
        _Residual(parts[3], pack, 2),
        lambda x: functional.max_pool2d(x, 2),
        *(_Residual(part, pack, 4) for part in parts[5:7]),
        *(_Stack(part, pack, 4) for part in parts[7:-1]),
        pack.convolution(unit[0], 4, after=unit[1], relu=True),
        pack.convolution(last, 4),
    ]


def _gains(norms: list[BatchNorm]) -> dict[BatchNorm, tuple[Tensor, Tensor]]:
    """g and h of normalisations with their stored statistics, (C,) float64 each."""
    names = ("weight", "bias", "running_mean", "running_var")
    # All at once: one by one, calls of torch take longer than packing the weights of a small network.
    weight, bias, mean, variance = (torch.cat([getattr(norm, name) for norm in norms]).double() for name in names)
    gain = weight / (variance + norms[0].eps).sqrt()
    widths = [norm.num_features for norm in norms]
    return dict(zip(norms, zip(gain.split(widths), (bias - mean * gain).split(widths))))


def _plus_nearest(x: Tensor, small: Tensor) -> Tensor:
    """x, (N, C, 2 h, 2 w), plus each value of small, (N, C, h, w), on its four pixels; written into x."""
    count, channels, height, width = small.shape
    rows = x.permute(0, 2, 3, 1).view(count, height, 2, width, 2, channels)
    rows += small.permute(0, 2, 3, 1)[:, :, None, :, None]
    return x
