"""What a run has learned of a clip, kept until it is finished, so that a stopped run need not watch and fit again."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO

import numpy as np

from maquette.core.errors import BadInput
from maquette.perception.tracking.sighting import Sighting
from maquette.perception.tracking.watch import Watched
from maquette.reconstruction.body_fit.place import Placement

WORKING = ".working.npz"
TEXTS = ("notes", "flags")


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file that is at `path` once the block has ended well, and before that or otherwise not at all.

    Raises:
        BadInput: the disk is full or the folder cannot be written; an earlier file stays.
    """
    beside = path.with_name(f".{path.name}-{token_hex(4)}")
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("xb") as file:
                yield file
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        why = "the disk is full" if full else f"cannot be written ({error.strerror or error})"
        raise BadInput(f"{path.parent}: {why}: make room; the same command goes on from there") from error


def save(folder: Path, key: str, watched: Watched, placements: dict[int, Placement]) -> None:
    """Write both, whole or not at all.

    Args:
        key: of the clip and the settings that they hang on.

    Raises:
        BadInput: the disk is full or the folder cannot be written.
    """
    arrays: dict[str, Any] = {"key": np.array(key), "dropped": np.array(watched.dropped)}
    arrays["remarks"] = np.array(json.dumps(watched.notes))
    arrays["empty"] = np.array(sorted(watched.empty.items()), float).reshape(-1, 2)
    sights = [one for track in watched.tracks.values() for one in track]
    for column in fields(Sighting):
        values = [getattr(one, column.name) for one in sights]
        if column.name == "mask":
            arrays["mask"] = np.frombuffer(b"".join(values), np.uint8)
            arrays["mask_bytes"] = np.array([len(value) for value in values])
        elif column.name in TEXTS:
            arrays[column.name] = np.array(json.dumps(values))
        else:
            arrays[column.name] = np.array(values)
    for track, placement in placements.items():
        arrays |= {f"placement.{track}.{f.name}": np.asarray(getattr(placement, f.name)) for f in fields(Placement)}
    with whole(folder / WORKING) as file:
        np.savez(file, **arrays)


def load(folder: Path, key: str) -> tuple[Watched, dict[int, Placement]] | None:
    """What an earlier run kept for the same key; None if there is nothing, or nothing that can be read."""
    try:
        return _load(folder, key)
    # zipfile, zlib and numpy raise whatever the damage leads them to; then the clip is watched again.
    except Exception:
        return None


def _load(folder: Path, key: str) -> tuple[Watched, dict[int, Placement]] | None:
    with np.load(folder / WORKING, allow_pickle=False) as stored:
        if str(stored["key"]) != key:
            return None
        arrays = {name: stored[name] for name in stored.files}
    ends = np.cumsum(arrays["mask_bytes"])
    masks = [arrays["mask"][end - size : end].tobytes() for end, size in zip(ends, arrays["mask_bytes"])]
    texts = {name: json.loads(str(arrays[name])) for name in TEXTS}
    watched = Watched(
        empty={int(f): float(t) for f, t in arrays["empty"]},
        dropped=int(arrays["dropped"]),
        notes=tuple(json.loads(str(arrays["remarks"]))),
    )
    for k, mask in enumerate(masks):
        row = {f.name: arrays[f.name][k] for f in fields(Sighting) if f.name not in ("mask", *TEXTS)}
        row |= {name: int(row[name]) for name in ("frame", "track")} | {n: float(row[n]) for n in ("time", "score")}
        row |= {name: tuple(int(side) for side in row[name]) for name in ("crop", "full")}
        row |= {name: tuple(texts[name][k]) for name in TEXTS} | {"mask": mask}
        watched.tracks.setdefault(row["track"], []).append(Sighting(**row))
    placements = {}
    for track in watched.tracks:
        found = {f.name: arrays.get(f"placement.{track}.{f.name}") for f in fields(Placement)}
        if all(value is not None for value in found.values()):
            placements[track] = Placement(**found | {"scale": float(found["scale"])})
    return watched, placements


def forget(folder: Path) -> None:
    """Remove what was kept, and what a killed run left half-written."""
    for path in (folder / WORKING, *folder.glob(f".{WORKING}-*")):
        path.unlink(missing_ok=True)
