"""VRN, on a processor at least half as fast again as its modules one by one, with the same numbers.

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
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.reconstruction.vrn.network import LEVELS, VRN, BatchNorm

Layer = Callable[[Tensor], Tensor]
Part = TypeVar("Part", bound=nn.Module)


def prepared(network: VRN, side: int, device: str = "cpu") -> Layer:
    """A function like `VRN.coarse`: pictures (N, C, H, W) to logits (N, D, H / 4, W / 4), float32, without gradients.

    Later changes of the network do not reach it. Statistics of the image cannot be folded: there the network itself
    runs, and is moved to the device.

    Args:
        network: on the CPU, in float32: weights are folded there in float64, which not every device has.
        side: of the pictures, pixels; weights are packed for it, other sides work too.
        device: where it computes and its logits stay; pictures may lie anywhere.
    """
    norms = [module for module in network.modules() if isinstance(module, BatchNorm)]
    if any(norm.stats != "running" for norm in norms):
        network.eval().to(device)
        return torch.no_grad()(lambda x: network.coarse(x.to(device)))
    with torch.no_grad():
        packed = device == "cpu" and packable(network)
        layers = _layers(network, _Pack(packed, side, _affine(norms), device))

    @torch.no_grad()
    def coarse(x: Tensor) -> Tensor:
        network.expect(x)
        x = x.to(device).contiguous(memory_format=torch.channels_last)
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


@dataclass(frozen=True, eq=False)
class _Affine:
    """A normalisation with stored statistics, x -> gain x + offset, (C,) float64 each."""

    gain: Tensor
    offset: Tensor


@dataclass(frozen=True)
class _Pack:
    """How convolutions are kept: packed by oneDNN for a picture's side, or plain; what is folded into them; where."""

    packed: bool
    side: int
    norms: dict[BatchNorm, _Affine]
    device: str


class _Convolution:
    """A convolution, then ReLU or the sum with something.

    Args:
        shrunk: how many times smaller than the picture its features are.
        before: gain and offset that its input still wants.
        after: normalisation of its output.
        relu: whether negative output becomes 0.
    """

    def __init__(
        self,
        conv: nn.Conv2d,
        pack: _Pack,
        shrunk: int,
        before: _Affine | None = None,
        after: BatchNorm | None = None,
        relu: bool = False,
    ) -> None:
        assert conv.bias is not None, "all convolutions of the network have one"
        assert not isinstance(conv.padding, str), "all paddings of the network are numbers"
        weight: Tensor = conv.weight
        bias = conv.bias.double()
        # Gains in float64, weights in float32: a pass over 19 million of them costs as much as packing them.
        gains = torch.ones(weight.shape[:2], dtype=torch.float64, device=weight.device)
        if before is not None:
            bias = bias + weight.sum((2, 3)).double() @ before.offset
            gains = gains * before.gain
        if after is not None:
            norm = pack.norms[after]
            gains, bias = gains * norm.gain[:, None], bias * norm.gain + norm.offset
        if before is not None or after is not None:
            weight = weight * gains.to(weight.dtype)[:, :, None, None]
        self.bias = bias.to(weight.dtype).to(pack.device)
        self.relu, self.packed = relu, pack.packed
        self.padding, self.stride = list(conv.padding), list(conv.stride)
        side = pack.side // shrunk
        shape = [1, conv.in_channels, side, side]
        self.weight: Tensor
        if self.packed:
            reorder = torch.ops.mkldnn._reorder_convolution_weight
            self.weight = reorder(weight, self.padding, self.stride, [1, 1], 1, shape)
        else:
            # Its own copy, so that training the network further does not reach it.
            self.weight = weight.clone(memory_format=torch.channels_last).to(pack.device)

    def __call__(self, x: Tensor, into: Tensor | None = None) -> Tensor:
        """The output; with `into`, that tensor plus the output, which may overwrite it."""
        layout = (self.padding, self.stride, [1, 1], 1)
        if self.packed and into is not None:
            # A new tensor for the sum takes a third longer than the convolution alone, an old one next to nothing.
            sum_ = torch.ops.mkldnn._convolution_pointwise_.binary
            return sum_(into, x, self.weight, self.bias, *layout, "add", 1.0, None, [], None)
        if self.packed:
            after = "relu" if self.relu else "none"
            pointwise = torch.ops.mkldnn._convolution_pointwise.default
            return pointwise(x, self.weight, self.bias, *layout, after, [], "")
        y = functional.conv2d(x, self.weight, self.bias, self.stride, self.padding)
        if into is not None:
            y += into
        return y.relu_() if self.relu else y


