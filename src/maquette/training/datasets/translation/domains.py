"""Photos in one folder for each domain, as StarGAN v2 sees them: sources, pairs of references, latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.sources import photos

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
HELD_OUT = 10  # every tenth photo of a domain is not learned from, where there is no folder of such
HELD_FOLDERS = ("val", "test")  # AFHQ's, of its two versions
CROPPED = 0.5  # share of the pictures of which a part is taken
AREA, ASPECT = (0.8, 1.0), (0.9, 1.1)  # of that part, to the whole and of its sides


@dataclass(frozen=True)
class DomainPhotos:
    """The files, by domain: those to learn from and those held out."""

    train: tuple[tuple[Path, ...], ...]
    held: tuple[tuple[Path, ...], ...]


def listed(folder: str | Path, domains: Sequence[str]) -> DomainPhotos:
    """The photos of FOLDER/train/DOMAIN and of FOLDER/val/DOMAIN (or test), or of FOLDER/DOMAIN, in order of names.

    Raises:
        BadInput: a folder is missing or has no photos.
    """
    folder = Path(folder)
    train = folder / "train" if (folder / "train").is_dir() else folder
    held = next((folder / name for name in HELD_FOLDERS if (folder / name).is_dir()), None)
    every = tuple(_files(train / name) for name in domains)
    if held is not None:
        return DomainPhotos(every, tuple(_files(held / name) for name in domains))
    kept = tuple(tuple(f for k, f in enumerate(files) if k % HELD_OUT) or files for files in every)
    return DomainPhotos(kept, tuple(files[::HELD_OUT] for files in every))


def _files(folder: Path) -> tuple[Path, ...]:
    if not folder.is_dir():
        raise BadInput(f"{folder}: wanted a folder of photos of {folder.name}, there is none")
    files = tuple(sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS))
    if not files:
        raise BadInput(f"{folder}: wanted photos of {folder.name}, found none")
    return files


@dataclass(frozen=True)
class DomainBatches:
    """Examples whose content follows from the batch's number; photos are read when they are asked for.

    Attributes:
        files: photos by domain; each domain is drawn as often as another, however many it has.
        side: of the pictures, pixels. latent: numbers that a style is drawn from.
    """

    files: tuple[tuple[Path, ...], ...]
    side: int
    latent: int
    size: int
    seed: int

    def __len__(self) -> int:
        return sum(map(len, self.files))

    def batch(self, number: int) -> dict[str, NDArray]:
        """See `recipe.Batches`.

        Returns:
            "source" and "references" (N, 3, S, S) and (N, 2, 3, S, S) uint8 RGB, "domain" of the one and "target" of
            the other (N,) int64, "latents" (N, 2, L) float32, "step" (N,) int64.
        """
        rng = np.random.default_rng([self.seed, number])
        domain, target = rng.integers(0, len(self.files), (2, self.size))
        pictures = [self._picture(k, rng) for k in (*domain, *np.repeat(target, 2))]
        both = np.stack(pictures[self.size :]).reshape(self.size, 2, 3, self.side, self.side)
        return {
            "source": np.stack(pictures[: self.size]),
            "references": both,
            "domain": domain,
            "target": target,
            "latents": rng.standard_normal((self.size, 2, self.latent), np.float32),
            "step": np.full(self.size, number),
        }

    def _picture(self, domain: int, rng: np.random.Generator) -> NDArray:
        files = self.files[domain]
        pixels = photos.read(files[int(rng.integers(len(files)))]).pixels
        return picture(varied(pixels, rng), self.side)


def varied(pixels: NDArray, rng: np.random.Generator) -> NDArray:
    """Half of the pictures, a part of at least four fifths of it; half of those mirrored."""
    height, width = pixels.shape[:2]
    if rng.random() < CROPPED:
        area, aspect = rng.uniform(*AREA), np.exp(rng.uniform(*np.log(ASPECT)))
        high = min(height, max(1, round(height * float(np.sqrt(area / aspect)))))
        wide = min(width, max(1, round(width * float(np.sqrt(area * aspect)))))
        top, left = int(rng.integers(height - high + 1)), int(rng.integers(width - wide + 1))
        pixels = pixels[top : top + high, left : left + wide]
    return pixels[:, ::-1] if rng.random() < 0.5 else pixels


def picture(pixels: NDArray, side: int) -> NDArray:
    """(3, side, side) uint8 of (H, W, 3): a photo that is no square is squeezed, as published."""
    how = cv2.INTER_AREA if min(pixels.shape[:2]) > side else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(pixels), (side, side), interpolation=how).transpose(2, 0, 1)
