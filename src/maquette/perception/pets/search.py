"""Where the face of an animal is within its box: several squares are read, the best reading is taken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.perception.pets.find import Animal
from maquette.perception.pets.landmarks import PetLandmarks, read_landmarks
from maquette.perception.pets.windows import face_square
from maquette.perception.square import Square

SHARES = (1.0, 0.7, 0.5)  # sides of squares, of the box's shorter side, that are tried where the first is poor
GOOD = 0.35  # quality from which on nothing else is tried
LEAST = 0.12  # quality below which there is no face
MARGIN = 0.1  # of the box, around it, in which the cascade looks


def face_of(pixels: NDArray, animal: Animal) -> PetLandmarks | None:
    """The landmarks of one animal's face in pixels of the picture; None where none is found.

    Args:
        pixels: (H, W, 3) uint8.
    """
    best: PetLandmarks | None = None
    for square in _squares(pixels, animal):
        read = read_landmarks(pixels, square)
        if best is None or read.quality > best.quality:
            best = read
        if best.quality >= GOOD:
            break
    return best if best is not None and best.quality >= LEAST else None


def _squares(pixels: NDArray, animal: Animal) -> list[Square]:
    """Squares in which the face may be, likeliest first."""
    low, high = animal.box[:2], animal.box[2:]
    size = high - low
    middle, side = (low + high) / 2, float(size.max())
    out = []
    if size.max() < 1.35 * size.min():
        out.append(Square(middle, side, 0.0))  # a head alone fills its box
    found = _by_cascade(pixels, animal)
    out += [found] if found is not None else []
    if not out:
        out.append(Square(middle, side, 0.0))
    for share in SHARES:
        part = share * float(size.min())
        for x in np.linspace(low[0] + part / 2, high[0] - part / 2, 1 if share == 1.0 and size[0] <= size[1] else 3):
            rows = np.linspace(low[1] + part / 2, high[1] - part / 2, 2)
            out += [Square(np.array([x, y]), part, 0.0) for y in rows]
    return out


def _by_cascade(pixels: NDArray, animal: Animal) -> Square | None:
    margin = MARGIN * (animal.box[2:] - animal.box[:2])
    low = np.maximum(np.floor(animal.box[:2] - margin), 0).astype(int)
    high = np.minimum(np.ceil(animal.box[2:] + margin), pixels.shape[1::-1]).astype(int)
    found = face_square(np.ascontiguousarray(pixels[low[1] : high[1], low[0] : high[0]]))
    return None if found is None else Square(found.centre + low, found.side, found.roll)
