"""A folder of pictures as a clip: in the order of their names, 25 a second."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from maquette.core.errors import BadInput
from maquette.core.options import SourceOptions
from maquette.core.types import Frame
from maquette.sources.packets import Timeline
from maquette.sources.photos import read

RATE = 25
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of their names, numbers by their value; none where it is no folder.

    Example:
        frame2.png comes before frame10.png.
    """
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if path.suffix.lower() in PICTURES and not path.name.startswith(".")]
    return sorted(found, key=lambda path: [(not part.isdigit(), int(part or 0) if part.isdigit() else 0, part)
                                           for part in re.split(r"(\d+)", path.name)])  # fmt: skip


def timeline_of(count: int) -> Timeline:
    """The times of so many pictures."""
    stamps = np.arange(count, dtype=np.int64)
    return Timeline(stamps, stamps, Fraction(1, RATE))


def read_series(paths: Sequence[Path], numbers: Sequence[int], lost: set[int], megapixels: float) -> Iterator[
    tuple[int, Frame]
]:  # fmt: skip
    """These pictures, each with its number; those that cannot be read, or differ in size from the first, are `lost`."""
    options, size = SourceOptions(max_megapixels=megapixels), None
    for number in numbers:
        try:
            frame = read(paths[number], options)
        except BadInput:
            lost.add(number)
            continue
        size = size or frame.size
        if frame.size != size:
            lost.add(number)
            continue
        yield number, replace(frame, time=number / RATE, origin=f"{paths[number].parent} frame {number}")
