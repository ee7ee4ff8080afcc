"""Where results lie: OUT/<photo stem>/face-1/..., and OUT/summary.json, which lists what was done and what failed."""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

from maquette.core.errors import BadInput
from maquette.core.job import explained
from maquette.core.result import Failure, Result

SUMMARY = "summary.json"
RECORD = "report.json"
LEAST_SPACE_MB = 100  # one result at the default texture size takes 15 to 30 MB, and twice that while it is replaced

Save = Callable[[Result, Path], Sequence[Path]]


class OutputFolder:
    """One OUT folder during one run.

    Attributes:
        path: the folder.
        done: one JSON-able row per saved result.
        failed: one JSON-able row per failure.
    """

    def __init__(self, path: str | Path) -> None:
        """Make the folder and check that it can be written, before any work is done.

        Args:
            path: the folder; made if absent.

        Raises:
            BadInput: it is a file, or cannot be written, or the disk is full.
        """
        self.path = Path(path)
        self.done: list[dict[str, Any]] = []
        self.failed: list[dict[str, Any]] = []
        with self._told():
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path) as probe:
                probe.write(b"maquette")
        self.check_space()

    def check_space(self) -> None:
        """Raise BadInput when the disk is nearly full."""
        free = shutil.disk_usage(self.path).free / 1e6
        if free < LEAST_SPACE_MB:
            raise BadInput(f"{self.path}: {free:.0f} MB free on the disk, wanted {LEAST_SPACE_MB} MB: make room")

    def attempt(self, result: Result, save: Save) -> dict[str, Any] | Failure:
        """As `add`, but what goes wrong is returned as a Failure.

        Raises:
            ImportError: it would hit every other result too.
        """
        try:
            return self.add(result, save)
        except ImportError:
            raise
        except Exception as error:
            photos = ", ".join(result.report.get("photos", [])) or result.source
            return Failure(result.source, photos, explained(error, photos))

    def add(self, result: Result, save: Save) -> dict[str, Any]:
        """Save one result; an earlier one is replaced, and what only that one had is removed.

        Args:
            save: writes all files of one result into a folder, or none, and returns their paths.

        Returns:
            The row of the summary: photos, folder, files (relative to OUT), replaced, warnings, seconds.

        Raises:
            BadInput: the disk is full or the folder cannot be written; an earlier result is left as it was.
        """
        self.check_space()
        target = self.path / result.source / result.name
        earlier = _own_files(target)
        with self._told():
            files = [Path(file) for file in save(result, target)]
            _remove(target, earlier - {file.name for file in files})
        record = _record(target)
        row = {
            "photos": list(result.report.get("photos", [])),
            "subject": result.name,
            "folder": target.relative_to(self.path).as_posix(),
            "files": [file.relative_to(self.path).as_posix() for file in files],
            "replaced": bool(earlier),
            "warnings": record.get("warnings", []),
            "seconds": record.get("seconds", {}),
        }
        self.done.append(row)
        return row

    def fail(self, failure: Failure) -> None:
        """Note one failure for the summary."""
        error = failure.error
        self.failed.append({"photo": failure.photo, "error": str(error), "kind": type(error).__name__})

    def close(self, **facts: Any) -> dict[str, Any]:
        """Write summary.json, remove results of earlier runs that this one made void, and return the summary.

        A result is void when its photo was done again and shows fewer faces now; files that maquette did not
        write stay.
        """
        failed = {row["photo"] for row in self.failed}
        whole = [row for row in self.done if not failed & {*row["photos"], ", ".join(row["photos"])}]
        removed = [folder for row in whole for folder in self._void(self.path / row["folder"])]
        for folder in dict.fromkeys(removed):
            _remove(folder, _own_files(folder))
        summary = {
            **facts,
            "done": self.done,
            "failed": self.failed,
            "removed": [folder.relative_to(self.path).as_posix() for folder in dict.fromkeys(removed)],
        }
        with self._told():
            # Not mkstemp, whose files are for their owner alone: like all others, this one follows the umask.
            beside = self.path / f".summary-{token_hex(4)}"
            try:
                # A name that is not UTF-8 holds lone surrogates; JSON keeps them as \udcXX.
                with beside.open("x", encoding="utf-8", errors="backslashreplace") as file:
                    json.dump(summary, file, indent=2, ensure_ascii=False)
                beside.replace(self.path / SUMMARY)
            finally:
                beside.unlink(missing_ok=True)
        return summary

    def _void(self, folder: Path) -> Iterator[Path]:
        kind = folder.name.rpartition("-")[0]
        current = {row["folder"] for row in self.done}
        for other in sorted(folder.parent.glob(f"{kind}-*")):
            if _own_files(other) and other.relative_to(self.path).as_posix() not in current:
                yield other

    @contextmanager
    def _told(self) -> Iterator[None]:
        """System errors as one line about this folder."""
        try:
            yield
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise BadInput(f"{self.path}: the disk is full: make room or choose another folder with -o") from error
            why = "it is a file" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror or error
            raise BadInput(f"{self.path}: cannot be written ({why}): choose another folder with -o") from error


def _record(folder: Path) -> dict[str, Any]:
    """The report of a result in this folder; empty if there is none."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _own_files(folder: Path) -> set[str]:
    """Names of the files that an earlier run wrote here, as its report tells."""
    return {name for name in _record(folder).get("files", {}) if Path(name).name == name}


def _remove(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
