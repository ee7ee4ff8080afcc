"""The story of `maquette upscale`: photos -> larger photos. Writing them is the caller's part."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from numpy.typing import NDArray

from maquette.core.device import usable_device
from maquette.core.errors import BadInput
from maquette.core.job import Job, Progress, silent
from maquette.core.options import SourceOptions, UpscaleOptions
from maquette.core.process import refuse_forked
from maquette.core.result import Failure
from maquette.core.types import Frame
from maquette.imaging.upscale import method, transparency
from maquette.sources import photos as photo_files
from maquette.sources.naming import source_names


@dataclass(frozen=True, eq=False)
class Enlarged:
    """A photo that was made larger.

    Attributes:
        name: of its file, without ending. photo: the path as the caller gave it.
        opacity: (H, W) uint8 of the enlarged picture, or None where all of it is opaque.
    """

    name: str
    photo: str
    frame: Frame
    opacity: NDArray | None = None


def enlarge(
    photos: Sequence[str | Path], out: Path, wanted: UpscaleOptions, source: SourceOptions, progress: Progress = silent
) -> Iterator[Enlarged | Failure]:
    """Make each photo larger, one after another.

    Args:
        out: the folder in which the results will be written as NAME.png: none of the photos may be one of those.
        progress: called with the photo's name and the stage that begins.

    Raises:
        BadInput: an unknown method or factor; no such device; a fork, see `refuse_forked`. WeightsMissing: the network
            is not there.
    """
    refuse_forked()
    method.check(wanted.factor, wanted.method)
    usable_device(wanted.device)
    given = {os.path.realpath(photo) for photo in photos}

    def one(name: str, job: Job) -> Enlarged:
        photo, target = Path(job.photos[0]), out / f"{name}.png"
        if os.path.realpath(target) in given:
            raise BadInput(f"{photo}: {target} is one of the photos itself: choose another folder with -o")
        with job.stage("enlarging"):
            return Enlarged(name, str(photo), *_enlarged(photo, wanted, source))

    def work() -> Iterator[Enlarged | Failure]:
        for name, photo in source_names(photos):
            yield Job(name, [str(photo)], progress).attempt(partial(one, name))

    return work()


def _enlarged(photo: Path, wanted: UpscaleOptions, source: SourceOptions) -> tuple[Frame, NDArray | None]:
    """One photo, larger, and its opacity if it has any transparency.

    Raises:
        BadInput: not a photo, or the result would be too large.
    """
    frame, opacity = photo_files.read_layers(photo, source)
    width, height = (side * wanted.factor for side in frame.size)
    if width * height > wanted.max_result * 1e6:
        raise BadInput(
            f"{photo}: {width} x {height} would be {width * height / 1e6:.0f} megapixels, at most "
            f"{wanted.max_result:g} are written: make it smaller, take --factor 2 or raise --max-result"
        )
    weights = None if wanted.weights is None else Path(wanted.weights)
    if opacity is not None:
        frame = replace(frame, pixels=transparency.continued(frame.pixels, opacity))
        opacity = transparency.enlarged_opacity(opacity, wanted.factor, wanted.method)
    return method.upscaled(frame, wanted.factor, wanted.method, weights, wanted.compat, wanted.device), opacity
