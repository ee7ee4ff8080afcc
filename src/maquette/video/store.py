"""What a run has learned of a clip, kept until it is finished, so that a stopped run need not watch and fit again."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np

from maquette.reconstruction.body.place import Placement
from maquette.video.sighting import Sighting
from maquette.video.watch import Watched

WORKING = ".working.npz"
TEXTS = ("notes", "flags")


def save(folder: Path, key: str, watched: Watched, placements: dict[int, Placement]) -> None:
    """Write both, whole or not at all.

    Args:
        key: of the clip and the settings that they hang on.
    """
    arrays: dict[str, Any] = {"key": np.array(key), "unlooked": np.array(watched.unlooked)}
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
    beside = folder / f"{WORKING}-{token_hex(4)}"
    try:
        with beside.open("xb") as file:
            np.savez(file, **arrays)
        os.replace(beside, folder / WORKING)
    finally:
        beside.unlink(missing_ok=True)


def load(folder: Path, key: str) -> tuple[Watched, dict[int, Placement]] | None:
    """What an earlier run kept for the same key, or None."""
    try:
        with np.load(folder / WORKING, allow_pickle=False) as stored:
            if str(stored["key"]) != key:
                return None
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError):
        return None
    ends = np.cumsum(arrays["mask_bytes"])
    masks = [arrays["mask"][end - size : end].tobytes() for end, size in zip(ends, arrays["mask_bytes"])]
    texts = {name: json.loads(str(arrays[name])) for name in TEXTS}
    watched = Watched(empty={int(f): float(t) for f, t in arrays["empty"]}, unlooked=int(arrays["unlooked"]))
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
    """Remove what was kept."""
    (folder / WORKING).unlink(missing_ok=True)
