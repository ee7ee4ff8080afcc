"""The temporal encoder: clips of crops to codes of every frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.reconstruction.deca.networks.encoder import code_layers
from maquette.reconstruction.deca.temporal.flow import SPyNet
from maquette.reconstruction.deca.temporal.propagation import (
    BLOCKS,
    CHANNELS,
    PASSES,
    NormedBlock,
    SecondOrderPropagation,
)
from maquette.reconstruction.networks.resnet import ResNet50


@dataclass(frozen=True)
class TemporalCompat:
    """Which quirks of the published code are kept.

    Attributes:
        reset_spynet: a fresh network has random flow and random offsets, whatever flow it was given.
        sticky_mirror: after one clip that reads the same backwards, flow forwards is that backwards, turned round, in
            all later clips too.
    """

    reset_spynet: bool = False
    sticky_mirror: bool = False


MENDED = TemporalCompat()


def halving() -> nn.Sequential:
    """Five blocks, and a convolution to half the size."""
    blocks = nn.Sequential(*(NormedBlock() for _ in range(BLOCKS)))
    return nn.Sequential(blocks, nn.Conv2d(CHANNELS, CHANNELS, 3, stride=2, padding=1))


class TemporalResNet(ResNet50):
    """ResNet-50 whose first layers see the whole clip; the first convolution is kept for its key alone.

    Example:
        >>> with torch.device("meta"):
        ...     network = TemporalResNet()
        >>> sum(p.numel() for p in network.parameters()), len(network.state_dict())
        (30353644, 751)
    """

    def __init__(self, compat: TemporalCompat = MENDED) -> None:
        super().__init__()
        self.compat, self.mirrored = compat, False
        self.spynet = SPyNet().requires_grad_(False)
        self.head = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.down1, self.down2 = halving(), halving()
        self.rnn = SecondOrderPropagation()

    def flows(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Flow forwards and backwards, see `SecondOrderPropagation`, at half the size of clips (N, T, 3, H, W)."""
        count, length, _, height, width = clips.shape
        half = (height // 2, width // 2)
        if length == 1:
            none = clips.new_zeros(count, 0, 2, *half)
            return none, none
        small = functional.interpolate(clips.flatten(0, 1), scale_factor=0.5, mode="bicubic").unflatten(
            0, (count, length)
        )
        pairs = small[:, :-1].flatten(0, 1), small[:, 1:].flatten(0, 1)
        backwards = self.spynet(*pairs).unflatten(0, (count, length - 1))
        if self.compat.sticky_mirror:
            self.mirrored |= length % 2 == 0 and torch.equal(small, small.flip(1))
        if self.mirrored:
            return backwards.flip(1), backwards
        return self.spynet(*pairs[::-1]).unflatten(0, (count, length - 1)), backwards

    def forward(self, clips: Tensor) -> Tensor:
        """(N T, 2048), clip after clip, of clips (N, T, 3, 224, 224) RGB in 0-1."""
        count, length = clips.shape[:2]
        flows = self.flows(clips)
        spatial = self.down1(self.head(clips.flatten(0, 1)))
        mixed = self.rnn(spatial.unflatten(0, (count, length)), *flows).flatten(0, 1)
        x = functional.relu(self.bn1(self.down2(mixed)))
        for stage in self.stages:
            x = stage(x)
        return x.mean((2, 3))


class TemporalEncoder(nn.Module):
    """Clips to codes.

    Example:
        >>> with torch.device("meta"):
        ...     network = TemporalEncoder(236)
        >>> sum(p.numel() for p in network.parameters()), len(network.state_dict())
        (32693720, 755)
    """

    def __init__(self, outputs: int, compat: TemporalCompat = MENDED) -> None:
        super().__init__()
        self.encoder = TemporalResNet(compat)
        self.layers = code_layers(outputs)

    def forward(self, clips: Tensor) -> Tensor:
        """(N T, outputs) codes, clip after clip, of clips (N, T, 3, 224, 224) RGB in 0-1."""
        return self.layers(self.encoder(clips))


def fresh(outputs: int, flow: SPyNet, compat: TemporalCompat = MENDED) -> TemporalEncoder:
    """An encoder to be trained, with a flow that stays as it is.

    Args:
        flow: a trained network; with `TemporalCompat.reset_spynet` its biases alone are left of it.
    """
    network = TemporalEncoder(outputs, compat)
    network.encoder.spynet.load_state_dict(flow.state_dict())
    reset = [part for part in network.encoder.modules() if isinstance(part, nn.Conv2d)]
    kept: set[nn.Module] = {*network.encoder.spynet.modules()}
    kept |= {network.encoder.rnn.get_submodule(f"deform_align.{name}.conv_offset.6") for name in PASSES}
    for part in reset:
        if compat.reset_spynet or part not in kept:
            nn.init.normal_(part.weight, std=(2 / (part.weight[0, 0].numel() * part.out_channels)) ** 0.5)
    return network
