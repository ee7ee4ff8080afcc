"""Names and shapes of the tensors of usual layers, listed without torch."""

from __future__ import annotations

from collections.abc import Iterator

Layers = Iterator[tuple[str, tuple[int, ...]]]


def convolution(place: str, shape: tuple[int, ...], bias: bool = True, transposed: bool = False) -> Layers:
    """A convolution or a linear layer."""
    yield f"{place}.weight", shape
    if bias:
        yield f"{place}.bias", (shape[1 if transposed else 0],)


def norm(place: str, width: int) -> Layers:
    """Batch normalisation, without its counter."""
    for name in ("weight", "bias", "running_mean", "running_var"):
        yield f"{place}.{name}", (width,)


def resnet50(body: str) -> Layers:
    """ResNet-50 without a classifier."""
    yield from convolution(f"{body}.conv1", (64, 3, 7, 7), bias=False)
    yield from norm(f"{body}.bn1", 64)
    yield from resnet50_stages(body)


def resnet50_stages(body: str) -> Layers:
    """The four stages alone."""
    before = 64
    for stage, (narrow, count) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for k in range(count):
            place = f"{body}.layer{stage}.{k}"
            for number, (inside, after, side) in enumerate(
                ((before, narrow, 1), (narrow, narrow, 3), (narrow, 4 * narrow, 1)), 1
            ):
                yield from convolution(f"{place}.conv{number}", (after, inside, side, side), bias=False)
                yield from norm(f"{place}.bn{number}", after)
            if k == 0:
                yield from convolution(f"{place}.downsample.0", (4 * narrow, before, 1, 1), bias=False)
                yield from norm(f"{place}.downsample.1", 4 * narrow)
            before = 4 * narrow
