"""Where results lie: OUT/<photo stem>/face-1/..., and OUT/summary.json, which lists what was done and what failed."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from maquette.core.errors import BadInput
from maquette.core.files import unwritable, write_whole
from maquette.core.job import explained
from maquette.core.result import Failure, Result

SUMMARY = "summary.json"
RECORD = "report.json"
LEAST_SPACE_MB = 100  # one result at the default texture size takes 15 to 30 MB, and twice that while it is replaced

REMEDY = "choose another folder with -o"

Save = Callable[[Result, Path], Sequence[Path]]
Row = dict[str, Any]
T = TypeVar("T")


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
        self.done: list[Row] = []
        self.failed: list[Row] = []
        with self._explained():
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path) as probe:
                probe.write(b"maquette")
        self.check_space()

    def check_space(self) -> None:
        """Raise BadInput when the disk is nearly full."""
        free = shutil.disk_usage(self.path).free / 1e6
        if free < LEAST_SPACE_MB:
            raise BadInput(f"{self.path}: {free:.0f} MB free on the disk, wanted {LEAST_SPACE_MB} MB: make room")

    def collect(self, outcomes: Iterable[T | Failure], keep: Callable[[T], Row | Failure]) -> Iterator[Row | Failure]:
        """Keep each outcome as it comes: the one loop behind every door.

        Args:
            keep: writes one outcome and returns its row of the summary, see `saving`; or a Failure.

        Returns:
            The rows, which are in `done` by then, and the failures, which are in `failed`.
        """
        for outcome in outcomes:
            kept = outcome if isinstance(outcome, Failure) else keep(outcome)
            if isinstance(kept, Failure):
                self.fail(kept)
            yield kept

    def saving(self, save: Save) -> Callable[[Result], Row | Failure]:
        """A `keep` for results: as `add`, but what goes wrong is returned as a Failure.

        An ImportError is raised: it would hit every other result too.
        """

        def keep(result: Result) -> Row | Failure:
            try:
                return self.add(result, save)
            except ImportError:
                raise
            except Exception as error:  # noqa: BLE001  one result that cannot be written leaves the others
                photos = ", ".join(result.report.get("photos", [])) or result.source
                return Failure(result.source, photos, explained(error, photos))

        return keep

    def has(self, result: Result) -> bool:
        """Whether this result was saved."""
        return any(row.get("folder") == f"{result.source}/{result.name}" for row in self.done)

    def add(self, result: Result, save: Save) -> Row:
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
        with self._explained():
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

    def write(self, name: str, content: bytes) -> None:
        """Write one file straight into the folder, whole or not at all.

        Raises:
            BadInput: the disk is full or the folder cannot be written.
        """
        self.check_space()
        with self._explained():
            write_whole(self.path / name, content)

    def fail(self, failure: Failure) -> None:
        """Note one failure for the summary."""
        error = failure.error
        self.failed.append({"photo": failure.photo, "error": str(error), "kind": type(error).__name__})

    def close(self, **facts: Any) -> Row:
        """Write summary.json, remove results of earlier runs that this one made void, and return the summary.

        A result is void when its photo was done again and shows fewer faces now; files that maquette did not
        write stay.
        """
        failed = {row["photo"] for row in self.failed}
        own = [row for row in self.done if "folder" in row]
        whole = [row for row in own if not failed & {*row["photos"], ", ".join(row["photos"])}]
        removed = [folder for row in whole for folder in self._void(self.path / row["folder"])]
        for folder in dict.fromkeys(removed):
            _remove(folder, _own_files(folder))
        summary = {
            **facts,
            "done": self.done,
            "failed": self.failed,
            "removed": [folder.relative_to(self.path).as_posix() for folder in dict.fromkeys(removed)],
        }
        with self._explained():
            write_whole(self.path / SUMMARY, json.dumps(summary, indent=2, ensure_ascii=False))
        return summary

    def _void(self, folder: Path) -> Iterator[Path]:
        kind = folder.name.rpartition("-")[0]
        current = {row["folder"] for row in self.done}
        for other in sorted(folder.parent.glob(f"{kind}-*")):
            if _own_files(other) and other.relative_to(self.path).as_posix() not in current:
                yield other

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """System errors as one line about this folder."""
        try:
            yield
        except OSError as error:
            raise BadInput(unwritable(error, self.path, REMEDY)) from error


def _record(folder: Path) -> Row:
    """The report of a result in this folder; empty if there is none."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _own_files(folder: Path) -> set[str]:
    """Names of the files that an earlier run wrote here, as its report lists."""
    return {name for name in _record(folder).get("files", {}) if Path(name).name == name}


def _remove(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
