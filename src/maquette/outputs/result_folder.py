"""Where results lie: OUT/<photo stem>/face-1/..., and OUT/summary.json, which lists what was done and what failed."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from maquette.core.errors import BadInput
from maquette.core.files import link_on_the_way, sweep, unwritable, write_whole
from maquette.core.job import explained
from maquette.core.result import Failure, Result

SUMMARY = "summary.json"
RECORD = "report.json"
PERSON, SCENE = "person.glb", "scene.glb"
LARGEST_RECORD = 1 << 24  # bytes; ours have some kilobytes
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
        left: folder or file -> why it was not removed although it may be of an earlier run.
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
        self.left: dict[Path, str] = {}
        self._places: dict[str, dict[str, tuple[Path, Any]]] = {}
        with self._explained():
            self.path.mkdir(parents=True, exist_ok=True)
            self._sweep()
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
            BadInput: the disk is full or the folder cannot be written, or leads out of OUT; an earlier result is left
                as it was.
        """
        self.check_space()
        target = self.path / result.source / result.name
        self.refuse_links(target)
        earlier = self._own_files(target)
        with self._explained():
            files = [Path(file) for file in save(result, target)]
            self._remove(target, earlier - {file.name for file in files})
        self._place(result, files)
        record = _record(target) or {}
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

    def _place(self, result: Result, files: Iterable[Path]) -> None:
        """Note where a person of a photo stands, for the scene of all of them."""
        model = next((file for file in files if file.name == PERSON), None)
        if model is not None:
            from maquette.outputs.scene import standing_of

            self._places.setdefault(result.source, {})[result.name] = model, standing_of(result)

    def _scenes(self) -> list[str]:
        """Write scene.glb of each photo with several people, remove it where there is one left; their paths."""
        written = []
        for source, people in self._places.items():
            path = self.path / source / SCENE
            known = {name: (file.read_bytes(), place) for name, (file, place) in people.items() if place is not None}
            if len(known) < 2:
                if _is_plain(path) and b'"generator":"maquette"' in path.read_bytes()[:200]:
                    path.unlink()
                continue
            from maquette.outputs.scene import scene_glb

            write_whole(path, scene_glb(known))
            written.append(path.relative_to(self.path).as_posix())
        return written

    def refuse_links(self, folder: Path) -> None:
        """Raise BadInput when a link on the way to a folder of OUT leads elsewhere."""
        link = link_on_the_way(self.path, folder)
        if link is not None:
            raise BadInput(f"{link}: is a link, and results lie in {self.path} itself: remove the link, or {REMEDY}")

    def inner(self, name: str) -> Path:
        """The folder of this name in OUT, which need not be there; raises BadInput where a link stands for it."""
        self.refuse_links(self.path / name)
        return self.path / name

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
        error, about = failure.error, {"subject": failure.subject} if failure.subject else {}
        self.failed.append({"photo": failure.photo, **about, "error": str(error), "kind": type(error).__name__})

    def close(self, **facts: Any) -> Row:
        """Write summary.json, remove results of earlier runs that this one made void, and return the summary.

        A result is void when its photo was done again and shows fewer faces now; files that maquette did not
        write stay.
        """
        failed = {row["photo"] for row in self.failed}
        own = [row for row in self.done if "folder" in row]
        whole = [row for row in own if not failed & {*row["photos"], ", ".join(row["photos"])}]
        removed = dict.fromkeys(folder for row in whole for folder in self._void(self.path / row["folder"]))
        for folder in removed:
            self._remove(folder, self._own_files(folder))
        with self._explained():
            scenes = self._scenes()
        summary = {
            **facts,
            **({"scenes": scenes} if scenes else {}),
            "done": self.done,
            "failed": self.failed,
            "removed": [folder.relative_to(self.path).as_posix() for folder in removed],
            "left": {path.relative_to(self.path).as_posix(): why for path, why in self.left.items()},
        }
        with self._explained():
            write_whole(self.path / SUMMARY, json.dumps(summary, indent=2, ensure_ascii=False))
        return summary

    def _void(self, folder: Path) -> Iterator[Path]:
        kind = folder.name.rpartition("-")[0]
        current = {row["folder"] for row in self.done}
        for other in sorted(folder.parent.glob(f"{kind}-*")):
            if other.relative_to(self.path).as_posix() not in current and self._own_files(other):
                yield other

    def _sweep(self) -> None:
        """Remove what killed runs left half-written here and in the folders of photos."""
        sweep(self.path)
        with suppress(OSError):  # a folder that can be written but not listed
            for entry in [*os.scandir(self.path)]:
                if entry.is_dir(follow_symlinks=False):
                    sweep(Path(entry.path))

    def _own_files(self, folder: Path) -> set[str]:
        """Names of the plain files here that an earlier run wrote, as its report lists; what is odd is noted."""
        if not os.path.lexists(folder / RECORD) and not folder.is_symlink():
            return set()
        if link_on_the_way(self.path, folder) is not None:
            self.left[folder] = "it is a link"
            return set()
        record = _record(folder)
        names = None if record is None else record.get("files", {})
        if not isinstance(names, dict):
            self.left[folder] = f"its {RECORD} is none of maquette"
            return set()
        known = names.keys() & _writable_names()
        own = {name for name in known if _is_plain(folder / name)}
        odd = [name for name in names if name not in known or (name not in own and os.path.lexists(folder / name))]
        if odd:
            shown = ", ".join(name[:60] for name in odd[:3]) + (" ..." if len(odd) > 3 else "")
            self.left[folder] = f"its {RECORD} lists what maquette did not write: {shown}"
        return own

    @staticmethod
    def _remove(folder: Path, names: Iterable[str]) -> None:
        for name in names:
            (folder / name).unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """System errors as one line about this folder."""
        try:
            yield
        except OSError as error:
            raise BadInput(unwritable(error, self.path, REMEDY)) from error


def _record(folder: Path) -> Row | None:
    """The report of a result in this folder; None if there is none, or nothing that maquette would write."""
    path = folder / RECORD
    try:
        if not _is_plain(path) or path.stat().st_size > LARGEST_RECORD:
            return None
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _is_plain(path: Path) -> bool:
    """Whether this is a file itself: no link, no folder, no device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _writable_names() -> set[str]:
    """Every name that a file of a result can have."""
    # Heavy, and loaded by now: there are results to be written.
    from maquette.outputs.asset import STEMS
    from maquette.outputs.writers import WRITERS

    return {key.replace("{stem}", stem) for key in WRITERS for stem in STEMS.values()}
