"""Photos whose looks others take, and the square that is cut from each photo."""

from __future__ import annotations

from pathlib import Path

from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.options import SourceOptions, TranslateOptions
from maquette.imaging.translate.placing import cropped
from maquette.perception.pets.aligned import aligned_face
from maquette.perception.pets.windows import face_square, middle_square
from maquette.perception.square import Square
from maquette.sources import photos as photo_files

NOT_FOUND = "no animal's face was found: the middle of the photo was taken"


def crops(wanted: TranslateOptions, source: SourceOptions, side: int) -> list[NDArray]:
    """(S, S, 3) uint8 of each reference photo, cut as the photos are.

    Raises:
        BadInput: one cannot be read.
    """
    frames = [photo_files.read(path, source).pixels for path in paths(wanted)]
    return [cropped(pixels, square_of(pixels, wanted)[0].to_crop(side), side) for pixels in frames]


def paths(wanted: TranslateOptions) -> list[Path]:
    """The files that the option names; a comma parts them, unless it belongs to the one name.

    Example:
        >>> [path.name for path in paths(TranslateOptions("dog", reference="a.jpg, b.jpg"))]
        ['a.jpg', 'b.jpg']
    """
    if not wanted.reference:
        return []
    if Path(wanted.reference).is_file():
        return [Path(wanted.reference)]
    found = [Path(part.strip()) for part in wanted.reference.split(",") if part.strip()]
    if not found:
        raise BadInput(f"reference {wanted.reference!r}: wanted a photo, or several with commas")
    return found


def square_of(pixels: NDArray, wanted: TranslateOptions) -> tuple[Square, tuple[str, ...]]:
    """Where the animal's face is, and what to say of it."""
    if wanted.crop == "middle":
        return middle_square(pixels), ()
    found = aligned_face(pixels, wanted.device) or face_square(pixels)
    return (found, ()) if found else (middle_square(pixels), (NOT_FOUND,))
