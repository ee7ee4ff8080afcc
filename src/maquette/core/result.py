"""What one run returns for one subject: the reconstruction, what it was made from, and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maquette.core.errors import MaquetteError
from maquette.core.motion import HeadMotion
from maquette.core.types import Observation, Reconstruction


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """One subject, finished.

    Attributes:
        name: "face-1", "face-2", ... left to right.
        source: stem of the photo, or "together".
        reconstruction: textured mesh in metres, cameras, parameters.
        observations: what was seen, one per photo used.
        report: JSON-able facts and warnings in plain words.
        motion: how a head moves in a clip, or None.
        film: a video of the result beside the clip, or None.
    """

    name: str
    source: str
    reconstruction: Reconstruction
    observations: tuple[Observation, ...]
    report: Mapping[str, Any] = field(default_factory=dict)
    motion: HeadMotion | None = None
    film: Path | None = None

    def __repr__(self) -> str:
        return f"Result({self.source}/{self.name})"


@dataclass(frozen=True, eq=False)
class Failure:
    """One photo, or one subject of it, that gave nothing.

    Attributes:
        source: the name its folder would have had.
        photo: the path as the caller gave it.
        error: what went wrong; its text is one line.
        subject: which in the photo it is about: "person-2"; "" for all.
    """

    source: str
    photo: str
    error: MaquetteError
    subject: str = ""
