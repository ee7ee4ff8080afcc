"""DECA's networks on a processor, faster than their modules one by one, with the same numbers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.reconstruction.deca.networks.encoder import CodeEncoder
from maquette.reconstruction.deca.networks.generator import FIRST, SLOPE, WIDTHS, DetailGenerator
from maquette.reconstruction.networks.packed import PackedConvolution, folded, normed, resnet
from maquette.reconstruction.vrn.fast import packable

Layer = Callable[[Tensor], Tensor]
SIDE = 224


def prepared(network: nn.Module, device: str = "cpu") -> Layer:
    """A function like the network, in float32, without gradients; later changes of the network do not reach it.

    Args:
        network: a CodeEncoder or DetailGenerator, on the CPU; others run as they are.
        device: where it computes and its output stays; its input may lie anywhere.
    """
    network = network.eval()
    with torch.no_grad():
        fast = device == "cpu" and packable(network)
        made: Layer = network.to(device)
        if fast and isinstance(network, CodeEncoder):
            made = _encoder(network)
        elif fast and isinstance(network, DetailGenerator):
            made = _generator(network)

    @torch.no_grad()
    def run(x: Tensor) -> Tensor:
        return made(x.to(device)).contiguous()

    return run


def _encoder(network: CodeEncoder) -> Layer:
    body, first, last = resnet(network.encoder, SIDE), network.layers[0], network.layers[2]

    def encode(x: Tensor) -> Tensor:
        features = body(x.contiguous(memory_format=torch.channels_last))
        return last(functional.relu_(first(features)))

    return encode


def _generator(network: DetailGenerator) -> Layer:
    parts, linear = list(network.conv_blocks), network.l1[0]
    assert isinstance(linear, nn.Linear) and isinstance(parts[0], nn.BatchNorm2d)
    # The first normalisation becomes part of the linear layer: one gain and shift for each channel's 64 rows.
    as_convolution = nn.Conv2d(linear.in_features, WIDTHS[0], 1)
    weight, bias = [], []
    for texel in range(FIRST**2):
        as_convolution.weight.data = linear.weight[texel :: FIRST**2, :, None, None]
        assert as_convolution.bias is not None
        as_convolution.bias.data = linear.bias[texel :: FIRST**2]
        rows = folded(as_convolution, parts[0])
        weight.append(rows[0].flatten(1))
        bias.append(rows[1])
    # Rows in the order row, column, channel, so that maps lie channels last.
    matrix, shift = torch.stack(weight).flatten(0, 1), torch.stack(bias).flatten()
    convolutions, side = [], FIRST
    for place in range(2, len(parts) - 2, 4):
        side *= 2
        convolutions.append(normed(parts[place], parts[place + 1], side, slope=SLOPE))  # type: ignore[arg-type]
    last = parts[-2]
    assert isinstance(last, nn.Conv2d) and last.bias is not None
    finish = PackedConvolution(last, last.weight.detach(), last.bias.detach(), side)
    reach = network.reach

    def generate(latent: Tensor) -> Tensor:
        x = functional.linear(latent, matrix, shift).view(-1, FIRST, FIRST, WIDTHS[0]).permute(0, 3, 1, 2)
        for convolution in convolutions:
            x = convolution(functional.interpolate(x, scale_factor=2, mode="bilinear"))
        return finish(x).tanh_().mul_(reach)

    return generate
