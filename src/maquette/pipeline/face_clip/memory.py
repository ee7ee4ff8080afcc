"""What a run has learned of a clip of faces, kept in its folder until it is finished, so that a stopped run goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from maquette.core.motion import HeadMotion
from maquette.core.threads import computing
from maquette.perception.tracking.face_sighting import RECORD
from maquette.perception.tracking.face_watch import WatchedFaces, watch_faces
from maquette.pipeline.clip_frames import kept
from maquette.pipeline.clip_store import ClipStore, looking
from maquette.sources.video import Clip

SEEN, WATCHED, FITTED, MOVED = ".faces.bin", ".faces.npz", ".fitted-{track}.npz", ".moved-{track}.npz"


class FaceMemory(ClipStore):
    """What is known of the faces of a clip so far."""

    NAMES = (SEEN, WATCHED, FITTED.format(track="*"), MOVED.format(track="*"), ".face-*.mp4")

    @property
    def settings(self) -> dict[str, Any]:
        """Every option that results depend on, by name."""
        stages = ("perception", "video", "source", "texture", "fit")
        named = {name: value for stage in stages for name, value in asdict(getattr(self.options, stage)).items()}
        return {name: value for name, value in named.items() if name not in ("resume", "device")}

    @computing("face clip")
    def watched(self, clip: Clip, say: Callable[[str], None]) -> WatchedFaces:
        """Who is in the clip: from an earlier run of the same clip and settings, or by watching it now.

        Raises:
            BadInput: the disk is full or the folder cannot be written.
        """
        path = self.home / SEEN
        stored = self.load(WATCHED, lambda arrays: _watched_of(arrays, path))
        if stored is not None and path.is_file() and path.stat().st_size == stored.rows * RECORD.itemsize:
            return stored.watched
        found: list[WatchedFaces] = []
        kept(
            path,
            lambda: found.append(watch_faces(clip, path, self.options.perception, looking(clip, say))),
        )
        self.save(WATCHED, _arrays_of_watched(found[0]))
        return found[0]


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
