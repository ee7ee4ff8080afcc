"""The one way to write a file: beside its place, and into it by rename, so that it is there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A place to write to, beside `path`; it takes that name when the block ends, and goes if the block fails.

    A file of that name is replaced in one step: who reads it meanwhile sees the old one or the new one.

    Raises:
        OSError: the folder is not there or cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with whole_file(Path(folder) / "a.txt") as part:
        ...         _ = part.write_text("done")
        ...     [file.name for file in Path(folder).iterdir()]
        ['a.txt']
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
