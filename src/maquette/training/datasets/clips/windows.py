"""Batches of stretches of clips, some in a mirror, read a little otherwise each time."""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path

import numpy as np

from maquette.morphable import load
from maquette.reconstruction.face_fit.motion.evidence import GROUPS, WIDTH, group, mirror, mirrored_units
from maquette.training.datasets.clips.errors import ReadingErrors, acting_pool
from maquette.training.datasets.clips.rows import LAYOUT
from maquette.training.datasets.shards import Array, Shards, shuffled

WINDOW = 56  # frames
OTHERWISE = 0.6  # share of stretches whose acting is another one
STILL_NOISE, QUICK_NOISE = 0.1, 0.03  # spread of what is added to all of a stretch, and to each frame
LEFT_OUT = 0.08  # share of stretches in which a group of the evidence is missing
MAY_MISS = ("scores", "network", "opening", "gaze", "read")


@cache
def units() -> tuple[str, ...]:
    """Names of the head's units."""
    return tuple(load("maquette-head").expression_names)


class ClipWindows:
    """Stretches of clips.

    Args:
        folder: of the shards, with the folders train and test in it.
        split: train or test.
    """

    def __init__(self, folder: Path, batch_size: int, seed: int, split: str = "train") -> None:
        self.shards = Shards(Path(folder) / split, tuple(LAYOUT), batch_size, seed, LAYOUT)
        self.seed, self.batch_size = seed, batch_size

    @cached_property
    def errors(self) -> ReadingErrors:
        """Those of all clips; measured once."""
        clips = [self.whole(k) for k in range(len(self))]
        return ReadingErrors.of([(clip["evidence"], clip["expression"]) for clip in clips])

    @cached_property
    def acting(self) -> dict[int, Array]:
        """See `acting_pool`."""
        return acting_pool(units(), WINDOW, self.seed)

    def __len__(self) -> int:
        return len(self.shards)

    def batch(self, number: int) -> dict[str, Array]:
        """The columns of `whole`, of WINDOW frames each, with the batch first."""
        rng = np.random.default_rng([self.seed, number])
        places = shuffled(len(self), self.batch_size, self.seed, number)
        rows = self.shards.rows(places)
        made = [self._window({n: rows[n][k] for n in rows}, int(place), rng) for k, place in enumerate(places)]
        return {name: np.stack([one[name] for one in made]) for name in made[0]}

    def whole(self, index: int) -> dict[str, Array]:
        """One clip as it is, float32.

        Returns:
            evidence (N, WIDTH), expression (N, 52), pose (N, 6), gap (2, 3, 3), steps (N,) seconds since the frame
            before, and seen (N,), 1 everywhere.
        """
        row = {name: values[0] for name, values in self.shards.rows([index]).items()}
        return stretch(row, slice(0, int(row["count"][0])))

    def _window(self, row: dict[str, Array], number: int, rng: np.random.Generator) -> dict[str, Array]:
        count = int(row["count"][0])
        start = int(rng.integers(0, max(count - WINDOW, 0) + 1))
        found = stretch(row, slice(start, min(start + WINDOW, count)))
        if rng.random() < OTHERWISE:
            found = self._acted_otherwise(found, number, rng)
        if rng.random() < 0.5:
            found = mirrored(found)
        found["evidence"] = _read_otherwise(found["evidence"], rng)
        lacking = WINDOW - len(found["seen"])
        padded = {
            n: np.concatenate([v, np.zeros((lacking, *v.shape[1:]), v.dtype)]) for n, v in found.items() if n != "gap"
        }
        return padded | {"gap": found["gap"]}

    def _acted_otherwise(self, found: dict[str, Array], number: int, rng: np.random.Generator) -> dict[str, Array]:
        """The stretch with other acting, misread as this one was."""
        rate = 1 / float(np.median(found["steps"][1:]))
        pool = self.acting[min(self.acting, key=lambda other: abs(other - rate))]
        other = pool[int(rng.integers(len(pool)))][: len(found["seen"])]
        read = self.errors.read_as(found["evidence"], found["expression"], other, number, rng)
        return found | {"evidence": read, "expression": other}


def stretch(row: dict[str, Array], part: slice) -> dict[str, Array]:
    """Some frames of a row of LAYOUT, see `ClipWindows.whole`."""
    times = row["times"][part].astype(np.float32)
    found = {name: row[name][part].astype(np.float32) for name in ("evidence", "expression", "pose")}
    found["steps"] = np.diff(times, prepend=times[:1])
    return found | {"seen": np.ones(len(times), np.float32), "gap": row["gap"].astype(np.float32)}


def mirrored(found: dict[str, Array]) -> dict[str, Array]:
    """The stretch of the face in a mirror."""
    places, signs = mirror(units())
    return found | {
        "evidence": found["evidence"][:, places] * signs,
        "expression": found["expression"][:, mirrored_units(units())],
        "pose": found["pose"] * np.array([1, -1, -1, -1, 1, 1], np.float32),
        "gap": found["gap"][:, ::-1] * np.array([-1, 1, 1], np.float32),
    }


def _read_otherwise(evidence: Array, rng: np.random.Generator) -> Array:
    """With noise, and without groups now and then; the fit itself always stays."""
    loud = np.exp(rng.normal(0, 0.5)) * _spread()
    noise = STILL_NOISE * rng.normal(size=(1, WIDTH)) + QUICK_NOISE * rng.normal(size=evidence.shape)
    read = evidence + (loud * noise).astype(np.float32)
    for name in MAY_MISS:
        if rng.random() < LEFT_OUT:
            read[:, group(name)] = 0
    return read


@cache
def _spread() -> Array:
    """(WIDTH,) how much of the noise each number takes: none for the fitted weights, which the result stands on."""
    share = {"fitted": 0.0, "gaze": 0.0, "scores": 0.5, "network": 0.5, "facts": 0.3}
    return np.concatenate([np.full(count, share.get(name, 1.0), np.float32) for name, count in GROUPS.items()])
