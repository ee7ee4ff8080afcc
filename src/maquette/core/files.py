"""The one way in which maquette writes a file: whole, or not at all; and what readers of damaged ones raise."""

from __future__ import annotations

import errno
import os
import platform
import re
import shutil
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from time import time
from typing import BinaryIO

LONGEST = 50  # characters of a name that its unfinished file keeps: file systems allow 255 bytes
UNFINISHED = re.compile(r"\..+-maquette-([0-9a-f]{8})-([0-9]+)-[0-9a-f]{8}", re.DOTALL)
ABANDONED_S = 24 * 3600.0  # without a change: so long no single file or result takes, on whatever computer

# Whatever the readers of numpy and scipy meet in a file that is not one.
READER_ERRORS: tuple[type[Exception], ...] = (
    OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, EOFError, MemoryError,
    RuntimeError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """A place to write to, beside `path`, which takes that name once the block has ended well, and otherwise goes.

    It is flushed to the disk before it is moved; an earlier file of that name stays until then.

    Args:
        path: in a folder that exists.

    Raises:
        OSError: as the system reports it; see `unwritable`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with whole_file(Path(folder) / "a.txt") as part:
        ...         _ = part.write_text("done")
        ...     [file.name for file in Path(folder).iterdir()]
        ['a.txt']
    """
    path = Path(path)
    beside = unfinished(path)
    try:
        yield beside
        _synced(beside, os.O_RDWR)
        os.replace(beside, path)
    finally:
        # Already moved, or the folder is gone with it.
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    _synced_folder(path.parent)


@contextmanager
def whole_folder(folder: str | Path) -> Iterator[Path]:
    """A folder to write to, beside `folder`, whose files move into it once the block has ended well; else none does.

    Other files in `folder` stay, and files of the same names until then. It is made if absent, with its parents, and
    what was made goes again if the block fails.

    Raises:
        OSError: as the system reports it; a folder stands where a file should go.
    """
    folder = Path(folder)
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = unfinished(folder)
        beside.mkdir()
        try:
            yield beside
            files = sorted(beside.iterdir())
            folder.mkdir(exist_ok=True)
            in_the_way = next((folder / file.name for file in files if (folder / file.name).is_dir()), None)
            if in_the_way:
                raise IsADirectoryError(errno.EISDIR, f"{in_the_way.name} is a folder", str(in_the_way))
            for file in files:
                _synced(file, os.O_RDWR)
            for file in files:
                os.replace(file, folder / file.name)
            _synced_folder(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except BaseException:
        for parent in made:  # deepest first; what holds anything stays
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
        raise


@contextmanager
def replaced(path: str | Path) -> Iterator[BinaryIO]:
    """A file open for writing, bytes, that stands at `path` once the block has ended well; see `whole_file`.

    Not made by `tempfile`, whose files are for their owner alone: this one follows the umask.
    """
    with whole_file(path) as beside, beside.open("xb") as file:
        yield file


def write_whole(path: str | Path, content: bytes | str) -> None:
    """Write a file with this content, text as UTF-8; see `replaced`.

    Text that is not Unicode (file names with lone surrogates) is kept as \\udcXX.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    with replaced(path) as file:
        file.write(data)


def unfinished(path: Path) -> Path:
    """A new hidden name beside `path`, which `sweep` knows again: it says which process on which computer writes."""
    return path.with_name(f".{path.name[:LONGEST]}-maquette-{_computer()}-{os.getpid()}-{token_hex(4)}")


def sweep(folder: Path) -> None:
    """Remove what writes that were killed have left in a folder; what a process that lives is writing stays.

    Only names that `unfinished` gives, and no links, are touched.
    """
    with suppress(OSError):
        for entry in [*os.scandir(folder)]:
            named = UNFINISHED.fullmatch(entry.name)
            if named and not entry.is_symlink() and _is_over(entry, named[1], int(named[2])):
                if entry.is_dir():
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    os.unlink(entry.path)


def _is_over(entry: os.DirEntry[str], computer: str, process: int) -> bool:
    """Whether the process that wrote this is no more; elsewhere, and on Windows, only its age shows that."""
    if computer == _computer() and os.name == "posix":
        try:
            os.kill(process, 0)
        except (ProcessLookupError, OverflowError):
            return True
        except OSError:  # another user's
            return False
    return time() - entry.stat(follow_symlinks=False).st_mtime > ABANDONED_S


def _computer() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def link_on_the_way(folder: Path, path: Path) -> Path | None:
    """The first symbolic link below `folder` on the way to `path`, `path` included; None if there is none.

    Args:
        path: in `folder`.
    """
    way = [path, *path.parents]
    below = way[: way.index(folder)]
    return next((part for part in reversed(below) if part.is_symlink()), None)


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


def _synced(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _synced_folder(folder: Path) -> None:
    """Bring renamings to the disk; systems on which a folder cannot be opened do without."""
    with suppress(OSError):
        _synced(folder, os.O_RDONLY)
