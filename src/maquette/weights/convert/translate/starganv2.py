"""Weights of StarGAN v2 from the published checkpoints' layout to one safetensors file.

`100000_nets_ema.ckpt` is a dictionary: `generator`, `mapping_network`, `style_encoder`; for people `fan` too, which is
left out. `100000_nets.ckpt` has `discriminator` beside them. Sizes are read off the tensors. All tensors are listed
here without torch. The published weights are under CC BY-NC 4.0: for copies that the user obtained so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log2
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maquette.core.errors import BadInput
from maquette.weights.convert import pytorch
from maquette.weights.convert.layers import Layers, convolution
from maquette.weights.convert.pytorch import Converted, Shapes

if TYPE_CHECKING:
    from torch import Tensor

NETWORKS = ("generator", "mapping_network", "style_encoder")
DISCRIMINATOR, LANDMARKS = "discriminator", "fan"
KIND = "StarGAN v2"
DOMAINS = {3: ("cat", "dog", "wild"), 2: ("female", "male")}  # published: the folders in alphabetical order
DEPTH = 4  # linear layers in each half of the mapping network
PUBLISHED_PIXELS = 2**14  # side times first width of the published networks
NUMBERS = ("side", "first", "widest", "latent", "style")
SIDES = (32, 1024)  # least and largest


@dataclass(frozen=True)
class StarSize:
    """Sizes of the networks.

    Attributes:
        side: width and height of a picture, pixels. domains: their names, in the order of their numbers.
        first: channels at full size; published 2^14 / side. widest: channels at most, and of the mapping network.
        high_pass: weight of the generator's high-pass filter; 0 without.
        latent: numbers that a style is drawn from. style: numbers of a style.
        blends: the generator has a fourth channel: how much of its picture is laid over the source (not published).
    """

    side: int = 256
    domains: tuple[str, ...] = ("cat", "dog", "wild")
    first: int = 64
    widest: int = 512
    high_pass: float = 0.0
    latent: int = 16
    style: int = 64
    blends: bool = False

    @property
    def channels(self) -> int:
        """That the generator makes."""
        return 4 if self.blends else 3

    def __post_init__(self) -> None:
        if not (SIDES[0] <= self.side <= SIDES[1] and log2(self.side).is_integer()):
            raise ValueError(f"side {self.side}: wanted a power of two, {SIDES[0]} to {SIDES[1]}")
        names = set(self.domains)
        if not names or len(names) < len(self.domains) or not all(name.isidentifier() for name in names):
            raise ValueError(f"domains {', '.join(self.domains)}: wanted different names of letters")
        if min(self.latent, self.style, self.first) < 1 or self.widest < self.first or not 0 <= self.high_pass < 1e6:
            raise ValueError(f"{self}: out of range")

    def widths(self, least: int) -> list[int]:
        """Channels before each halving, and after the last, down to so many pixels.

        Example:
            >>> StarSize().widths(16)
            [64, 128, 256, 512, 512]
        """
        return [min(self.first << k, self.widest) for k in range(int(log2(self.side // least)) + 1)]

    @property
    def bottom(self) -> int:
        """Pixels of the generator's smallest features."""
        return 8 if self.high_pass else 16

    @classmethod
    def of(cls, facts: Mapping[str, str]) -> StarSize:
        """Of a file's facts. Raises ValueError, KeyError or TypeError where they do not fit."""
        numbers = {name: int(facts[name]) for name in NUMBERS}
        names, blends = tuple(facts["domains"].split(",")), facts.get("blends", "0") == "1"
        return cls(domains=names, high_pass=float(facts["high_pass"]), blends=blends, **numbers)

    def facts(self) -> dict[str, str]:
        """As text, for a file's metadata."""
        numbers = {name: str(getattr(self, name)) for name in NUMBERS}
        blends = {"blends": "1"} if self.blends else {}
        return {"domains": ",".join(self.domains), "high_pass": f"{self.high_pass:g}", **numbers, **blends}


def convert(source: Path, target: Path, domains: Sequence[str] | None = None) -> Converted:
    """Write the weights of a checkpoint as one safetensors file.

    Args:
        source: 100000_nets_ema.ckpt (or of another step, or _nets.ckpt, whose weights are not averaged).
        target: the file to write; it is there whole or not at all.
        domains: their names in alphabetical order of the training's folders; by default cat, dog, wild for three,
            female, male for two.

    Raises:
        BadInput: a file cannot be read or written, or it is another network.
    """
    if target.exists() and source.exists() and target.samefile(source):
        raise BadInput(f"{target}: is a source itself: name another file with -o")
    found = pytorch.load(source)
    states = {name: pytorch.item(found, name, source, KIND) for name in NETWORKS}
    if DISCRIMINATOR in found:
        states[DISCRIMINATOR] = found[DISCRIMINATOR]
    for name, state in states.items():
        if not isinstance(state, Mapping):
            raise BadInput(f"{source}: {name}: wanted named tensors, got {type(state).__name__}")
    size = size_of(states, domains, source)
    tensors: dict[str, Tensor] = {}
    for name, state in states.items():
        tensors |= pytorch.network_of(state, name, network_shapes(name, size), source, KIND)[0]
    facts = {"network": "starganv2", "source": source.name, **size.facts()}
    plain = {key: value.float().contiguous() for key, value in tensors.items()}
    pytorch.save(plain, {"facts": json.dumps(facts)}, target)
    learned = sum(value.numel() for key, value in tensors.items() if not key.endswith("hpf.filter"))
    left_out = found.get(LANDMARKS)
    ignored = len(left_out) if isinstance(left_out, Mapping) else 0
    return Converted(target, learned, {"side": size.side, "domains": list(size.domains)}, ignored=ignored)