class _Residual:
    """`network.residual`: its first normalisation leaves a maximum, the others nothing.

    Args:
        keep: whether its input is still needed; it is overwritten otherwise.
    """

    def __init__(self, module: nn.Module, pack: _Pack, shrunk: int, keep: bool = False) -> None:
        self.keep = keep
        first, middle, last = (_part(module, f"0.0.{place}", nn.Conv2d) for place in (2, 5, 8))
        start, inner, outer = (_part(module, f"0.0.{place}", BatchNorm) for place in (0, 3, 6))
        norm = pack.norms[start]
        gain, offset = norm.gain, norm.offset
        dead = gain == 0
        # Where g is 0 the value is constant: any bounds do, and only the ReLU's h stays.
        bound = torch.where(dead, 0.0, -offset / torch.where(dead, 1.0, gain)).to(first.weight.dtype)
        self.low = bound.masked_fill(gain < 0, -torch.inf).to(pack.device)
        self.high = bound.masked_fill(gain > 0, torch.inf).to(pack.device)
        self.rising = bool((gain > 0).all())
        before = _Affine(gain, torch.where(dead, offset.clamp(min=0), offset))
        self.first = _Convolution(first, pack, shrunk, before=before, after=inner, relu=True)
        self.middle = _Convolution(middle, pack, shrunk, after=outer, relu=True)
        self.last = _Convolution(last, pack, shrunk)
        skips = len(_part(module, "0.1", nn.Sequential)) > 0
        self.skip = _Convolution(_part(module, "0.1.0", nn.Conv2d), pack, shrunk) if skips else None

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
        upper, lower = (list(_part(module, f"0.{branch}", nn.Sequential)) for branch in (0, 1))
        deeper = [upper.pop()] if level < LEVELS else []
        self.upper: list[Layer] = [
            _Residual(part, pack, shrunk, keep=level == 1 and part is upper[0]) for part in upper
        ]
        self.upper += [_HourglassLevel(part, pack, shrunk, level + 1) for part in deeper]
        self.lower = [_Residual(part, pack, 2 * shrunk) for part in lower[1:-1]]
        self.merge = _Residual(_part(module, "2", nn.Sequential), pack, shrunk)

    def __call__(self, x: Tensor) -> Tensor:
        small = functional.max_pool2d(x, 2)
        for residual in self.lower:
            small = residual(small)
        for layer in self.upper:
            x = layer(x)
        return self.merge(_plus_nearest(x, small))


class _Stack:
    """`network.stack`: hourglass, two units, and the skip around them."""

    def __init__(self, module: nn.Module, pack: _Pack, shrunk: int) -> None:
        self.level = _HourglassLevel(_part(module, "1", nn.Sequential), pack, shrunk)
        self.units = [_unit(_part(module, f"1.{place}", nn.Sequential), pack, shrunk) for place in (3, 4)]

    def __call__(self, x: Tensor) -> Tensor:
        y = self.level(x)
        for unit in self.units:
            y = unit(y)
        return y.add_(x)


def _layers(network: VRN, pack: _Pack) -> list[Layer]:
    parts = list(network)
    return [
        _Convolution(_part(network, "0", nn.Conv2d), pack, 1, after=_part(network, "1", BatchNorm), relu=True),
        _Residual(parts[3], pack, 2),
        lambda x: functional.max_pool2d(x, 2),
        *(_Residual(part, pack, 4) for part in parts[5:7]),
        *(_Stack(part, pack, 4) for part in parts[7:-1]),
        _unit(_part(parts[-1], "0.0", nn.Sequential), pack, 4),
        _Convolution(_part(parts[-1], "0.1", nn.Conv2d), pack, 4),
    ]


def _unit(module: nn.Module, pack: _Pack, shrunk: int) -> _Convolution:
    """`network.unit`."""
    after = _part(module, "1", BatchNorm)
    return _Convolution(_part(module, "0", nn.Conv2d), pack, shrunk, after=after, relu=True)


def _part(module: nn.Module, path: str, kind: type[Part]) -> Part:
    """The submodule at a path of places, as in the released file."""
    found = module.get_submodule(path)
    if not isinstance(found, kind):
        raise TypeError(f"{path}: wanted a {kind.__name__}, got {type(found).__name__}")
    return found


def _affine(norms: list[BatchNorm]) -> dict[BatchNorm, _Affine]:
    """Gain and offset of normalisations with their stored statistics."""
    names = ("weight", "bias", "running_mean", "running_var")
    # All at once: one by one, calls of torch take longer than packing the weights of a small network.
    weight, bias, mean, variance = (torch.cat([getattr(norm, name) for norm in norms]).double() for name in names)
    gain = weight / (variance + norms[0].eps).sqrt()
    widths = [norm.num_features for norm in norms]
    return {norm: _Affine(g, h) for norm, g, h in zip(norms, gain.split(widths), (bias - mean * gain).split(widths))}


def _plus_nearest(x: Tensor, small: Tensor) -> Tensor:
    """x, (N, C, 2 h, 2 w), plus each value of small, (N, C, h, w), on its four pixels; written into x."""
    count, channels, height, width = small.shape
    rows = x.permute(0, 2, 3, 1).view(count, height, 2, width, 2, channels)
    rows += small.permute(0, 2, 3, 1)[:, :, None, :, None]
    return x
