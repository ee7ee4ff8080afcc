"""A name for the results of each file that was given."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

TAKEN = "summary.json"  # lies beside the folders of that name


def source_names(photos: Sequence[str | Path]) -> list[tuple[str, str | Path]]:
    """A folder name per photo: its stem, or stem-2, stem-3 where photos share one; a photo given twice counts once.

    Example:
        >>> source_names(["a/me.jpg", "b/me.jpg", "a/me.jpg", "b/me-2.png"])
        [('me', 'a/me.jpg'), ('me-3', 'b/me.jpg'), ('me-2', 'b/me-2.png')]
    """
    unique = _each_once(photos)
    stems = [folder_name(Path(photo).stem) for photo in unique]
    # Names are compared without case, as the file systems of macOS and Windows do.
    reserved, taken, named = {stem.casefold() for stem in stems}, {TAKEN}, []
    for stem, photo in zip(stems, unique):
        name, number = stem, 2
        while name.casefold() in taken or (name != stem and name.casefold() in reserved):
            name, number = f"{stem}-{number}", number + 1
        taken.add(name.casefold())
        named.append((name, photo))
    return named


def _each_once(photos: Sequence[str | Path]) -> list[str | Path]:
    first: dict[str, str | Path] = {}
    for photo in photos:
        first.setdefault(os.path.realpath(photo), photo)
    return list(first.values())


def folder_name(stem: str) -> str:
    """The text as the name of a folder, on every system: no separators, nothing that cannot be seen, never empty."""
    printable = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "_" for c in stem)
    return printable.strip(". ") or "photo"
