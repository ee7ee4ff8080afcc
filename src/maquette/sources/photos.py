"""One photo file to one upright sRGB Frame: every common format, colour mode and orientation."""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import SupportsFloat

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from maquette.core.errors import BadInput, ExtraMissing
from maquette.core.options import SourceOptions
from maquette.core.types import Frame
from maquette.sources import bit_depth, costly

DEFAULTS = SourceOptions()
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "PPM", "JPEG2000", "AVIF", "HEIF")
WANTED = "wanted a photo (JPEG, PNG, WebP, TIFF, BMP, AVIF, HEIC)"
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
FILM_DIAGONAL_MM = 43.27  # 36 x 24 mm, CIPA DCG-001: the meaning of "35 mm equivalent"
SANE_FOCAL = (0.2, 30.0)  # in picture diagonals: fisheye to long telephoto; anything else is a broken tag
MILLIMETRES_PER_UNIT = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}  # EXIF FocalPlaneResolutionUnit
PLAIN_MODES = ("L", "RGB", "RGBA")
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# What Pillow's decoders raise on damaged files, beside OSError; RuntimeError is that of AVIF.
DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    RuntimeError,
    ArithmeticError,
    AttributeError,
    struct.error,
    zlib.error,
)

_pillow_limit = threading.Lock()


def read(path: str | Path, options: SourceOptions = DEFAULTS) -> Frame:
    """Read one photo, upright and in sRGB; of an animation, the first picture.

    Transparency is laid on white, 16-bit values and floats are scaled to 8 bits (see `bit_depth`), an embedded colour
    profile is applied.

    Args:
        path: a file; any name the system allows.
        options: `max_megapixels` is checked against the header, before anything is decoded.

    Returns:
        A Frame whose `pixels` are (H, W, 3) uint8 sRGB and whose `focal` is in pixels of that picture if the
        file's EXIF has it.

    Raises:
        BadInput: one line: missing, a directory, unreadable, empty, not an image, truncated or too large.
        ExtraMissing: a HEIC file, and pillow-heif is not installed.
    """
    (picture,), focal = _read(Path(path), options, lambda image: [_srgb(image)])
    return Frame(picture, origin=str(path), focal=focal)


def read_layers(path: str | Path, options: SourceOptions = DEFAULTS) -> tuple[Frame, NDArray | None]:
    """As `read`, but colours and transparency apart, for those who give a picture back as they got it.

    Returns:
        frame: colours that are not laid on white; where nothing is visible they are whatever the file holds.
        opacity: (H, W) uint8, 255 for what hides all behind it; None for a picture that does so everywhere.
    """
    layers, focal = _read(Path(path), options, _layers)
    opacity = layers[1] if len(layers) > 1 and (layers[1] < 255).any() else None
    return Frame(layers[0], origin=str(path), focal=focal), opacity


def read_samples(path: str | Path, options: SourceOptions = DEFAULTS) -> NDArray:
    """The samples of a picture that maquette wrote, as they are stored: no orientation, no profile, nothing scaled.

    Returns:
        (H, W), (H, W, 3) or (H, W, 4), uint8, or uint16 where the file has 16 bits.

    Raises:
        BadInput: see `read`; also a palette or another mode.
    """
    path = Path(path)
    _first_bytes(path)
    with _unlimited_pillow(), _opened(path, options) as image:
        _refuse_giant(path, image.size, options)
        is_deep = bit_depth.has_sixteen_bits(image)
        if not is_deep and image.mode not in PLAIN_MODES:
            raise BadInput(f"{named(path)}: wanted grey or colours of 8 or 16 bits, got mode {image.mode}")
        try:
            found = bit_depth.samples(path) if is_deep else np.asarray(image)
        except DECODER_ERRORS as error:
            raise BadInput(f"{named(path)}: the picture is damaged or truncated ({_one_line(error)})") from error
    if found is None:
        raise BadInput(f"{named(path)}: the picture is damaged or truncated")
    return found


