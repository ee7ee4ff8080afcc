"""Weights of DECA's temporal encoders, and of the optical flow inside them, to safetensors.

A checkpoint of the published video training has the keys of `deca`, with 755 tensors in each encoder. None was ever
published; its flow is stored as it learned with it. The flow's own file is OpenMMLab's `spynet_20210409-c6c1bd09.pth`.
"""

from __future__ import annotations

from pathlib import Path

from maquette.core.errors import BadInput
from maquette.weights.convert import pytorch
from maquette.weights.convert.deca.networks import NETWORKS, OUTPUTS, code_layers, generator, written
from maquette.weights.convert.layers import Layers, convolution, norm, resnet50_stages
from maquette.weights.convert.pytorch import Converted, Shapes

KIND, FLOW = "DECA's video training", "SPyNet"
PASSES = ("backward_1", "forward_1", "backward_2", "forward_2")
WIDTHS = (8, 32, 64, 32, 16, 2)  # channels between the convolutions of the flow


def convert(source: Path, target: Path) -> Converted:
    """Write the weights of a checkpoint as one safetensors file.

    Raises:
        BadInput: a file cannot be read or written, or it is another network, as the single frame's is.
    """
    return written(source, target, {name: shapes(name) for name in NETWORKS}, KIND, "deca-tv")


def convert_spynet(source: Path, target: Path) -> Converted:
    """Write the weights of the optical flow as one safetensors file.

    Raises:
        BadInput: see `convert`.
    """
    if target.exists() and source.exists() and target.samefile(source):
        raise BadInput(f"{target}: is a source itself: name another file with -o")
    found = pytorch.load(source)
    if isinstance(found, dict) and "state_dict" in found:
        found = found["state_dict"]
    if isinstance(found, dict):
        found = {key: value for key, value in found.items() if key not in ("mean", "std")}
    tensors, _ = pytorch.network_of(found, "spynet", dict(flow("", buffers=False)), source, FLOW)
    facts = {"network": "spynet", "source": source.name}
    pytorch.save({key: value.float().contiguous() for key, value in tensors.items()}, facts, target)
    return Converted(target, sum(value.numel() for value in tensors.values()))


def shapes(name: str) -> Shapes:
    """Every tensor of a network and its shape, without counters of batches.

    Args:
        name: E_flame, E_detail or D_detail.

    Example:
        >>> len(shapes("E_flame"))
        667
    """
    return dict(generator() if name == "D_detail" else [*temporal_resnet("encoder"), *code_layers(OUTPUTS[name])])


def temporal_resnet(body: str) -> Layers:
    """The temporal encoder without its last layers."""
    yield from flow(f"{body}.spynet.")
    yield from convolution(f"{body}.head", (64, 3, 3, 3))
    for part in ("down1", "down2"):
        yield from _blocks(f"{body}.{part}.0")
        yield from convolution(f"{body}.{part}.1", (64, 64, 3, 3))
    for number, name in enumerate(PASSES):
        yield from convolution(f"{body}.rnn.deform_align.{name}", (64, 128, 3, 3))
        for place, (before, after) in zip((0, 2, 4, 6), ((196, 64), (64, 64), (64, 64), (64, 432))):
            yield from convolution(f"{body}.rnn.deform_align.{name}.conv_offset.{place}", (after, before, 3, 3))
        yield from _refining(f"{body}.rnn.backbone.{name}", 64 * (2 + number))
    yield from _refining(f"{body}.rnn.fusion", 320)
    yield from convolution(f"{body}.conv1", (64, 3, 7, 7), bias=False)
    yield from norm(f"{body}.bn1", 64)
    yield from resnet50_stages(body)


def _blocks(place: str) -> Layers:
    for k in range(5):
        yield from convolution(f"{place}.{k}.conv1", (64, 64, 3, 3))
        yield from norm(f"{place}.{k}.bn", 64)
        yield from convolution(f"{place}.{k}.conv2", (64, 64, 3, 3))


def _refining(place: str, before: int) -> Layers:
    yield from convolution(f"{place}.main.0", (64, before, 3, 3))
    yield from _blocks(f"{place}.main.2")


def flow(start: str, buffers: bool = True) -> Layers:
    """Six levels of five convolutions."""
    for name in ("mean", "std") if buffers else ():
        yield f"{start}{name}", (1, 3, 1, 1)
    for level in range(6):
        for k in range(5):
            place = f"{start}basic_module.{level}.basic_module.{k}.conv"
            yield from convolution(place, (WIDTHS[k + 1], WIDTHS[k], 7, 7))
