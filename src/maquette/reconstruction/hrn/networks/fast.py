"""HRN's networks on a processor two to three times as fast as their modules one by one, with the same numbers.

Batch normalisation becomes part of the convolutions, which do ReLUs and sums themselves (oneDNN's post-operations),
channels last, on packed weights. Instance normalisation of one picture is batch normalisation with the batch's own
statistics, whose kernel is ten times as fast, and takes the bias before it away. 3x3 convolutions of many channels are
Winograd's; the last 7x7 one, of 64 channels to one, is a product of matrices and 49 shifted sums.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.reconstruction.hrn.networks.generator import GeneratorBlock, MapGenerator
from maquette.reconstruction.hrn.networks.regressor import ReconNet
from maquette.reconstruction.hrn.networks.retouching import DECODER, ENCODER, BlendNet, DoubleConvolution
from maquette.reconstruction.networks.packed import Layer, PackedConvolution, folded, resnet
from maquette.reconstruction.networks.winograd import WinogradConvolution
from maquette.reconstruction.vrn.fast import packable

WINOGRAD = 64 * 128  # channels in times out from which its transforms pay


def prepared(network: nn.Module, side: int, device: str = "cpu") -> Layer:
    """A function like the network, in float32, without gradients; later changes of the network do not reach it.

    Args:
        network: a ReconNet, MapGenerator or BlendNet, on the CPU; others run as they are.
        side: of the pictures, pixels; weights are packed for it, other sides work too.
        device: where it computes and its output stays; pictures may lie anywhere.
    """
    network = network.eval()
    with torch.no_grad():
        fast = device == "cpu" and packable(network)
        made = _prepared(network, side) if fast else network.to(device)

    @torch.no_grad()
    def run(x: Tensor) -> Tensor:
        return made(x.to(device).contiguous(memory_format=torch.channels_last)).contiguous()

    return run


def _prepared(network: nn.Module, side: int) -> Layer:
    if isinstance(network, ReconNet):
        return _regressor(network, side)
    if isinstance(network, MapGenerator):
        return _generator(network, side)
    return _blend(network, side) if isinstance(network, BlendNet) else network


def _regressor(network: ReconNet, side: int) -> Layer:
    body = resnet(network.backbone, side)
    heads = torch.cat([head.weight.flatten(1) for head in network.final_layers])  # type: ignore[operator]
    bias = torch.cat([head.bias for head in network.final_layers])  # type: ignore[misc]
    return lambda x: functional.linear(body(x), heads, bias)


def _generator(network: MapGenerator, side: int) -> Layer:
    parts = list(network.model)
    layers: list[Layer] = []
    for index, part in enumerate(parts):
        if isinstance(part, GeneratorBlock):
            layers.append(_generator_block(part))
        elif isinstance(part, nn.ConvTranspose2d):
            layers += [_doubling(part), _instance_relu]
            side *= 2
        elif isinstance(part, nn.Conv2d) and index == len(parts) - 2:
            layers.append(_last(part))
        elif isinstance(part, nn.Conv2d):
            reach = 2 * 3 if part.kernel_size[0] == 7 else 0
            layers += [PackedConvolution(part, part.weight.detach(), None, side + reach), _instance_relu]
            side //= part.stride[0]
        elif isinstance(part, nn.ReflectionPad2d):
            layers.append(lambda x: functional.pad(x, (3, 3, 3, 3), mode="reflect"))

    def generate(x: Tensor) -> Tensor:
        for layer in layers:
            x = layer(x)
        return x.tanh_()

    return generate


def _doubling(convolution: nn.ConvTranspose2d) -> Layer:
    weight = convolution.weight.detach().clone(memory_format=torch.channels_last)
    return lambda x: functional.conv_transpose2d(x, weight, None, 2, 1, 1)


def _instance_norm(x: Tensor) -> Tensor:
    """Each channel of each picture to mean 0 and variance 1."""
    if len(x) == 1:
        return functional.batch_norm(x, None, None, training=True)
    return torch.cat([functional.batch_norm(one[None], None, None, training=True) for one in x])


def _instance_relu(x: Tensor) -> Tensor:
    return _instance_norm(x).relu_()


def _generator_block(block: GeneratorBlock) -> Layer:
    first, second = (part for part in block.conv_block if isinstance(part, nn.Conv2d))
    convolutions = [WinogradConvolution(part.weight.detach(), None, "reflect") for part in (first, second)]

    def run(x: Tensor) -> Tensor:
        return _instance_norm(convolutions[1](_instance_relu(convolutions[0](x)))).add_(x)

    return run


def _last(convolution: nn.Conv2d) -> Layer:
    """A 7x7 convolution to few channels, without padding."""
    outputs, channels, side = convolution.weight.shape[:3]
    weight = convolution.weight.detach().permute(2, 3, 0, 1).reshape(-1, channels).contiguous()
    assert convolution.bias is not None, "all convolutions of the generators have one"
    bias = convolution.bias.detach().clone()[:, None, None]

    def run(x: Tensor) -> Tensor:
        height, width = (length - side + 1 for length in x.shape[2:])
        found = []
        for picture in x.permute(0, 2, 3, 1):
            maps = (weight @ picture.reshape(-1, channels).T).view(side, side, outputs, *x.shape[2:])
            total = bias.expand(outputs, height, width).clone()
            for row in range(side):
                for column in range(side):
                    total += maps[row, column, :, row : row + height, column : column + width]
            found.append(total)
        return torch.stack(found)

    return run


def _blend(network: BlendNet, side: int) -> Layer:
    downs = [_double(network.inc.get_submodule("conv"), side)]
    for k in range(1, len(ENCODER)):
        downs.append(_double(network.get_submodule(f"down{k}.mpconv.1"), side >> k))
    deepest = len(DECODER)
    ups = [_double(network.get_submodule(f"up{k}.conv"), side >> deepest - k) for k in range(1, deepest + 1)]
    last = network.outc.get_submodule("conv")
    assert isinstance(last, nn.Conv2d)
    finish = PackedConvolution(last, last.weight.detach(), None if last.bias is None else last.bias.detach(), side)

    def blend(x: Tensor) -> Tensor:
        skips = [downs[0](x)]
        for down in downs[1:]:
            skips.append(down(functional.max_pool2d(skips[-1], 2)))
        x = skips.pop()
        for up in ups:
            x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
            x = up(torch.cat((skips.pop(), x), 1))
        return finish(x).sigmoid_()

    return blend


def _double(module: nn.Module, side: int) -> Layer:
    assert isinstance(module, DoubleConvolution)
    parts = list(module.conv)
    first, second = (_wide(parts[k], parts[k + 1], side) for k in (0, 3))  # type: ignore[arg-type]
    return lambda x: second(first(x))


def _wide(convolution: nn.Conv2d, norm: nn.BatchNorm2d, side: int) -> Layer:
    """A 3x3 convolution with normalisation and ReLU, by whichever way is faster."""
    weight, bias = folded(convolution, norm)
    if side % 4 == 0 and weight.shape[0] * weight.shape[1] >= WINOGRAD:
        return WinogradConvolution(weight, bias, "constant", slope=0.0)
    return PackedConvolution(convolution, weight, bias, side, slope=0.0)