def _read(
    path: Path, options: SourceOptions, finish: Callable[[Image.Image], list[Image.Image]]
) -> tuple[list[NDArray], float | None]:
    """What `finish` makes of the loaded picture, turned upright, and the focal length in pixels."""
    head = _first_bytes(path)
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS:
        _enable_heic(path)
    if costly.endless_head(path):
        raise BadInput(
            f"{named(path)}: its size does not stand in its first {costly.PLAIN_HEAD} bytes: export it again"
        )
    with _unlimited_pillow(), _opened(path, options) as image:
        _refuse_giant(path, image.size, options)
        if why := costly.too_costly(path, image.format or "", image.size, options.max_megapixels):
            raise BadInput(f"{named(path)}: has {why}")
        is_deep = bit_depth.has_sixteen_bits(image)  # asked first: reading the EXIF of a PNG loads it
        exif = _exif(image)
        focal = _focal(exif, image.size)
        try:
            image.load()
        except MemoryError as error:
            raise BadInput(
                f"{named(path)}: too little memory for {image.width} x {image.height} pixels: make it smaller"
            ) from error
        except DECODER_ERRORS as error:
            raise BadInput(
                f"{named(path)}: the picture is damaged or truncated ({_one_line(error)}): copy or export it again"
            ) from error
        full = bit_depth.stretched(path, image) if is_deep else None
        # Asked for again: Pillow turns a TIFF upright while it loads, and then drops the tag.
        turned = _exif(image) if full is None else exif
        flip = UPRIGHT.get(int(_number(turned, ExifTags.Base.Orientation)))
        layers = finish(image if full is None else full)
        return [np.asarray(layer if flip is None else layer.transpose(flip)) for layer in layers], focal


def named(path: Path) -> str:
    """The path as text that stays on one line."""
    return _one_line(str(path)) or "."


def _one_line(thing: object) -> str:
    text = "".join(c if c.isprintable() else " " for c in str(thing))
    return " ".join(text.split())


def _first_bytes(path: Path) -> bytes:
    """The first 16 bytes.

    Raises:
        BadInput: anything but a readable file that holds something.
    """
    try:
        if path.is_dir():
            raise BadInput(f"{named(path)}: is a folder, {WANTED}: give the files in it")
        if path.exists() and not path.is_file():
            raise BadInput(f"{named(path)}: is not a regular file, {WANTED}")
        with path.open("rb") as file:
            head = file.read(16)
    except FileNotFoundError as error:
        raise BadInput(f"{named(path)}: no such file, {WANTED}: check the name") from error
    except PermissionError as error:
        raise BadInput(f"{named(path)}: may not be read (permission denied): change its permissions") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise BadInput(f"{named(path)}: cannot be read ({_one_line(why)}): check the name") from error
    if not head:
        raise BadInput(f"{named(path)}: is empty (0 bytes), {WANTED}: copy it again")
    return head


def _enable_heic(path: Path) -> None:
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise ExtraMissing(f"{named(path)}: HEIC needs an extra: pip install maquette[heic]") from error
    register_heif_opener()


@contextmanager
def _unlimited_pillow() -> Iterator[None]:
    """Lift Pillow's own bomb limit, which knows nothing of `max_megapixels`, and its warnings on odd metadata."""
    with _pillow_limit, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _opened(path: Path, options: SourceOptions) -> Image.Image:
    Image.init()
    try:
        return Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN])
    except UnidentifiedImageError as error:
        facts = bit_depth.tiff_facts(path)
        if facts is not None:
            _refuse_giant(path, facts.size, options)
            found = bit_depth.float_tiff(path, facts)
            if isinstance(found, str):
                raise BadInput(f"{named(path)}: is {found}") from error
            return found
        raise BadInput(f"{named(path)}: is not an image, or damaged from its first bytes; {WANTED}") from error
    except DECODER_ERRORS as error:
        raise BadInput(f"{named(path)}: cannot be opened ({_one_line(error)}); {WANTED}") from error


