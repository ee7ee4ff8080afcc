"""Weights of MVF-Net from the published `net.pth`, a bare list of tensors, to one safetensors file."""

from __future__ import annotations

from pathlib import Path

from maquette.core.errors import BadInput
from maquette.weights.convert import pytorch
from maquette.weights.convert.layers import Layers, convolution, norm
from maquette.weights.convert.pytorch import STATISTICS, Converted, Shapes

KIND, NETWORK = "MVF-Net", "mvfnet"
WIDTHS = (3, 64, 128, 256, 256, 512, 512, 512)


def convert(source: Path, target: Path) -> Converted:
    """Write the weights as one safetensors file.

    Raises:
        BadInput: a file cannot be read or written, or it is another network.
    """
    if target.exists() and source.exists() and target.samefile(source):
        raise BadInput(f"{target}: is a source itself: name another file with -o")
    tensors, ignored = pytorch.network_of(pytorch.load(source), NETWORK, shapes(), source, KIND)
    facts = {"network": NETWORK, "source": source.name}
    pytorch.save({key: value.float().contiguous() for key, value in tensors.items()}, facts, target)
    learned = sum(value.numel() for key, value in tensors.items() if STATISTICS not in key)
    return Converted(target, learned, ignored=ignored)


def shapes() -> Shapes:
    """Every tensor and its shape, without counters of batches.

    Example:
        >>> len(shapes())
        50
    """
    return dict(_layers())


def _layers() -> Layers:
    for number in range(1, len(WIDTHS)):
        yield from convolution(f"layer1.conv{number}", (WIDTHS[number], WIDTHS[number - 1], 3, 3))
        yield from norm(f"layer1.bn{number}", WIDTHS[number])
    yield from convolution("fc_3dmm.fc1", (768, 1536))
    yield from convolution("fc_3dmm.fc2", (228, 768))
    yield from convolution("fc_pose.fc3", (256, 512))
    yield from convolution("fc_pose.fc4", (7, 256))
