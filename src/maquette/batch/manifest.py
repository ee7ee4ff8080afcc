"""What a batch is to do: a CSV, JSONL or Parquet file or a folder, here or at a URL, read row by row."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from maquette.batch.items import CLIPS, BadRow, Item, check_columns, item_of
from maquette.core.errors import BadInput, ExtraMissing

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".heif")
TABLES = (".csv", ".jsonl", ".parquet")
WANTED = "wanted a folder, or a .csv, .jsonl or .parquet file"
LONGEST_LINE = 1 << 20
ROWS_AT_ONCE = 1000


def read(manifest: str, subject: str, out: Path) -> Iterator[Item | BadRow]:
    """The rows of a manifest, in its order.

    Args:
        manifest: a path, or a URL that fsspec knows; relative paths in it are relative to where it lies.
        subject: of rows that name none.
        out: what lies in here is no input, also where it is in the folder that is read.

    Raises:
        BadInput: not there, not a manifest, damaged, or with a column that means nothing; by the first `next`, except
            damage further down.
        ExtraMissing: a URL or Parquet without the library that reads it.
    """
    kind = os.path.splitext(manifest.rstrip("/"))[1].lower()
    if kind in TABLES:
        rows = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}[kind](manifest)
        joined = _joiner(manifest)
        return (item_of(row, number, subject, joined) for number, row in enumerate(rows, 1))
    files = _files(manifest, out)
    return (item_of({"path": [file]}, number, subject, str) for number, file in enumerate(files, 1))


def is_url(text: str) -> bool:
    """Whether this is a URL, not a path.

    Example:
        >>> is_url("s3://bucket/a.csv"), is_url("C:/a.csv"), is_url("a.csv")
        (True, False, False)
    """
    scheme, mark, _ = text.partition("://")
    return bool(mark) and len(scheme) > 1 and scheme.replace("+", "").replace("-", "").isalnum()


def opened(path: str) -> AbstractContextManager[Any]:
    """The bytes of a path or URL, open for reading.

    Raises:
        BadInput: it cannot be opened. ExtraMissing: a URL without fsspec or the library of its kind.
    """
    try:
        return filesystem().open(path, "rb") if is_url(path) else Path(path).open("rb")
    except ImportError as error:
        raise ExtraMissing(
            f"{path}: {' '.join(str(error).split())}: install the package that reads this kind"
        ) from error
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: {getattr(error, 'strerror', None) or 'cannot be opened'}: {WANTED}") from error


def filesystem() -> Any:
    """The library fsspec; raises ExtraMissing where it is not installed."""
    try:
        import fsspec
    except ImportError as error:
        raise ExtraMissing("reading a URL needs fsspec: run: pip install 'maquette[batch]'") from error
    return fsspec


def _joiner(manifest: str) -> Callable[[str], str]:
    """A function that makes a path of this manifest whole."""
    if is_url(manifest):
        parent = manifest.rpartition("/")[0]
        return lambda path: path if is_url(path) or path.startswith("/") else f"{parent}/{path}"
    home = Path(manifest).absolute().parent
    return lambda path: path if is_url(path) else str(home / path)


def _csv(manifest: str) -> Iterator[dict[str, Any]]:
    with opened(manifest) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        try:
            table = csv.DictReader(text, strict=True)
            check_columns([name or "" for name in table.fieldnames or []], manifest)
            for row in table:
                if None in row:
                    raise BadInput(f"{manifest}: line {table.line_num} has more cells than the first line has names")
                yield row
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadInput(f"{manifest}: is not a CSV file ({_plain(error)}): {WANTED}") from error


def _jsonl(manifest: str) -> Iterator[dict[str, Any]]:
    with opened(manifest) as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            try:
                if len(line) > LONGEST_LINE:
                    raise ValueError("longer than a megabyte")
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError("no object in braces")
            except (ValueError, RecursionError) as error:
                raise BadInput(f"{manifest}: line {number} is not JSON ({_plain(error)}): {WANTED}") from error
            check_columns(list(row), f"{manifest}: line {number}")
            yield row


def _parquet(manifest: str) -> Iterator[dict[str, Any]]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ExtraMissing(f"{manifest}: Parquet needs pyarrow: run: pip install 'maquette[batch]'") from error
    with opened(manifest) as file:
        try:
            table = parquet.ParquetFile(file)
            check_columns(table.schema_arrow.names, manifest)
            for batch in table.iter_batches(ROWS_AT_ONCE):
                yield from batch.to_pylist()
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise BadInput(f"{manifest}: is not a Parquet file ({_plain(error)}): {WANTED}") from error


def _files(folder: str, out: Path) -> list[str]:
    """The photos and clips below a folder, in the order of their paths; what is hidden is left out."""
    if is_url(folder):
        fsspec = filesystem()
        system, path = fsspec.core.url_to_fs(folder)
        found = [system.unstrip_protocol(name) for name in system.find(path)]
    else:
        if not Path(folder).is_dir():
            why = WANTED if Path(folder).exists() else "no such file or folder"
            raise BadInput(f"{folder}: {why}")
        found = [str(Path(folder).absolute() / name) for name in _below(folder, out)]
    files = sorted(file for file in found if file.lower().endswith((*PICTURES, *CLIPS)))
    if not files:
        raise BadInput(f"{folder}: holds no photo and no clip")
    return files


def _below(folder: str, out: Path) -> Iterator[str]:
    results = os.path.realpath(out)
    for path, folders, names in os.walk(folder):
        kept = (name for name in folders if not name.startswith("."))
        folders[:] = sorted(name for name in kept if os.path.realpath(os.path.join(path, name)) != results)
        yield from (os.path.relpath(os.path.join(path, name), folder) for name in names if not name.startswith("."))


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
