"""What one run returns for one subject: the reconstruction, what it was made from, and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maquette.core.types import Observation, Reconstruction


@dataclass(frozen=True, eq=False)
class Result:
    """One subject, finished.

    Attributes:
        name: "face-1", "face-2", ... left to right.
        source: stem of the photo, or "together".
        reconstruction: textured mesh in metres, cameras, parameters.
        observations: what was seen, one per photo used.
        report: JSON-able facts and warnings in plain words.
    """

    name: str
    source: str
    reconstruction: Reconstruction
    observations: tuple[Observation, ...]
    report: Mapping[str, Any] = field(default_factory=dict)
