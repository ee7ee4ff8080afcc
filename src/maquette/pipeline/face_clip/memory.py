"""What a run has learned of a clip of faces, kept in its folder until it is finished, so that a stopped run goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from maquette.core.files import replaced, sweep
from maquette.core.motion import HeadMotion
from maquette.core.options import Options
from maquette.outputs.reports.manifest import clip_identity
from maquette.perception.tracking.face_sighting import RECORD
from maquette.perception.tracking.face_watch import WatchedFaces, watch_faces
from maquette.pipeline.clip_frames import kept
from maquette.sources.video import Clip

SEEN, WATCHED, FITTED, MOVED = ".faces.bin", ".faces.npz", ".fitted-{track}.npz", ".moved-{track}.npz"
UNFITTED = ("resume", "meshes", "blurred", "depth")

T = TypeVar("T")


class FaceMemory:
    """One clip's folder of OUT, with what is known of its faces so far."""

    def __init__(self, home: Path, path: Path, options: Options) -> None:
        """See the class.

        Args:
            home: the clip's folder. path: the clip.
        """
        self.home, self.path, self.options = home, path, options

    @property
    def settings(self) -> dict[str, Any]:
        """Every option that results depend on, by name."""
        stages = ("perception", "video", "source", "texture", "fit")
        named = {name: value for stage in stages for name, value in asdict(getattr(self.options, stage)).items()}
        return {name: value for name, value in named.items() if name not in ("resume", "device")}

    @cached_property
    def _key(self) -> str:
        stages = {stage: asdict(getattr(self.options, stage)) for stage in ("fit", "perception", "source")}
        video = {n: v for n, v in asdict(self.options.video).items() if n not in UNFITTED}
        return json.dumps([clip_identity(self.path), stages, video], sort_keys=True)

    def watched(self, clip: Clip, say: Callable[[str], None]) -> WatchedFaces:
        """Who is in the clip: from an earlier run of the same clip and settings, or by watching it now.

        Raises:
            BadInput: the disk is full or the folder cannot be written.
        """
        path = self.home / SEEN
        stored = self.load(WATCHED, lambda arrays: _watched_of(arrays, path))
        if stored is not None and path.is_file() and path.stat().st_size == stored.rows * RECORD.itemsize:
            return stored.watched
        total = f" of {len(clip.selected)}" if clip.selected is not None else ""
        found: list[WatchedFaces] = []
        kept(
            path,
            lambda: found.append(
                watch_faces(clip, path, self.options.perception, lambda n: say(f"looking, frame {n}{total}"))
            ),
        )
        self.save(WATCHED, _arrays_of_watched(found[0]))
        return found[0]

    def forget(self) -> None:
        """Remove what was kept, and what a killed run left half-written."""
        if not self.home.is_dir() or self.home.is_symlink():
            return
        names = [SEEN, WATCHED]
        found = [self.home / name for name in names]
        for pattern in (FITTED.format(track="*"), MOVED.format(track="*"), ".face-*.mp4"):
            found += self.home.glob(pattern)
        for path in found:
            if path.is_file() or path.is_symlink():
                path.unlink(missing_ok=True)
        sweep(self.home)

    def save(self, name: str, arrays: Mapping[str, Any]) -> None:
        """Keep arrays under a name."""

        def write() -> None:
            with replaced(self.home / name) as file:
                np.savez(file, key=np.array(self._key), **arrays)

        kept(self.home / name, write)

    def load(self, name: str, made: Callable[[Mapping[str, Any]], T]) -> T | None:
        """What an earlier run kept for the same key; None if there is nothing, or nothing that can be read."""
        if not self.options.video.resume:
            return None
        try:
            with np.load(self.home / name, allow_pickle=False) as stored:
                if str(stored["key"]) != self._key:
                    return None
                return made({key: stored[key] for key in stored.files})
        except Exception:  # noqa: BLE001  zipfile, zlib and numpy raise whatever the damage leads them to: made anew
            return None


class _Stored:
    def __init__(self, watched: WatchedFaces, rows: int) -> None:
        self.watched, self.rows = watched, rows


def _arrays_of_watched(watched: WatchedFaces) -> dict[str, Any]:
    arrays: dict[str, Any] = {f"track-{name}": places for name, places in watched.tracks.items()}
    facts = [watched.count, *watched.size, watched.shots, watched.dropped]
    arrays["rows"] = np.array(watched.path.stat().st_size // RECORD.itemsize)
    arrays["empty"] = np.array(sorted(watched.empty.items()), float).reshape(-1, 2)
    return arrays | {"facts": np.array(facts), "notes": np.array(json.dumps(watched.notes))}


def _watched_of(arrays: Mapping[str, Any], path: Path) -> _Stored:
    count, width, height, shots, dropped = (int(value) for value in arrays["facts"])
    tracks = {int(name.partition("-")[2]): arrays[name] for name in arrays if name.startswith("track-")}
    empty = {int(frame): float(time) for frame, time in arrays["empty"]}
    notes = tuple(json.loads(str(arrays["notes"])))
    found = WatchedFaces(path, tracks, empty, count, (width, height), shots, dropped, notes)
    return _Stored(found, int(arrays["rows"]))


def arrays_of_motion(motion: HeadMotion) -> dict[str, Any]:
    """A motion as arrays."""
    values = {one.name: getattr(motion, one.name) for one in fields(motion)}
    return {name: np.array(value) for name, value in values.items() if value is not None}


def motion_of(arrays: Mapping[str, Any]) -> HeadMotion:
    """The motion of `arrays_of_motion`."""
    found = {one.name: arrays[one.name] for one in fields(HeadMotion) if one.name in arrays}
    return HeadMotion(**{**found, "focal": float(found["focal"]), "size": tuple(int(n) for n in found["size"])})
