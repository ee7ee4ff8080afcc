"""What became of each item so far, in one file that only grows: whoever stops a batch can go on with it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from maquette.batch.work import DONE
from maquette.core.errors import BadInput
from maquette.core.files import unwritable

NAME = "batch.jsonl"
REMEDY = "choose another folder with -o"


class Journal:
    """The file OUT/batch.jsonl, one record a line; the last of a key counts."""

    def __init__(self, out: Path) -> None:
        """Open it, and read what is there; only one process at a time can.

        Raises:
            BadInput: another process works into this folder, or it cannot be written.
        """
        self.path = out / NAME
        self.states: dict[str, tuple[str, bool]] = {}
        try:
            out.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = self.path.open("ab")
        except OSError as error:
            raise BadInput(unwritable(error, out, REMEDY)) from error
        self._lock(out)
        for record in records_of(self.path):
            self._note(record)
        self._mend()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, record: dict[str, Any]) -> None:
        """Note what became of one item; it is on the disk when this returns.

        Raises:
            BadInput: the disk is full or the file cannot be written.
        """
        try:
            self._file.write(json.dumps(record).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise BadInput(unwritable(error, self.path, REMEDY)) from error
        self._note(record)

    def is_settled(self, key: str, state: str, failures_too: bool = True) -> bool:
        """Whether an item was done with the same files, options and version; or, if wanted, failed with them."""
        known, done = self.states.get(key, ("", False))
        return known == state and (done or failures_too)

    def _note(self, record: dict[str, Any]) -> None:
        self.states[record["key"]] = (record["state"], record["status"] == DONE)

    def _mend(self) -> None:
        """End the line that a killed run left unfinished."""
        with self.path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            if end and (file.seek(end - 1), file.read(1))[1] != b"\n":
                self._file.write(b"\n")
                self._file.flush()

    def _lock(self, out: Path) -> None:
        """Keep others out for as long as the file is open; on Windows nobody is."""
        try:
            import fcntl
        except ImportError:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadInput(f"{out}: another batch works into this folder: wait for it, or {REMEDY}") from error


def records_of(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a journal in their order; lines that a killed run left unfinished are passed over."""
    with path.open("rb") as file:
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and {"key", "state", "status"} <= record.keys():
                yield record


def latest(path: Path) -> Iterator[dict[str, Any]]:
    """The last record of each key, in the order of the file; read twice, so that a million need little memory."""
    last = {record["key"]: place for place, record in enumerate(records_of(path))}
    return (record for place, record in enumerate(records_of(path)) if last[record["key"]] == place)
