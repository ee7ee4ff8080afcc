"""Files on their way in: streamed to the private folder under names of our own, counted as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import time

from maquette.core.errors import BadInput
from maquette.web.jobs import new_id

SUFFIXES = (
    "jpg", "jpeg", "png", "webp", "tif", "tiff", "bmp", "gif", "avif", "heic", "heif", "jp2", "ppm", "mp4", "mov",
    "m4v", "mkv", "webm", "avi",
)  # fmt: skip
UNUSED_S, STALLED_S = 1800.0, 30.0
MOST_UNUSED = 200  # of all browsers together
LONGEST_NAME, LONGEST_STEM = 80, 40
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}  # on Windows


@dataclass(frozen=True)
class Upload:
    """One file that no job has yet.

    Attributes:
        name: what its owner calls it, printable; for the eye only.
        path: where it lies, under a name of ours.
    """

    id: str
    owner: str
    name: str
    path: Path
    size: int
    created: float = field(default_factory=time)


class Uploads:
    """Files that no job has yet; they go after half an hour."""

    def __init__(self, folder: Path, most_bytes: float) -> None:
        """Keep them in this folder, each of at most so many bytes."""
        self.folder, self.most_bytes = folder, most_bytes
        self.files: dict[str, Upload] = {}

    async def receive(self, owner: str, name: str, chunks: AsyncIterator[bytes]) -> Upload:
        """Write one file as it comes.

        Raises:
            BadInput: it is empty, too large or stalls, or too many files wait; nothing of it is left.
        """
        self.sweep()
        if len(self.files) >= MOST_UNUSED:
            raise BadInput("Too many files wait on this server: try again later.")
        shown, own = shown_name(name), new_id()
        path, size = self.folder / own, 0
        try:
            with path.open("xb") as file:
                async with asyncio.timeout(None) as patience:
                    patience.reschedule(asyncio.get_running_loop().time() + STALLED_S)
                    async for chunk in chunks:
                        patience.reschedule(asyncio.get_running_loop().time() + STALLED_S)
                        size += len(chunk)
                        if size > self.most_bytes:
                            raise BadInput(f"{shown}: larger than {self.most_bytes / 1e6:g} MB: make it smaller.")
                        file.write(chunk)
            if not size:
                raise BadInput(f"{shown}: it is empty: choose it again.")
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, TimeoutError):
                raise BadInput(f"{shown}: it stopped coming: try again.") from error
            if isinstance(error, OSError) and not isinstance(error, ConnectionError):
                raise BadInput("This server cannot keep files now (its disk may be full): try again later.") from error
            raise
        self.files[own] = Upload(own, owner, shown, path, size)
        return self.files[own]

    def take(self, owner: str, ids: list[str]) -> list[Upload]:
        """Files of one browser, for a job; they are no longer here.

        Raises:
            BadInput: one is not there, or another's.
        """
        found = [self.files.get(one) for one in dict.fromkeys(ids)]
        mine = [one for one in found if one is not None and one.owner == owner]
        if len(mine) < len(found):
            raise BadInput("A file is no longer on the server: add it again.")
        for one in mine:
            del self.files[one.id]
        return mine

    def drop(self, owner: str, own: str) -> None:
        """Remove one file, if it is there and this browser's."""
        upload = self.files.get(own)
        if upload is not None and upload.owner == owner:
            self._remove(upload)

    def sweep(self) -> None:
        """Remove what nobody used."""
        for upload in [*self.files.values()]:
            if time() - upload.created > UNUSED_S:
                self._remove(upload)

    def _remove(self, upload: Upload) -> None:
        self.files.pop(upload.id, None)
        with suppress(OSError):
            upload.path.unlink()


def shown_name(name: str) -> str:
    """A file's name as text to be shown: its last part, printable, not long.

    Example:
        >>> shown_name("../../etc/pass\\nwd")
        'pass wd'
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    text = " ".join("".join(c if c.isprintable() else " " for c in last).split())
    return text[-LONGEST_NAME:] or "photo"


def file_names(shown: list[str]) -> list[str]:
    """Names for files in a folder of ours: letters, digits, - and _ of each name, one of the known suffixes.

    Example:
        >>> file_names(["a b;c.JPG", "a b;c.jpg", "..", "x.py", "CON.png"])
        ['a_b_c.jpg', 'a_b_c-2.jpg', 'photo.bin', 'x.bin', 'photo-2.png']
    """
    names: list[str] = []
    for text in shown:
        stem, _, suffix = text.rpartition(".")
        if suffix.lower() not in SUFFIXES:
            suffix = "bin"
        kept = "".join(c if c.isalnum() or c in "-_" else "_" for c in (stem or text)).strip("-_")[:LONGEST_STEM]
        base = kept if kept and kept.casefold() not in RESERVED else "photo"
        name, number = base, 2
        while name.casefold() in {one.rpartition(".")[0].casefold() for one in names}:
            name, number = f"{base}-{number}", number + 1
        names.append(f"{name}.{suffix.lower()}")
    return names
