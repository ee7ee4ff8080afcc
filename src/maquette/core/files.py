"""The one way in which maquette writes a file: whole, or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

LONGEST = 60  # characters of a name that its unfinished file keeps: file systems allow 255 bytes


@contextmanager
def replaced(path: str | Path) -> Iterator[BinaryIO]:
    """A file open for writing that stands at `path` once the block has ended well, and otherwise not at all.

    It is written beside its place, flushed to the disk and moved there; an earlier file stays until then. Not made by
    `tempfile`, whose files are for their owner alone: this one follows the umask.

    Args:
        path: in a folder that exists.

    Raises:
        OSError: as the system reports it; see `unwritable`.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "a.bin"
        >>> with replaced(target) as file:
        ...     _ = file.write(b"whole")
        >>> target.read_bytes()
        b'whole'
    """
    path = Path(path)
    beside = unfinished(path)
    try:
        with beside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        # Already moved, or the folder is gone with it.
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    _settled(path.parent)


def write_whole(path: str | Path, content: bytes | str) -> None:
    """Write a file with this content, text as UTF-8; see `replaced`.

    Text that is not Unicode (file names with lone surrogates) is kept as \\udcXX.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    with replaced(path) as file:
        file.write(data)


def unfinished(path: Path) -> Path:
    """A new hidden name beside `path`, which `leftovers` finds again."""
    return path.with_name(f".{path.name[:LONGEST]}-{token_hex(4)}")


def leftovers(path: Path) -> Iterator[Path]:
    """What writes of `path` that were killed have left beside it."""
    name = path.name[:LONGEST]
    with suppress(OSError):
        yield from (
            p for p in path.parent.iterdir() if p.name.startswith(f".{name}-") and len(p.name) == len(name) + 10
        )


def unwritable(error: OSError, thing: str | Path, remedy: str) -> str:
    """One line on why `thing` cannot be written, and what to do.

    Example:
        >>> unwritable(OSError(errno.ENOSPC, ""), "out", "choose another folder with -o")
        'out: the disk is full: make room or choose another folder with -o'
    """
    if error.errno == errno.ENOSPC:
        return f"{thing}: the disk is full: make room or {remedy}"
    why = "it is a file" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror or str(error)
    return f"{thing}: cannot be written ({why}): {remedy}"


def _settled(folder: Path) -> None:
    """Bring the renaming itself to the disk; systems on which a folder cannot be opened do without."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
