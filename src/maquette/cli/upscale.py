"""`maquette upscale PHOTO... -o OUT`: photos made two or four times larger."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from secrets import token_hex
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maquette.cli.flags import with_options
from maquette.cli.terminal import complain, one_line, progress_bar, quiet_libraries, say
from maquette.core.errors import BadInput, MaquetteError, gravest
from maquette.core.options import SourceOptions, UpscaleOptions

if TYPE_CHECKING:
    from maquette.core.types import Frame

FILM_DIAGONAL_MM = 43.27  # 36 x 24 mm, as in sources/photos.py
FOCAL_35MM = 0xA405  # EXIF FocalLengthIn35mmFilm, which no resize changes


@with_options(UpscaleOptions, SourceOptions)
def upscale(
    photos: Annotated[
        list[Path],
        # Not typer's own check, which refuses the whole command for one file that may not be read.
        typer.Argument(metavar="PHOTO...", help="Photos: JPEG, PNG, WebP, TIFF, BMP, HEIC.", readable=False),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder for the larger photos.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout, nothing else.")] = False,
    **options: Any,
) -> None:
    """Make photos larger; writes OUT/NAME.png and OUT/summary.json."""
    try:
        wanted, source = (kind(**{f.name: options[f.name] for f in fields(kind)}) for kind in _STAGES)
        with quiet_libraries():
            code = upscale_into(out, photos, wanted, source, as_json)
    except MaquetteError as error:
        if as_json:
            say(json.dumps({"done": [], "failed": [], "error": str(error)}))
        raise
    raise typer.Exit(code)


_STAGES = (UpscaleOptions, SourceOptions)


def upscale_into(
    out: Path, photos: Sequence[Path], wanted: UpscaleOptions, source: SourceOptions, as_json: bool
) -> int:
    """Make each photo larger and save it as it comes; the exit code is 0 if there is any result.

    Raises:
        BadInput: an unknown method, a folder that cannot be written.
        WeightsMissing: the network is not there.
    """
    from maquette.core.job import explained
    from maquette.imaging.upscale import method
    from maquette.outputs.result_folder import OutputFolder
    from maquette.sources.naming import source_names

    method.check(wanted.factor, wanted.method)
    folder = OutputFolder(out)
    done: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    codes, given, start = [2], {os.path.realpath(photo) for photo in photos}, perf_counter()
    named = source_names(photos)
    try:
        with progress_bar(len(named), shown=not as_json) as show:
            for name, photo in named:
                show(name, "enlarging")
                try:
                    folder.check_space()
                    row = _one(Path(photo), out / f"{name}.png", wanted, source, given)
                except ImportError:
                    raise
                except Exception as error:
                    told = explained(error, str(photo))
                    failed.append({"photo": str(photo), "error": str(told), "kind": type(told).__name__})
                    codes.append(told.exit_code)
                    complain(str(told))
                    continue
                done.append(row)
                if not as_json:
                    say(one_line(f"{photo}: {out / row['file']}, {row['width']} x {row['height']}"))
    finally:
        # Also after Ctrl-C, so that the summary tells of what lies there.
        summary = {"folder": str(out), "seconds": round(perf_counter() - start, 3), "done": done, "failed": failed}
        _write(out / "summary.json", json.dumps(summary, indent=2).encode())
    if as_json:
        say(json.dumps(summary))
    return 0 if done else gravest(codes)


def _one(
    photo: Path, target: Path, wanted: UpscaleOptions, source: SourceOptions, given: set[str]
) -> Mapping[str, Any]:
    """Enlarge one photo and write it; its row of the summary."""
    from maquette.imaging.upscale.method import upscaled
    from maquette.sources import photos

    if os.path.realpath(target) in given:
        raise BadInput(f"{photo}: {target} is one of the photos itself: choose another folder with -o")
    frame = photos.read(photo, source)
    width, height = (side * wanted.factor for side in frame.size)
    if width * height > wanted.max_result * 1e6:
        raise BadInput(
            f"{photo}: {width} x {height} would be {width * height / 1e6:.0f} megapixels, at most "
            f"{wanted.max_result:g} are written: make it smaller, take --factor 2 or raise --max-result"
        )
    weights = None if wanted.weights is None else Path(wanted.weights)
    large = upscaled(frame, wanted.factor, wanted.method, weights, wanted.compat)
    replaced = target.exists()
    _write(target, _png(large))
    row = {"photo": str(photo), "file": target.name, "width": width, "height": height, "replaced": replaced}
    return {**row, "factor": wanted.factor, "method": wanted.method}


def _png(frame: Frame) -> bytes:
    """The picture as PNG, with the focal length if it is known."""
    import io

    from PIL import Image

    buffer, exif = io.BytesIO(), Image.Exif()
    if frame.focal is not None:
        exif[FOCAL_35MM] = max(1, round(frame.focal * FILM_DIAGONAL_MM / float(sum(s**2 for s in frame.size)) ** 0.5))
    # Level 3: a quarter of the time of the usual 6 for files that are 3 % larger.
    Image.fromarray(frame.pixels).save(buffer, "PNG", compress_level=3, exif=exif)
    return buffer.getvalue()


def _write(path: Path, content: bytes) -> None:
    """Write a file beside its place and move it there."""
    beside = path.with_name(f".{path.name[:60]}-{token_hex(4)}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror or error}): choose another -o") from error
    finally:
        beside.unlink(missing_ok=True)
