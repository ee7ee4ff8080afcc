"""Pictures of more than 8 bits a sample, which Pillow refuses (floats in colour) or cuts to their upper 8 bits."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin
from PIL.ExifTags import Base

DEPTHS = (8, 10, 12, 14, 16)  # bits of a sensor that may fill a 16-bit file
FEWER_BITS = 64  # upper byte below which 16-bit samples have at most 14 bits
FLOATS = 3  # TIFF SampleFormat
READ_BY_OPENCV = (32, 64)  # bits of floats; half floats and planes one after another it does not know
KINDS = {1: "whole numbers", 2: "signed whole numbers", FLOATS: "floats"}
STRIP = 1024  # rows at a time: floats of 100 megapixels would not fit the memory limit


def eight_bits(values: NDArray) -> NDArray:
    """Samples of any type scaled to uint8: the full range of the type or of the sensor, not that of the picture.

    Floats count as 0-1 unless there are larger ones, which become the white; so it is with 32-bit whole numbers.
    Values in 16 bits that fill only 8, 10, 12 or 14 of them are those of such a sensor.
    """
    top = _white(values)
    scaled = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), STRIP):
        strip = np.nan_to_num(values[start : start + STRIP].astype(np.float32), posinf=top, neginf=0.0)
        scaled[start : start + STRIP] = np.clip(strip * np.float32(255.0 / top) + 0.5, 0, 255)
    return scaled


def _white(values: NDArray) -> float:
    """The value that becomes 255."""
    if values.dtype.kind == "f":
        return max(1.0, *(_largest(values[start : start + STRIP]) for start in range(0, len(values), STRIP)))
    largest = int(values.max(initial=0))
    return next((2.0**bits - 1 for bits in DEPTHS if largest < 2**bits), float(largest))


def _largest(values: NDArray) -> float:
    return float(values.max(initial=0.0, where=np.isfinite(values)))


def has_sixteen_bits(image: Image.Image) -> bool:
    """Whether the samples of a picture that is not loaded yet have 16 bits in the file."""
    return any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))


def stretched(path: Path, image: Image.Image) -> Image.Image | None:
    """A colour picture of 16-bit samples that fill few of their bits, in full range and as stored; else None.

    Args:
        image: as Pillow loaded it, which keeps the upper byte of each sample.
    """
    if image.mode not in ("L", "LA", "RGB", "RGBA"):
        return None
    colours = [image.getchannel(band) for band in image.getbands() if band != "A"]
    if max(int(np.asarray(channel).max(initial=0)) for channel in colours) >= FEWER_BITS:
        return None
    facts = tiff_facts(path)
    if facts is not None and not facts.is_interleaved:
        return None
    values = samples(path, facts)
    if values is None or values.dtype != np.uint16:
        return None
    return _picture(values, image.info.get("icc_profile"))


@dataclass(frozen=True)
class TiffFacts:
    """What the first directory of a TIFF says.

    Attributes:
        size: width, height. bits, kind: of a sample, `KINDS` names the latter. is_interleaved: whether the samples of a
            pixel lie together. orientation: as in EXIF. profile: ICC, or None. ends: bytes that the file must have.
        place: byte at which the directory begins.
    """

    size: tuple[int, int]
    bits: int
    kind: int
    is_interleaved: bool
    orientation: int
    profile: bytes | None
    ends: int
    place: int


def tiff_facts(path: Path) -> TiffFacts | None:
    """The facts of a TIFF; None for other files and broken ones."""
    tags = TiffImagePlugin
    try:
        with path.open("rb") as file:
            head = file.read(8)
            directory = tags.ImageFileDirectory_v2(head + (file.read(8) if b"+" in head[2:4] else b""))
            place = directory.next
            file.seek(place)
            directory.load(file)
        starts = directory.get(tags.STRIPOFFSETS) or directory[tags.TILEOFFSETS]
        counts = directory.get(tags.STRIPBYTECOUNTS) or directory[tags.TILEBYTECOUNTS]
        return TiffFacts(
            (int(directory[tags.IMAGEWIDTH]), int(directory[tags.IMAGELENGTH])),
            int(directory.get(tags.BITSPERSAMPLE, (1,))[0]),
            int(directory.get(tags.SAMPLEFORMAT, (1,))[0]),
            directory.get(tags.PLANAR_CONFIGURATION, 1) == 1,
            int(directory.get(Base.Orientation, 1)),
            directory.get(tags.ICCPROFILE),
            max(start + count for start, count in zip(starts, counts)),
            place,
        )
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, struct.error):
        return None


def float_tiff(path: Path, facts: TiffFacts) -> Image.Image | str:
    """A TIFF that Pillow does not know, scaled to 8 bits, its orientation as EXIF; or why it cannot be read."""
    if facts.kind != FLOATS or facts.bits not in READ_BY_OPENCV or not facts.is_interleaved:
        kind = KINDS.get(facts.kind, "samples of another kind")
        order = "" if facts.is_interleaved else ", one plane per colour"
        return f"a TIFF of {facts.bits}-bit {kind}{order}, which is not read: export it with 8 or 16 bits a sample"
    values = samples(path, facts) if path.stat().st_size >= facts.ends else None
    if values is None or values.dtype.kind != "f":
        return f"a TIFF of {facts.bits}-bit floats, damaged or truncated: copy or export it again"
    picture = _picture(values, facts.profile)
    picture.getexif()[Base.Orientation] = facts.orientation
    return picture


def samples(path: Path, facts: TiffFacts | None = None) -> NDArray | None:
    """Samples as stored, (H, W) or (H, W, 3 or 4) RGB; None for what OpenCV cannot read.

    Args:
        facts: of a TIFF, which some versions of OpenCV turn upright and others do not: the tag is taken out.
    """
    import cv2

    data = path.read_bytes()
    if facts is not None and facts.orientation != 1:
        is_big = b"+" in data[2:4]  # BigTIFF, whose counts have 64 bits
        entry = ("<" if data[:1] == b"I" else ">") + ("HHQH" if is_big else "HHIH")
        turned, upright = (struct.pack(entry, Base.Orientation, 3, 1, value) for value in (facts.orientation, 1))
        head, tags = data[: facts.place], data[facts.place :]
        data = head + tags.replace(turned, upright, 1)
    try:
        values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if values is None or values.ndim == 2:
        return values
    return values[..., [2, 1, 0, 3][: values.shape[2]]]


def _picture(values: NDArray, profile: bytes | None) -> Image.Image:
    """Samples scaled to 8 bits, transparency apart from the colours."""
    scaled = eight_bits(values[..., :3] if values.ndim == 3 else values)
    if values.ndim == 3 and values.shape[2] == 4:
        scaled = np.dstack([scaled, eight_bits(values[..., 3])])
    picture = Image.fromarray(scaled)
    if profile:
        picture.info["icc_profile"] = profile
    return picture
