"""The story of `maquette translate`: photos -> faces of another animal. Writing them is the caller's part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.device import usable_device
from maquette.core.job import Job, Progress, silent
from maquette.core.options import SourceOptions, TranslateOptions
from maquette.core.process import refuse_forked
from maquette.core.result import Failure
from maquette.core.types import Frame
from maquette.imaging.translate import method, placing
from maquette.imaging.translate.method import Translator
from maquette.imaging.upscale.method import upscaled
from maquette.perception.square import Square
from maquette.pipeline import references
from maquette.pipeline.references import square_of
from maquette.sources import photos as photo_files
from maquette.sources.naming import source_names

ENLARGED, ENLARGED_FROM = 4, 1.5  # times; pixels of the photo to one of the picture from which on it is enlarged


@dataclass(frozen=True, eq=False)
class Translation:
    """A photo whose animal became another.

    Attributes:
        name: of its file, without ending. photo: the path as the caller gave it.
        shows: what the pictures show, in one word. looks: what each is.
        crop: (S, S, 3) uint8, what was translated. pictures: (N, S, S, 3) uint8, in each look.
        photos: N times the photo, (H, W, 3) uint8, with the picture in its place; made one at a time.
        warnings: what to know, in plain words.
    """

    name: str
    photo: str
    shows: str
    looks: tuple[str, ...]
    crop: NDArray
    pictures: NDArray
    photos: Iterator[NDArray]
    warnings: tuple[str, ...] = ()


def translate(
    photos: Sequence[str | Path], wanted: TranslateOptions, source: SourceOptions, progress: Progress = silent
) -> Iterator[Translation | Failure]:
    """Translate each photo, one after another; all get the same looks.

    Raises:
        BadInput: an option or the reference cannot be used; a fork, see `refuse_forked`.
        WeightsMissing: the networks are not there.
    """
    refuse_forked()
    usable_device(wanted.device)
    translator = method.prepared(wanted, partial(references.crops, wanted, source))

    def one(name: str, job: Job) -> Translation:
        with job.stage("translating"):
            photo = Path(job.photos[0])
            return _translated(name, photo, photo_files.read(photo, source).pixels, wanted, translator)

    def work() -> Iterator[Translation | Failure]:
        for name, photo in source_names(photos):
            yield Job(name, [str(photo)], progress).attempt(partial(one, name))

    return work()


def _translated(name: str, photo: Path, pixels: NDArray, wanted: TranslateOptions, by: Translator) -> Translation:
    square, warnings = square_of(pixels, wanted)
    to_crop = square.to_crop(by.side)
    crop = placing.cropped(pixels, to_crop, by.side)
    pictures = by.draw(crop)
    photos = (_in_photo(pixels, square, crop, np.asarray(picture)) for picture in pictures)
    return Translation(name, str(photo), by.shows, by.looks, crop, pictures, photos, warnings)


def _in_photo(pixels: NDArray, square: Square, crop: NDArray, picture: NDArray) -> NDArray:
    """The photo with a picture in place of its crop: enlarged first where it is much smaller than the square."""
    if square.side > ENLARGED_FROM * len(picture):
        crop, picture = (upscaled(Frame(part), ENLARGED).pixels for part in (crop, picture))
    return placing.placed(pixels, picture, square.to_crop(len(picture)), crop)
