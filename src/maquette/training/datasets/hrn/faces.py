"""Faces of a folder of photos as HRN sees them: crops, masks, landmarks, and what its first network reads."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from maquette.core.errors import BadInput, MaquetteError
from maquette.core.options import PerceptionOptions, SourceOptions
from maquette.core.types import Observation, Subject
from maquette.perception.observers import OBSERVERS
from maquette.reconstruction.hrn.align import aligned
from maquette.reconstruction.hrn.detail import HRN
from maquette.sources import photos

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
HELD_OUT = 10  # every tenth face is not learned from


@dataclass(frozen=True, eq=False)
class HRNFaces:
    """Examples of one size, kept in memory, 1.8 MB each; what a batch holds follows from its number.

    Attributes:
        rows: per face "small" (3, 224, 224) and "large" (3, 512, 512) uint8 RGB, "mask" (1, 224, 224) uint8,
            "marks" (68, 2) float32 pixels of the small crop, y up, "coefficients" (257,) float32, "valid"
            (1, 256, 256) and "albedo" (3, 256, 256) float16.
        size: of a batch. seed: of the order.
    """

    rows: Sequence[dict[str, np.ndarray]]
    size: int
    seed: int

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, number: int) -> dict[str, np.ndarray]:
        """See `recipe.Batches`."""
        chosen = np.random.default_rng([self.seed, number]).integers(0, len(self.rows), self.size)
        return stacked([self.rows[index] for index in chosen])


def stacked(rows: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The rows as one batch."""
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def rows_of(folder: str | Path, ready: HRN) -> list[dict[str, np.ndarray]]:
    """Every face of every photo in a folder, photos in the order of their names.

    Raises:
        BadInput: no such folder, or no face in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInput(f"{folder}: wanted a folder of photos, there is none")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
    rows = [row_of(seen, ready) for path in files for seen in faces_of(path)]
    if not rows:
        raise BadInput(f"{folder}: wanted photos of faces, found none in {len(files)} files")
    return rows


def split(rows: Sequence[dict[str, np.ndarray]]) -> tuple[list[dict[str, np.ndarray]], list[dict[str, np.ndarray]]]:
    """Rows to learn from and rows held out; of one row alone both are it."""
    held = list(rows[::HELD_OUT])
    return [row for index, row in enumerate(rows) if index % HELD_OUT] or held, held


def faces_of(path: Path) -> Iterator[Observation]:
    """The faces of a photo; a photo without any is left out with a warning."""
    try:
        yield from OBSERVERS[Subject.FACE](photos.read(path, SourceOptions()), PerceptionOptions(device="cpu"))
    except MaquetteError as error:
        warnings.warn(f"left out: {error}", stacklevel=2)


def row_of(seen: Observation, ready: HRN) -> dict[str, np.ndarray]:
    """One example, see `HRNFaces.rows`."""
    face = aligned(seen, ready.model.basel.five_points, ready.model.mean.device)
    low = ready.low(face.crops)

    def whole(pixels: Tensor) -> np.ndarray:
        return torch.round(255 * pixels[0]).to(torch.uint8).cpu().numpy()

    return {
        "small": whole(face.crops.small),
        "large": whole(face.crops.large),
        "mask": whole(face.crops.mask),
        "marks": face.landmarks.cpu().numpy(),
        "coefficients": low.coefficients.merged[0].cpu().numpy(),
        "valid": low.valid[0].half().cpu().numpy(),
        "albedo": low.detailed_albedo[0].half().cpu().numpy(),
    }