def size_of(states: Mapping[str, Any], domains: Sequence[str] | None, source: Path) -> StarSize:
    """Sizes of a checkpoint, read off its tensors.

    Raises:
        BadInput: they are missing, or no StarGAN has them.
    """

    plain = {
        name: {str(key).removeprefix(pytorch.WRAPPED): value for key, value in state.items()}
        for name, state in states.items()
    }

    def read(name: str, key: str, axis: int) -> int:
        shape = tuple(getattr(pytorch.item(plain[name], key, source, f"{KIND}'s {name}"), "shape", ()))
        if len(shape) <= axis:
            raise BadInput(f"{source}: {name}: {key} of {KIND} has the shape {shape}")
        return int(shape[axis])

    heads = {key.split(".")[1] for key in plain["mapping_network"] if key.startswith("unshared.")}
    names = tuple(domains) if domains else DOMAINS.get(len(heads), tuple(f"domain{k}" for k in range(len(heads))))
    if len(names) != len(heads):
        raise BadInput(f"{source}: has {len(heads)} domains, got names of {len(names)}: {', '.join(names)}")
    kernel = plain["generator"].get("hpf.filter")
    try:
        first = read("generator", "from_rgb.weight", 0)
        return StarSize(
            side=PUBLISHED_PIXELS // first,
            domains=names,
            first=first,
            widest=read("style_encoder", "unshared.0.weight", 1),
            high_pass=0.0 if kernel is None else round(8 / float(kernel[1, 1]), 6),
            latent=read("mapping_network", "shared.0.weight", 1),
            style=read("mapping_network", f"unshared.0.{2 * DEPTH - 2}.weight", 0),
        )
    except (ValueError, ArithmeticError, IndexError, TypeError) as error:
        raise BadInput(f"{source}: wanted a checkpoint of {KIND}: {error}") from error


def shapes(size: StarSize, discriminator: bool = False) -> Shapes:
    """Every tensor and its shape, by "network.key".

    Example:
        >>> len(shapes(StarSize())), len(shapes(StarSize(), discriminator=True))
        (177, 210)
    """
    names = (*NETWORKS, DISCRIMINATOR) if discriminator else NETWORKS
    return {f"{name}.{key}": shape for name in names for key, shape in network_shapes(name, size).items()}


def network_shapes(name: str, size: StarSize) -> Shapes:
    """Every tensor of one network and its shape."""
    listed = {
        "generator": _generator,
        "mapping_network": _mapping,
        "style_encoder": _style_encoder,
        DISCRIMINATOR: _discriminator,
    }
    return dict(listed[name](size))


def _block(place: str, before: int, after: int, normed: bool = False) -> Layers:
    yield from convolution(f"{place}.conv1", (before, before, 3, 3))
    yield from convolution(f"{place}.conv2", (after, before, 3, 3))
    for number in (1, 2) if normed else ():
        yield from convolution(f"{place}.norm{number}", (before,))
    if before != after:
        yield from convolution(f"{place}.conv1x1", (after, before, 1, 1), bias=False)


def _styled(place: str, before: int, after: int, style: int) -> Layers:
    yield from convolution(f"{place}.conv1", (after, before, 3, 3))
    yield from convolution(f"{place}.conv2", (after, after, 3, 3))
    for number, width in ((1, before), (2, after)):
        yield from convolution(f"{place}.norm{number}.fc", (2 * width, style))
    if before != after:
        yield from convolution(f"{place}.conv1x1", (after, before, 1, 1), bias=False)


def _generator(size: StarSize) -> Layers:
    """Down to 16 pixels (8 with a high-pass filter), two blocks, and the same up again."""
    wide = size.widths(size.bottom)
    levels = list(pairwise(wide))
    inner = [(wide[-1], wide[-1])] * 2
    yield from convolution("from_rgb", (wide[0], 3, 3, 3))
    for k, (before, after) in enumerate([*levels, *inner]):
        yield from _block(f"encode.{k}", before, after, normed=True)
    for k, (after, before) in enumerate([*inner, *reversed(levels)]):
        yield from _styled(f"decode.{k}", before, after, size.style)
    yield from convolution("to_rgb.0", (wide[0],))
    yield from convolution("to_rgb.2", (size.channels, wide[0], 1, 1))
    if size.high_pass:
        yield "hpf.filter", (3, 3)


def _mapping(size: StarSize) -> Layers:
    sizes = (size.latent, *[size.widest] * DEPTH, size.style)
    for k in range(DEPTH):
        yield from convolution(f"shared.{2 * k}", (sizes[k + 1], sizes[k]))
    for domain in range(len(size.domains)):
        for k in range(DEPTH):
            yield from convolution(f"unshared.{domain}.{2 * k}", (sizes[k + 2], sizes[k + 1]))


def _trunk(place: str, size: StarSize) -> Layers:
    """A picture to one pixel: down to four, and a convolution over these."""
    wide = size.widths(4)
    yield from convolution(f"{place}.0", (wide[0], 3, 3, 3))
    for k, (before, after) in enumerate(pairwise(wide), 1):
        yield from _block(f"{place}.{k}", before, after)
    yield from convolution(f"{place}.{len(wide) + 1}", (wide[-1], wide[-1], 4, 4))


def _style_encoder(size: StarSize) -> Layers:
    yield from _trunk("shared", size)
    for domain in range(len(size.domains)):
        yield from convolution(f"unshared.{domain}", (size.style, size.widths(4)[-1]))


def _discriminator(size: StarSize) -> Layers:
    yield from _trunk("main", size)
    last = int(log2(size.side)) + 2
    yield from convolution(f"main.{last}", (len(size.domains), size.widths(4)[-1], 1, 1))
