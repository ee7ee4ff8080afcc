"""OUT/manifest.json: what became of each person in each frame of a clip, kept safe while the run goes on.

While a clip is worked on, every line of manifest.jsonl notes one thing that is done; it can be read after a crash at
any moment. At the end the whole manifest takes its place. A later run of the same clip with the same settings goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.files import link_on_the_way, replaced
from maquette.core.types import Camera
from maquette.outputs.reports.report import plain

MANIFEST, JOURNAL = "manifest.json", "manifest.jsonl"
STATUSES = ("done", "flagged", "skipped", "failed")
HASHED_BYTES = 1 << 20  # of the clip: enough to distinguish clips that happen to have one size and date
VERSION = 1
MOST = 1 << 40  # above every number that a manifest holds

Key = tuple[int, int | None]


@dataclass(frozen=True, eq=False)
class Row:
    """What became of one person in one frame.

    Attributes:
        track: which person.
        status: done, flagged (done, but not to be trusted), skipped (on purpose), or failed.
        reason: why it is not simply done, in plain words.
        rect: (4,) x, y, w, h of the crop in pixels of the full frame, or None.
        camera: for the pixels of the crop, or None.
        mesh: file, relative to OUT, or None.
        scores: name -> number.
    """

    track: int
    status: str = "done"
    reason: str = ""
    rect: NDArray | None = None
    camera: Camera | None = None
    mesh: str | None = None
    scores: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"Row.status: wanted {', '.join(STATUSES)}, got {self.status!r}")

    def facts(self) -> dict[str, Any]:
        """As the manifest has it."""
        rect = None if self.rect is None else [float(side) for side in self.rect]
        plain_facts = plain({**vars(self), "track": int(self.track), "rect": rect, "camera": None})
        return {**plain_facts, "camera": camera_facts(self.camera)}


def camera_facts(camera: Camera | None) -> dict[str, Any] | None:
    """A camera as JSON has it; its numbers are not rounded."""
    if camera is None:
        return None
    return {
        "projection": camera.projection,
        "size": [int(side) for side in camera.size],
        "intrinsics": camera.intrinsics.tolist(),
        "world_to_camera": camera.world_to_camera.tolist(),
    }


def clip_identity(path: str | Path) -> dict[str, Any]:
    """What distinguishes a clip from others: bytes, date of change, and the sha256 of its first megabyte.

    Raises:
        BadInput: the file cannot be read.
    """
    path = Path(path)
    try:
        if path.is_dir():
            parts = [(part.name, part.stat().st_size, part.stat().st_mtime_ns) for part in sorted(path.iterdir())]
            digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
            return {"bytes": sum(part[1] for part in parts), "modified_ns": path.stat().st_mtime_ns, "names": digest}
        with path.open("rb") as file:
            digest = hashlib.sha256(file.read(HASHED_BYTES)).hexdigest()
        facts = path.stat()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error}): check the name") from error
    return {"bytes": facts.st_size, "modified_ns": facts.st_mtime_ns, "sha256_first_mb": digest}


class Manifest:
    """The manifest of one run; rows are on the disk as soon as `add` returns.

    Example:
        with Manifest(out, clip, fps, settings) as manifest:
            if not manifest.is_done(frame, track):
                manifest.add(frame, time, Row(track, mesh="clip/person-1/frames/000000.ply"))

    Attributes:
        remark: one line on an earlier run: that this one goes on, or why it starts anew; "" if there was none.
    """

    def __init__(
        self, folder: str | Path, clip: str | Path, fps: float, settings: Mapping[str, Any], resume: bool = True
    ) -> None:
        """Open the manifest, and take over what an earlier run of the same clip and settings has done.

        Args:
            folder: OUT; made if absent.
            clip: the file.
            fps: frames per second on average.
            settings: everything that changes the results, JSON-able.
            resume: False starts anew in any case.

        Raises:
            BadInput: the clip cannot be read, the folder cannot be written.
        """
        self._folder, self.remark = Path(folder), ""
        settings = json.loads(json.dumps(plain(settings)))
        self._head = {"version": VERSION, "clip": str(clip), "fps": plain(float(fps)), "settings": settings}
        self._head["source"] = clip_identity(clip)
        self._places: dict[Key, tuple[int, int]] = {}
        self._done: set[Key] = set()
        with _explained(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            kept = self._earlier(resume)
            with replaced(self._folder / JOURNAL) as file:
                file.write(_line(self._head))
                for row in kept:
                    self._note(row, file.tell(), file.write(_line(row)))
            if not self._places:  # what an earlier run with other settings noted no longer holds
                (self._folder / MANIFEST).unlink(missing_ok=True)
            self._file = (self._folder / JOURNAL).open("r+b")
            self._file.seek(0, os.SEEK_END)
        if self._places:
            frames = {frame for frame, _ in self._done}
            self.remark = f"goes on: {len(frames)} frames are done already"

    def is_done(self, frame: int, track: int | None = None) -> bool:
        """Whether this person in this frame, or with None the frame as a whole, needs no more work.

        What failed, and what lost its mesh file, is done again.
        """
        return (int(frame), track) in self._done

    def add(self, frame: int, time: float, row: Row | None = None) -> None:
        """Note what became of a person in a frame, or with None that the frame was looked at; a later row replaces.

        Raises:
            BadInput: the disk is full or the folder cannot be written.
        """
        noted = {"frame": int(frame), "time": plain(float(time)), **(row.facts() if row is not None else {})}
        with _explained(self._folder):
            place, data = self._file.tell(), _line(noted)
            self._file.write(data)
            self._file.flush()
        self._note(noted, place, len(data))

    def close(self) -> Path:
        """Put the whole manifest in the journal's place.

        Returns:
            The path of manifest.json.
        """
        with _explained(self._folder):
            path = self._folder / MANIFEST
            with replaced(path) as file:
                file.writelines(part.encode("ascii") for part in self._whole())
            self._file.close()
            (self._folder / JOURNAL).unlink(missing_ok=True)
        return path

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.close()
        except BadInput:
            # The journal stays, for the next run to go on from; the first error is the one to be reported.
            self._file.close()
            if kind is None:
                raise

    def _note(self, row: Mapping[str, Any], place: int, length: int) -> None:
        key = (row["frame"], row.get("track"))
        self._places[key] = (place, length)
        if row.get("status") == "failed":
            self._done.discard(key)
        else:
            self._done.add(key)

    def _whole(self) -> Iterator[str]:
        """The text of manifest.json, a frame at a time: rows are read back from the journal, not held."""
        head = json.dumps(self._head, indent=1)
        yield head[: head.rindex("\n}")] + ',\n "frames": ['
        frames: dict[int, list[Key]] = {}
        for key in sorted(self._places, key=lambda key: (key[0], -1 if key[1] is None else key[1])):
            frames.setdefault(key[0], []).append(key)
        for number, (frame, keys) in enumerate(frames.items()):
            rows = [self._read(key) for key in keys]
            looked = {"complete": True} if keys[0][1] is None else {}
            tracks = [_track(row) for row in rows if "track" in row]
            whole = {"frame": frame, "time": rows[0]["time"], **looked, "tracks": tracks}
            yield (",\n  " if number else "\n  ") + json.dumps(whole)
        yield "\n ]\n}\n"

    def _read(self, key: Key) -> dict[str, Any]:
        place, length = self._places[key]
        self._file.seek(place)
        return json.loads(self._file.read(length))

    def _earlier(self, resume: bool) -> Iterator[dict[str, Any]]:
        """The rows of an earlier run that still hold; says in `remark` why there are none."""
        head, rows = _stored(self._folder)
        if head is None:
            if rows is None:
                self.remark = f"starts anew: {MANIFEST} of an earlier run cannot be read"
            return iter(())
        if not resume:
            self.remark = "starts anew, as asked"
            return iter(())
        changed = _differences(head, self._head)
        if changed:
            self.remark = f"starts anew: {changed}"
            return iter(())
        return (row for row in rows or () if self._holds(row))

    def _holds(self, row: Mapping[str, Any]) -> bool:
        mesh = row.get("mesh")
        if not mesh:
            return True
        path = self._folder / mesh
        return path.is_file() and link_on_the_way(self._folder, path) is None


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """The manifest of OUT, also of a run that is going on or was stopped.

    Returns:
        {"clip", "fps", "settings", "source", "frames": [{"frame", "time", "complete", "tracks": [...]}]}, frames and
        tracks ascending; "complete" only where `add` noted the frame as a whole.

    Raises:
        BadInput: there is none, or it cannot be read.
    """
    folder = Path(folder)
    head, rows = _stored(folder)
    if head is None:
        why = "cannot be read" if rows is None else "no such file"
        raise BadInput(f"{folder / MANIFEST}: {why}: give the output folder of maquette video")
    frames: dict[int, dict[str, Any]] = {}
    for row in rows or ():
        frame = frames.setdefault(row["frame"], {"frame": row["frame"], "time": row.get("time"), "tracks": {}})
        if "track" in row:
            frame["tracks"][row["track"]] = _track(row)
        else:
            frame["complete"] = True
    ordered = [frames[number] for number in sorted(frames)]
    tracks = [{**frame, "tracks": [frame["tracks"][name] for name in sorted(frame["tracks"])]} for frame in ordered]
    return {**head, "frames": tracks}


def _stored(folder: Path) -> tuple[dict[str, Any] | None, Iterator[dict[str, Any]] | None]:
    """Head and rows of the journal, else of the manifest. No head: (None, empty) there is none, (None, None) broken."""
    if (folder / JOURNAL).is_file():
        lines = _lines(folder / JOURNAL)
        head = next(lines, None)
        if head is not None and isinstance(head.get("settings"), dict):
            return head, (row for row in lines if _is_sound(row))
    try:
        whole = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        rows = [
            {"frame": int(frame["frame"]), "time": frame["time"], **row}
            for frame in whole.pop("frames")
            for row in (*([{}] if frame.get("complete") else []), *frame["tracks"])
        ]
        if not isinstance(whole["settings"], dict):
            return None, None
    except FileNotFoundError:
        return None, None if (folder / JOURNAL).is_file() else iter(())
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
        return None, None
    return whole, (row for row in rows if _is_sound(row))


def _is_sound(row: Mapping[str, Any]) -> bool:
    """Whether `Manifest.add` could have written this: what is in OUT may be of anybody."""
    whole = [row.get("frame"), row.get("track", 0)]
    if not all(type(number) is int and 0 <= number < MOST for number in whole):
        return False
    mesh, status, reason = row.get("mesh") or "", row.get("status", STATUSES[0]), row.get("reason") or ""
    if not all(isinstance(text, str) for text in (mesh, status, reason)) or status not in STATUSES:
        return False
    # A file of a result, nothing above OUT.
    if mesh and (Path(mesh).is_absolute() or ".." in Path(mesh).parts or Path(mesh).suffix != ".ply" or "\0" in mesh):
        return False
    rect, scores, camera = row.get("rect") or [0] * 4, row.get("scores") or {}, row.get("camera") or {}
    if not (isinstance(rect, list) and len(rect) == 4 and isinstance(scores, dict) and isinstance(camera, dict)):
        return False
    time = row.get("time")
    return all(_is_finite(number) for number in (0 if time is None else time, *rect)) and _is_plain(row)


def _is_finite(number: object) -> bool:
    return type(number) in (int, float) and abs(number) < MOST  # type: ignore[arg-type]  # NaN is not


def _is_plain(row: Mapping[str, Any]) -> bool:
    """Whether a row can be written again."""
    try:
        return bool(_line(row))
    except (ValueError, RecursionError):
        return False


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a journal; one that was cut off by a crash is none."""
    with path.open("rb") as file:
        for line in file:
            try:
                row = json.loads(line) if line.endswith(b"\n") else None
            except (ValueError, RecursionError):
                continue
            if isinstance(row, dict):
                yield row


def _line(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def _track(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("frame", "time")}


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """In words why results of `old` are none of `new`; "" if they are."""
    if old.get("version") != new["version"]:
        return "the earlier run was of another version"
    if old.get("source") != new["source"]:
        return f"it is another clip than {Path(str(old.get('clip'))).name} was at the earlier run"
    before, now = old.get("settings", {}), new["settings"]
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    words = {name: [" ".join(str(side.get(name)).split())[:40] for side in (before, now)] for name in names}
    changes = ", ".join(f"{name.replace('_', ' ')[:40]} {' -> '.join(sides)}" for name, sides in words.items())
    return f"settings changed ({changes[:400]})" if names else ""


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """System errors as one line about this folder."""
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"{folder}: the manifest cannot be written ({error.strerror or error}): choose another folder with -o"
        ) from error
