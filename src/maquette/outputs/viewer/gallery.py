"""Pages for what lies in folders already: a page beside a GLB that has none, and a gallery of many results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from maquette.core.errors import BadInput
from maquette.core.files import unwritable, write_whole
from maquette.outputs.asset import STEMS
from maquette.outputs.viewer.page import page

VIEW, GALLERY, PICTURE = "view.html", "gallery.html", "overview.jpg"
MOST_GLB, MOST_REPORT = 256 << 20, 4 << 20  # bytes; more does not fit a page, or is no report of ours
RULES = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' file:"
SHEET = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{rules}"><title>maquette</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 24px; font: 15px/1.45 system-ui, sans-serif; background: Canvas; color: CanvasText; }}
ul {{ list-style: none; padding: 0; display: grid; gap: 18px; grid-template-columns: repeat(auto-fill, minmax(280px, 1fr)); }}
a {{ color: inherit; text-decoration: none; display: block; border: 1px solid #8885; border-radius: 10px; overflow: hidden; }}
img {{ width: 100%; aspect-ratio: 16 / 10; object-fit: cover; object-position: top left; display: block; background: #16171a; }}
span {{ display: block; padding: 8px 12px; overflow-wrap: anywhere; }}
</style></head>
<body><h1>{count} results</h1><ul>
{cards}
</ul></body></html>
"""  # noqa: E501 - it is a page


def result_folders(path: Path) -> list[Path]:
    """The folders at and below `path` that hold a result, by name; links are not followed."""
    names = {VIEW, *(f"{stem}.glb" for stem in STEMS.values())}
    found = {file.parent for name in names for file in path.rglob(name) if file.is_file() and not file.is_symlink()}
    return sorted(found)


def page_of(folder: Path) -> Path:
    """The page of a result, made from its GLB and its report if there is none.

    Raises:
        BadInput: no GLB that can be read, or the folder cannot be written.
    """
    if (folder / VIEW).is_file():
        return folder / VIEW
    glb = next((folder / f"{stem}.glb" for stem in STEMS.values() if (folder / f"{stem}.glb").is_file()), None)
    if glb is None:
        raise BadInput(f"{folder}: holds no result: give a folder that maquette wrote")
    return page_beside(glb, folder / VIEW)


def page_beside(glb: Path, out: Path) -> Path:
    """Write the page of a GLB file, with the warnings of a report.json beside it.

    Raises:
        BadInput: not a GLB, too large for a page, or the place cannot be written.
    """
    try:
        size, data = glb.stat().st_size, b""
        if size <= MOST_GLB:
            data = glb.read_bytes()
    except OSError as error:
        raise BadInput(f"{glb}: {error.strerror}: give a GLB file or a folder that maquette wrote") from error
    if size > MOST_GLB:
        raise BadInput(f"{glb}: {size >> 20} MB: a page holds at most {MOST_GLB >> 20} MB: open it in a 3D program")
    if data[:4] != b"glTF":
        raise BadInput(f"{glb}: not a binary glTF file: give a GLB file or a folder that maquette wrote")
    try:
        write_whole(out, page(data, glb.stem, subtitle=glb.parent.name, warnings=_warnings(glb.parent)))
    except OSError as error:
        raise BadInput(unwritable(error, out, "copy the results to a folder of your own")) from error
    return out


def _warnings(folder: Path) -> list[str]:
    report = folder / "report.json"
    try:
        if report.stat().st_size > MOST_REPORT:
            return []
        found = json.loads(report.read_text(encoding="utf-8"))["warnings"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return []
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []


def gallery(top: Path, pages: Sequence[Path]) -> Path:
    """Write TOP/gallery.html: a card for each result, which opens its page.

    Raises:
        BadInput: the folder cannot be written.
    """
    cards = []
    for file in pages:
        place = file.parent.relative_to(top).as_posix()
        picture = f'<img src="{_url(place, PICTURE)}" alt="">' if (file.parent / PICTURE).is_file() else ""
        cards.append(f'<li><a href="{_url(place, file.name)}">{picture}<span>{escape(place)}</span></a></li>')
    text = SHEET.format(rules=RULES, count=len(pages), cards="\n".join(cards))
    out = top / GALLERY
    try:
        write_whole(out, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise BadInput(unwritable(error, out, "copy the results to a folder of your own")) from error
    return out


def _url(place: str, file: str) -> str:
    """A relative address; never an absolute one, whatever the folder is called."""
    return escape(quote(f"./{place}/{file}".encode("utf-8", "surrogateescape")))
