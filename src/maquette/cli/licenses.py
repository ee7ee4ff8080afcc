"""`maquette licenses`: what the package is made of, or the record inside one of its results."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from maquette.cli.terminal import say
from maquette.core.errors import BadInput

# What users install; their packages are listed where they are installed.
EXTRAS = ("batch", "heic", "print", "ray", "serve", "train", "usd")


def licenses(
    result: Annotated[Path | None, typer.Argument(metavar="[GLB]", help="Show the record inside this file.")] = None,
) -> None:
    """List the licences of everything inside."""
    if result is not None:
        say(json.dumps(record(result), indent=2, ensure_ascii=False))
        return
    for name, spdx, what in rows():
        say(f"{name:<24} {spdx:<28} {what}".rstrip())


def rows() -> Iterator[tuple[str, str, str]]:
    """(name, SPDX, remark) of maquette, its data files, and every package it brings with it."""
    from maquette.cli.installed import CARRIED, closure, licence
    from maquette.weights.store import zoo

    yield "maquette", "Apache-2.0", "this program"
    for entry in zoo().values():
        yield entry.name, entry.licence, f"data, {entry.source}"
    for name, package in closure("maquette", EXTRAS).items():
        carried = f"; its wheel carries {CARRIED[name]}" if name in CARRIED else ""
        yield name, licence(package), f"{package.version}{carried}"


def record(path: Path) -> dict[str, Any]:
    """The record that maquette writes into a GLB file (`asset.extras`): licences and provenance.

    Raises:
        BadInput: not a readable GLB file, or one without a record.
    """
    try:
        content = path.read_bytes()
        magic, _, _, length, kind = struct.unpack("<4sIII4s", content[:20])
        if (magic, kind) != (b"glTF", b"JSON"):
            raise ValueError("not a binary glTF file")
        return json.loads(content[20 : 20 + length])["asset"]["extras"]
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}: give a GLB file made by maquette") from error
    except (struct.error, ValueError, LookupError, TypeError, RecursionError) as error:
        raise BadInput(f"{path}: holds no licence record: give a GLB file made by maquette") from error
