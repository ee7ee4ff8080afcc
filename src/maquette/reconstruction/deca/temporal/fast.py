"""The temporal encoder on a processor in two thirds of its modules' time, with the same numbers.

Normalisation is folded into convolutions, which do ReLUs and sums themselves; 3x3 ones are Winograd's. What is zero is
not computed: the first frame of a pass has nothing to align, and the second only one frame before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.reconstruction.deca.temporal.deform import deformed
from maquette.reconstruction.deca.temporal.encoder import TemporalEncoder, TemporalResNet
from maquette.reconstruction.deca.temporal.flow import FlowLevel, SPyNet, warped
from maquette.reconstruction.deca.temporal.propagation import (
    PASSES,
    SLOPE,
    FlowGuidedAlignment,
    NormedBlock,
    RefiningBlocks,
    SecondOrderPropagation,
    guided,
)
from maquette.reconstruction.networks.packed import PackedConvolution, folded, normed, stages
from maquette.reconstruction.networks.winograd import WinogradConvolution
from maquette.reconstruction.vrn.fast import packable

Layer = Callable[[Tensor], Tensor]
Flow = Callable[[Tensor], tuple[Tensor, Tensor]]
SIDE = 224


def prepared(network: TemporalEncoder, device: str = "cpu") -> Layer:
    """A function like the network, in float32, without gradients; later changes of the network do not reach it.

    Args:
        network: on the CPU. device: where it computes and its output stays; clips may lie anywhere.
    """
    network = network.eval()
    with torch.no_grad():
        made: Layer = _encoder(network) if device == "cpu" and packable(network) else network.to(device)

    @torch.no_grad()
    def run(clips: Tensor) -> Tensor:
        return made(clips.to(device)).contiguous()

    return run


def prepared_pair(first: TemporalEncoder, second: TemporalEncoder, device: str = "cpu") -> tuple[Layer, Layer]:
    """Both encoders of a clip, see `prepared`; where their flows are the same network it is asked once for a clip."""
    one, other = (network.encoder.spynet.state_dict() for network in (first, second))
    compat = first.encoder.compat.sticky_mirror or second.encoder.compat.sticky_mirror
    if compat or device != "cpu" or not packable(first) or not all(torch.equal(one[key], other[key]) for key in one):
        return prepared(first, device), prepared(second, device)
    with torch.no_grad():
        flow = LastFlow(FastFlow(first.eval().encoder))
        made = [_encoder(network.eval(), flow) for network in (first, second)]
    run = [torch.no_grad()(lambda clips, layer=layer: layer(clips).contiguous()) for layer in made]
    return run[0], run[1]


def _last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _plain(convolution: nn.Module, side: int, slope: float | None = None) -> PackedConvolution:
    assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
    return PackedConvolution(convolution, convolution.weight.detach(), convolution.bias.detach(), side, slope)


def _square(convolution: nn.Module, slope: float | None = None) -> WinogradConvolution:
    assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
    return WinogradConvolution(convolution.weight.detach(), convolution.bias.detach(), "constant", slope)


def _block(block: nn.Module) -> Layer:
    """Adds to its input, which it overwrites."""
    assert isinstance(block, NormedBlock)
    first = WinogradConvolution(*folded(block.conv1, block.bn), "constant", slope=0.0)
    second = _square(block.conv2)
    return lambda x: second(first(x), into=x)


def _in_turn(layers: Sequence[Any]) -> Layer:
    def run(x: Tensor) -> Tensor:
        for layer in layers:
            x = layer(x)
        return x

    return run


def _refining(part: nn.Module) -> Layer:
    assert isinstance(part, RefiningBlocks)
    blocks = part.main[2]
    assert isinstance(blocks, nn.Sequential)
    return _in_turn([_square(part.main[0], SLOPE), *map(_block, blocks)])


def _halving(part: nn.Sequential, side: int, norm: nn.BatchNorm2d | None = None) -> Layer:
    """Blocks, and a convolution to half the size, with the normalisation and ReLU behind it where there is one."""
    blocks, last = part
    assert isinstance(blocks, nn.Sequential) and isinstance(last, nn.Conv2d)
    return _in_turn([*map(_block, blocks), _plain(last, side) if norm is None else normed(last, norm, side)])


def _encoder(network: TemporalEncoder, flow: Flow | None = None) -> Layer:
    body = network.encoder
    flow = flow or FastFlow(body)
    begin = _plain(body.head, SIDE)
    first, second = _halving(body.down1, SIDE), _halving(body.down2, SIDE // 2, body.bn1)
    propagate = FastPropagation(body.rnn)
    rest = stages(body.stages, SIDE // 4)
    inner, outer = network.layers[0], network.layers[2]

    def encode(clips: Tensor) -> Tensor:
        forwards, backwards = flow(clips)
        features = []
        for clip, ahead, back in zip(clips, forwards, backwards):
            # Frame by frame, so that what follows finds each in the cache, and little memory is held.
            frames = [first(begin(_last(frame[None]))) for frame in clip]
            for mixed in propagate(frames, list(ahead.unsqueeze(1)), list(back.unsqueeze(1))):
                features.append(rest(second(mixed)).mean((2, 3)))
        return outer(functional.relu_(inner(torch.cat(features))))

    return encode


class FastFlow:
    """`TemporalResNet.flows`, both directions at once."""

    def __init__(self, body: TemporalResNet) -> None:
        self.body, self.network = body, SPyNet()
        self.network.load_state_dict(body.spynet.state_dict())
        up = -(-SIDE // 2 // 32) * 32
        for k, level in enumerate(self.network.basic_module):
            assert isinstance(level, FlowLevel)
            self.network.basic_module[k] = PackedLevel(level, up >> (len(self.network.basic_module) - 1 - k))

    def __call__(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """See `TemporalResNet.flows`."""
        count, length = clips.shape[:2]
        if length == 1 or self.body.compat.sticky_mirror:
            return self.body.flows(clips)
        small = functional.interpolate(clips.flatten(0, 1), scale_factor=0.5, mode="bicubic")
        small = small.unflatten(0, (count, length))
        pairs = small[:, :-1].flatten(0, 1), small[:, 1:].flatten(0, 1)
        both = self.network(torch.cat(pairs), torch.cat(pairs[::-1]))
        backwards, forwards = both.unflatten(0, (2, count, length - 1))
        return forwards, backwards


class LastFlow:
    """A flow that remembers the last clips it was asked for."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.last: tuple[Tensor, tuple[Tensor, Tensor]] | None = None

    def __call__(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """See `TemporalResNet.flows`."""
        last = self.last
        if last is None or last[0] is not clips:
            last = self.last = (clips, self.flow(clips))
        return last[1]


class PackedLevel(nn.Module):
    """`FlowLevel` on packed weights."""

    def __init__(self, level: FlowLevel, side: int) -> None:
        super().__init__()
        parts = [part.get_submodule("conv") for part in level.basic_module]
        self.parts = [*(_plain(part, side, 0.0) for part in parts[:-1]), _plain(parts[-1], side)]

    def forward(self, x: Tensor) -> Tensor:
        x = _last(x)
        for part in self.parts:
            x = part(x)
        return x.contiguous()


class FastPropagation:
    """`SecondOrderPropagation` of one clip; features are (1, 64, H, W), channels last."""

    def __init__(self, network: SecondOrderPropagation) -> None:
        self.align = {name: FastAlignment(network.deform_align[name]) for name in PASSES}
        self.refine = {name: _refining(network.backbone[name]) for name in PASSES}
        self.fuse = _refining(network.fusion)

    def __call__(self, frames: list[Tensor], forwards: list[Tensor], backwards: list[Tensor]) -> list[Tensor]:
        """Features of each frame; flows are (1, 2, H, W) between neighbours, see `SecondOrderPropagation`."""
        kept = [frames]
        for name in PASSES:
            back = name.startswith("backward")
            given = [list(parts) for parts in zip(*kept)]
            made = self.one_pass(name, given[::-1] if back else given, backwards[::-1] if back else forwards)
            kept.append(made[::-1] if back else made)
        return [self.fuse(_last(torch.cat(each, 1))) for each in zip(*kept)]

    def one_pass(self, name: str, given: list[list[Tensor]], flows: list[Tensor]) -> list[Tensor]:
        """See `SecondOrderPropagation.one_pass`."""
        made: list[Tensor] = []
        for step, parts in enumerate(given):
            carried = torch.zeros_like(parts[0])
            if step:
                first = flows[step - 1]
                second = earlier = None
                if step > 1:
                    second, earlier = first + warped(flows[step - 2], first), made[-2]
                carried = self.align[name](made[-1], earlier, parts[0], first, second)
            made.append(self.refine[name](_last(torch.cat((*parts, carried), 1))).add_(carried))
        return made


class FastAlignment:
    """`FlowGuidedAlignment` from the features of one frame or of two."""

    def __init__(self, network: nn.Module) -> None:
        assert isinstance(network, FlowGuidedAlignment)
        parts = [part for part in network.conv_offset if isinstance(part, nn.Conv2d)]
        self.draw = _in_turn([*(_square(part, SLOPE) for part in parts[:-1]), _square(parts[-1])])
        self.weight, self.bias = network.weight.detach(), network.bias.detach()

    def __call__(
        self, before: Tensor, earlier: Tensor | None, current: Tensor, first: Tensor, second: Tensor | None
    ) -> Tensor:
        """(1, 64, H, W), channels last; without an earlier frame its half of all groups is left out."""
        nothing = torch.zeros_like(before)
        seen = nothing if earlier is None or second is None else warped(earlier, second)
        flows = (first, torch.zeros_like(first) if second is None else second)
        condition = torch.cat((warped(before, first), current, seen, *flows), 1)
        offsets, mask = guided(self.draw(_last(condition)).contiguous(), flows)
        half = self.weight.shape[1] // 2
        if earlier is None:
            offsets, mask = (part[:, : part.shape[1] // 2].contiguous() for part in (offsets, mask))
            found = deformed(before.contiguous(), offsets, mask, self.weight[:, :half], self.bias)
        else:
            found = deformed(torch.cat((before, earlier), 1).contiguous(), offsets, mask, self.weight, self.bias)
        return _last(found)
