"""One face in one frame of a clip, and a file of many: a long clip's stay on the disk, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Frame, Observation, Reading, Subject
from maquette.perception.faces import topology

LANDMARKS, UNITS = topology.LANDMARKS, 52
# One face in one frame. Pixels are those of the full frame.
RECORD = np.dtype(
    [
        ("frame", "<i8"),
        ("time", "<f8"),
        ("track", "<i4"),
        ("shot", "<i4"),
        ("landmarks", "<f4", (LANDMARKS, 3)),
        ("confidence", "<f2", LANDMARKS),
        ("detected", "<f4"),
        ("read", "<f4", (LANDMARKS, 3)),
        ("sigma", "<f4", LANDMARKS),
        ("expression", "<f4", (2, UNITS)),
        ("scores", "<f4", UNITS),
        ("shut", "?", 2),
        ("presence", "<f4"),
        ("sharpness", "<f4"),
        ("brightness", "<f4"),
        ("skin", "<f4"),
        ("edition", "<i4"),
    ]
)


@dataclass(frozen=True, eq=False)
class FaceSighting:
    """What is kept of a face in a frame.

    Attributes:
        frame: its number in the clip. time: seconds. track: who. shot: counts the cuts before it.
        landmarks: (478, 3) pixels of the full frame, of the detector's landmark network.
        confidence: (478,) 0-1 of each of these.
        detected: presence 0-1 by that network; 0 where its landmarks are not believed.
        reading: of the face network, pixels of the full frame.
        scores: (52,) of the expression, see `Observation.expression_scores`.
        shut: whether the subject's right and left eye are.
        sharpness: see `faces.quality.sharpness`. brightness: 0-1, mean over the face.
        skin: 0-1, how far the face's skin has its usual colour: less where a hand or a microphone covers it.
    """

    frame: int
    time: float
    track: int
    shot: int
    landmarks: NDArray
    confidence: NDArray
    detected: float
    reading: Reading
    scores: NDArray
    shut: tuple[bool, bool]
    sharpness: float = 0.0
    brightness: float = 0.0
    skin: float = 1.0

    @property
    def points(self) -> NDArray:
        """(478, 3) pixels of the full frame: the better landmarks."""
        return self.landmarks if self.detected > 0 else self.reading.landmarks

    @property
    def box(self) -> NDArray:
        """(4,) x0, y0, x1, y1 around the landmarks, pixels of the full frame."""
        return np.concatenate([self.points[:, :2].min(axis=0), self.points[:, :2].max(axis=0)])

    @property
    def rect(self) -> NDArray:
        """(4,) x, y, w, h of the same."""
        return np.concatenate([self.box[:2], self.box[2:] - self.box[:2]])

    @property
    def width(self) -> float:
        """Pixels between the cheekbones in space; turning the head does not change it."""
        right, left = self.points[[topology.RIGHT_CHEEKBONE, topology.LEFT_CHEEKBONE]]
        return float(np.linalg.norm(right - left))

    @property
    def score(self) -> float:
        """0-1, how sure it is that there is a face."""
        return max(self.detected, self.reading.presence)

    def observation(self, size: tuple[int, int]) -> Observation:
        """The observation again, of the whole frame (width, height), without its picture: black, and nothing masked."""
        width, height = size
        black = np.broadcast_to(np.uint8(0), (height, width, 3))
        return Observation(
            frame=Frame(black, self.time, f"frame {self.frame}"),
            box=np.array([0, 0, width, height], float),
            subject=Subject.FACE,
            landmarks=self.points.astype(float),
            landmark_scheme=topology.SCHEME,
            landmark_confidence=self.confidence.astype(float),
            mask=np.broadcast_to(np.float32(1), (height, width)),
            confidence=self.score,
            track=self.track,
            full_size=size,
            reading=self.reading,
            shut_eyes=self.shut,
            expression_scores=self.scores.astype(float),
        )

    def record(self) -> NDArray:
        """() RECORD."""
        row = np.zeros((), RECORD)
        for name in ("frame", "time", "track", "shot", "landmarks", "confidence", "detected", "scores", "shut"):
            row[name] = getattr(self, name)
        for name in ("sharpness", "brightness", "skin"):
            row[name] = getattr(self, name)
        read = self.reading
        row["read"], row["sigma"], row["presence"] = read.landmarks, read.sigma, read.presence
        row["expression"], row["edition"] = [read.expression, read.expression_sigma], read.edition
        return row


def sighting_of(row: NDArray) -> FaceSighting:
    """The sighting of a () RECORD; identity coefficients are not kept."""
    nothing = np.zeros(0)
    detected = float(row["detected"])
    reading = Reading(
        landmarks=row["read"].astype(float),
        sigma=row["sigma"].astype(float),
        identity=nothing,
        identity_sigma=nothing,
        expression=row["expression"][0].astype(float),
        expression_sigma=row["expression"][1].astype(float),
        presence=float(row["presence"]),
        disagreement=0.0 if detected > 0 else None,
        edition=int(row["edition"]),
    )
    return FaceSighting(
        frame=int(row["frame"]),
        time=float(row["time"]),
        track=int(row["track"]),
        shot=int(row["shot"]),
        landmarks=row["landmarks"].astype(float),
        confidence=row["confidence"].astype(float),
        detected=detected,
        reading=reading,
        scores=row["scores"].astype(float),
        shut=(bool(row["shut"][0]), bool(row["shut"][1])),
        sharpness=float(row["sharpness"]),
        brightness=float(row["brightness"]),
        skin=float(row["skin"]),
    )


class FaceSightings(Sequence[FaceSighting]):
    """The sightings of one person in the order of time, each read from the file when it is asked for."""

    def __init__(self, path: Path, places: NDArray) -> None:
        """See the class.

        Args:
            path: a file of RECORDs.
            places: (N,) int, which of them.
        """
        self.path, self.places = path, np.asarray(places, int)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> FaceSighting:  # type: ignore[override]  # no slices
        """One sighting."""
        stored = np.memmap(self.path, RECORD, "r")
        return sighting_of(np.array(stored[self.places[index]]))

    def __iter__(self) -> Iterator[FaceSighting]:
        for index in range(len(self)):
            yield self[index]

    def boxes(self) -> NDArray:
        """(N, 4) x0, y0, x1, y1 around the better landmarks, pixels of the full frame."""
        stored, found = np.memmap(self.path, RECORD, "r"), np.empty((len(self), 4))
        for index, place in enumerate(self.places):
            row = stored[place]
            points = row["landmarks" if row["detected"] > 0 else "read"][:, :2]
            found[index] = [*points.min(axis=0), *points.max(axis=0)]
        return found

    def column(self, name: str) -> NDArray:
        """(N, ...) one field of RECORD, which should be a small one: all are in memory at once."""
        return np.array(np.memmap(self.path, RECORD, "r")[name][self.places])
