"""A photo that was made larger, as PNG."""

from __future__ import annotations

import io

from maquette.core.types import Frame

FILM_DIAGONAL_MM = 43.27  # 36 x 24 mm, as in sources/photos.py
FOCAL_35MM = 0xA405  # EXIF FocalLengthIn35mmFilm, which no resize changes
COMPRESSION = 3  # a quarter of the time of the usual 6 for files that are 3 % larger


def enlarged_png(frame: Frame) -> bytes:
    """The picture, with the focal length if it is known."""
    from PIL import Image

    buffer, exif = io.BytesIO(), Image.Exif()
    if frame.focal is not None:
        exif[FOCAL_35MM] = max(1, round(frame.focal * FILM_DIAGONAL_MM / float(sum(s**2 for s in frame.size)) ** 0.5))
    Image.fromarray(frame.pixels).save(buffer, "PNG", compress_level=COMPRESSION, exif=exif)
    return buffer.getvalue()