def _refuse_giant(path: Path, size: tuple[int, int], options: SourceOptions) -> None:
    megapixels = size[0] * size[1] / 1e6
    if megapixels > options.max_megapixels:
        raise BadInput(
            f"{named(path)}: {size[0]} x {size[1]} is {megapixels:.0f} megapixels, "
            f"at most {options.max_megapixels:g} are read: make it smaller or raise --max-megapixels"
        )


def _exif(image: Image.Image) -> dict[int, object]:
    """EXIF tags of the main and the camera directory; empty if there are none or they are broken."""
    try:
        exif = image.getexif()
        return {**exif.get_ifd(ExifTags.IFD.Exif), **exif}
    except DECODER_ERRORS:
        return {}


def _number(exif: dict[int, object], tag: int) -> float:
    """The tag as a finite positive number, else 0."""
    found = exif.get(tag, 0)
    if not isinstance(found, SupportsFloat | str | bytes):
        return 0.0
    try:
        value = float(found)
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0
    return value if np.isfinite(value) and value > 0 else 0.0


def _focal(exif: dict[int, object], size: tuple[int, int]) -> float | None:
    """Focal length in pixels from EXIF, or None. Turning the picture upright does not change it.

    The 35 mm equivalent is defined over the diagonal. Otherwise FocalLength and the pixels per unit of the sensor,
    which count the camera's own pixels (PixelXDimension), not those of a later resize.

    Args:
        size: stored (width, height) in pixels, before the picture is turned upright.
    """
    diagonal = float(np.hypot(*size))
    equivalent = _number(exif, ExifTags.Base.FocalLengthIn35mmFilm)
    length = _number(exif, ExifTags.Base.FocalLength)
    resolution = _number(exif, ExifTags.Base.FocalPlaneXResolution)
    unit = MILLIMETRES_PER_UNIT.get(int(_number(exif, ExifTags.Base.FocalPlaneResolutionUnit) or 2))
    focal = None
    if equivalent:
        focal = equivalent * diagonal / FILM_DIAGONAL_MM
    elif length and resolution and unit:
        resize = size[0] / (_number(exif, ExifTags.Base.ExifImageWidth) or size[0])
        focal = length * resolution / unit * resize
    sane = focal is not None and SANE_FOCAL[0] <= focal / diagonal <= SANE_FOCAL[1]
    return focal if sane else None


def _srgb(image: Image.Image) -> Image.Image:
    """Any mode to 8-bit RGB in sRGB, on white."""
    profile, image = image.info.get("icc_profile"), _simple(image)
    if image.mode != "RGBA":
        image = _profiled(image, profile)
        return image if image.mode == "RGB" else image.convert("RGB")
    flat = Image.new("RGB", image.size, "white")
    flat.paste(image, mask=image.getchannel("A"))
    return _profiled(flat, profile)


def _layers(image: Image.Image) -> list[Image.Image]:
    """Any mode to 8-bit RGB in sRGB, and the opacity if the mode has one."""
    simple = _simple(image)
    if simple.mode != "RGBA":
        return [_srgb(image)]
    return [_profiled(simple.convert("RGB"), image.info.get("icc_profile")), simple.getchannel("A")]


def _simple(image: Image.Image) -> Image.Image:
    """Any mode to one of 8 bits without a palette, RGBA if it has transparency."""
    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(bit_depth.eight_bits(np.asarray(image)))
    if image.mode == "1":
        image = image.convert("L")
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("RGB") if image.mode == "P" else image


def _profiled(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert from the embedded profile to sRGB; a profile that is broken or of another mode counts as sRGB."""
    if not profile:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in (ImageCms.getProfileDescription(source) or "").lower() and image.mode == "RGB":
            return image
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB") or image
    except (ImageCms.PyCMSError, *DECODER_ERRORS):
        return image
