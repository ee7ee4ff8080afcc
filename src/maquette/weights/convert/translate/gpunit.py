"""Weights of GP-UNIT's second stage (and of PFC-UNIT, which has the same networks) to one safetensors file.

A checkpoint is a dictionary with `g_ema` and `sampler`; the content encoder has a file of its own, a bare list of
tensors. All tensors are listed here without torch. The published weights are non-commercial (S-Lab): for copies that
the user obtained so.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from maquette.core.errors import BadInput
from maquette.weights.convert import pytorch
from maquette.weights.convert.layers import Layers, convolution, norm
from maquette.weights.convert.pytorch import STATISTICS, Converted, Shapes

if TYPE_CHECKING:
    from torch import Tensor

NETWORKS = ("content", "generator", "sampler")
KIND = "GP-UNIT"
CONTENT = (64, 128, 256, 512, 512)
WIDTHS = (1, 512, 512, 256, 128, 64, 64)
SKIPS = {1: 1, 2: 512}  # layer of the generator: channels of the state that it gets
VECTORS = ("_u", "_v")  # of spectral norms: no learned numbers


def convert(source: Path, content: Path, target: Path) -> Converted:
    """Write the weights of both files as one safetensors file.

    Args:
        source: a checkpoint of the second stage (cat2dog.pt, say). content: content_encoder.pt.
        target: the file to write; it is there whole or not at all.

    Raises:
        BadInput: a file cannot be read or written, or it is another network.
    """
    for path in (source, content):
        if target.exists() and path.exists() and target.samefile(path):
            raise BadInput(f"{target}: is a source itself: name another file with -o")
    found = pytorch.load(source)
    states = {
        "content": (pytorch.load(content), content),
        "generator": (pytorch.item(found, "g_ema", source, KIND), source),
        "sampler": (pytorch.item(found, "sampler", source, KIND), source),
    }
    tensors: dict[str, Tensor] = {}
    ignored = 0
    for name, (state, path) in states.items():
        more, counters = pytorch.network_of(state, name, shapes(name), path, KIND)
        tensors, ignored = tensors | more, ignored + counters
    facts = {"network": "gpunit", "source": source.name}
    pytorch.save({key: value.float().contiguous() for key, value in tensors.items()}, facts, target)
    learned = sum(v.numel() for k, v in tensors.items() if STATISTICS not in k and not k.endswith(VECTORS))
    return Converted(target, learned, ignored=ignored)


def shapes(name: str) -> Shapes:
    """Every tensor of a network and its shape, without counters of batches.

    Args:
        name: content, generator or sampler.

    Example:
        >>> len(shapes("content")), len(shapes("generator")), len(shapes("sampler"))
        (48, 114, 11)
    """
    listed = {"content": _content, "generator": _generator, "sampler": _sampler}
    return dict(listed[name]())


def _content() -> Layers:
    before = 3
    pairs = []
    for after in CONTENT:
        inner = max(before, CONTENT[0])
        pairs += [(before, inner), (inner, after)]
        before = after
    pairs += [(before, before), (before, 1)]
    for k, (inside, outside) in enumerate(pairs):
        place = f"layer{k // 2 + 1}.{k % 2}.conv"
        yield f"{place}.weight_orig", (outside, inside, 3, 3)
        yield f"{place}.bias", (outside,)
        yield f"{place}.weight_u", (outside,)
        yield f"{place}.weight_v", (inside * 9,)


def _block(place: str, before: int, after: int) -> Layers:
    yield from convolution(f"{place}.conv_0", (after, before, 3, 3))
    yield from convolution(f"{place}.conv_1", (after, after, 3, 3))
    yield from convolution(f"{place}.norm_0.style", (2 * before, 256))
    yield from convolution(f"{place}.norm_1.style", (2 * after, 256))
    if before != after:
        yield from convolution(f"{place}.conv_s", (after, before, 1, 1), bias=False)
        yield from convolution(f"{place}.norm_s.style", (2 * before, 256))


def _generator() -> Layers:
    widths = (3, 64, 128, 256, 256, 256, 256)
    for k, (before, after) in enumerate(pairwise(widths)):
        side = 4 if k else 7
        yield from convolution(f"style_encoder.model.{2 * k}", (after, before, side, side))
    for k, (before, after) in enumerate(((256, 64), (64, 256), (256, 256))):
        yield from convolution(f"style_encoder.mlp.{2 * k}", (after, before))
    for k, (before, after) in enumerate(pairwise(WIDTHS)):
        yield from _block(f"model.{k}.reslayer", before, after)
        if k == 0:
            yield from _block(f"model.{k}.postlayer", after, after)
        yield from convolution(f"model.{k}.rgblayer", (3, after, 7, 7))
        if k in SKIPS:
            yield from convolution(f"model.{k}.skiplayer.trans", (after, SKIPS[k], 3, 3))
            for name in ("reset", "mask", "update"):
                yield from convolution(f"model.{k}.skiplayer.{name}", (after, 2 * after, 3, 3))


def _sampler() -> Layers:
    for k in (1, 2):
        yield from convolution(f"lin{k}", (128, 128), bias=False)
        yield from norm(f"bn{k}", 128)
    yield from convolution("lin_out", (256, 128), bias=False)
