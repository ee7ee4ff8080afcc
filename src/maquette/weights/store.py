"""The zoo: which files there are, where they lie, and whether they are what they should be."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from maquette.core.errors import WeightsMissing

PACKAGE = Path(__file__).parents[1]
ZOO_FILE = Path(__file__).with_name("zoo.toml")


@dataclass(frozen=True)
class Entry:
    """One file of the zoo.

    Attributes:
        name: what `fetch` takes.
        path: where the file lies, relative to the package.
        sha256: of the whole file, hex.
        bytes: its size.
        licence: SPDX identifier.
        source: what it was made from, and the licence of that.
        made_by: the command that makes it.
        what: one line for people.
        commit: of the checkout in which it was trained; empty for what was not trained, as the fields below.
        normalisation: what a network's input must look like.
        score: what the published file scores, and on what.
    """

    name: str
    path: str
    sha256: str
    bytes: int
    licence: str
    source: str
    made_by: str
    what: str
    commit: str = ""
    normalisation: str = ""
    score: str = ""

    @property
    def file(self) -> Path:
        """Absolute path of the file, which may be absent."""
        return PACKAGE / self.path


@cache
def zoo() -> Mapping[str, Entry]:
    """Every entry of zoo.toml by name.

    Example:
        >>> zoo()["maquette-head"].licence
        'MIT AND CC0-1.0'
    """
    rows = tomllib.loads(ZOO_FILE.read_text(encoding="utf-8"))
    return {name: Entry(name=name, **row) for name, row in rows.items()}


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fetch(name: str) -> Path:
    """The file of one entry, verified.

    Raises:
        WeightsMissing: no such entry, no such file, or not the file that the zoo describes.
    """
    entry = zoo().get(name)
    if entry is None:
        raise WeightsMissing(f"weights {name!r}: not in the zoo; known: {', '.join(zoo())}")
    if not entry.file.is_file():
        raise WeightsMissing(
            f"weights {name}: {entry.file.name} is missing in {entry.file.parent}: "
            f"reinstall maquette, or make it with: {entry.made_by}"
        )
    if sha256(entry.file) != entry.sha256:
        raise WeightsMissing(
            f"weights {name}: {entry.file} is not the file the zoo describes: reinstall maquette, or update zoo.toml"
        )
    return entry.file
