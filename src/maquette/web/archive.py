"""Many files as one ZIP, made while it is sent: nothing is kept in memory or on the disk."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

CHUNK = 1 << 18


class _Pipe:
    """A file to write to that forgets what was taken."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing to do."""

    def take(self) -> bytes:
        data = b"".join(self.parts)
        self.parts.clear()
        return data


def zipped(files: Mapping[str, Path]) -> Iterator[bytes]:
    """The bytes of a ZIP, stored without compression: pictures and models are compressed already.

    Args:
        files: name inside -> file.
    """
    pipe: Any = _Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, path in files.items():
            entry = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                while chunk := source.read(CHUNK):
                    target.write(chunk)
                    yield pipe.take()
    yield pipe.take()
