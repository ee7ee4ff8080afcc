"""The square around an animal's face that is cut as the photos are that translation has learned from (AFHQ, portraits).

Its eyes lie at (0.355, 0.48) and (0.645, 0.48), seen from the front; a head that is turned away is as large in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.device import usable_device
from maquette.perception.pets.find import find_animals
from maquette.perception.pets.landmarks import EYES, PetLandmarks, square_of
from maquette.perception.pets.reader import load_head
from maquette.perception.pets.search import face_of
from maquette.perception.pets.windows import EYES_IN_SQUARE
from maquette.perception.square import Square

EYES_APART = 0.29 / 0.93  # of the side; heads that are fitted come out so much too wide: 28 photos, eyes read by hand


def aligned_face(pixels: NDArray, device: str = "cpu") -> Square | None:
    """The square of the largest animal's face in a photo (H, W, 3) uint8, upright; None where no face is found.

    Raises:
        WeightsMissing: the networks' files are not in the package.
    """
    faces = [face_of(pixels, animal) for animal in find_animals(pixels).animals]
    read = [face for face in faces if face is not None]
    return aligned_square(max(read, key=lambda face: float(np.ptp(face.points[:, 0]))), device) if read else None


def aligned_square(face: PetLandmarks, device: str = "cpu") -> Square:
    """The square of a face whose landmarks are known; it may leave the photo.

    How far the eyes are apart, seen from the front, is read off the likeliest species' mean head, fitted affinely.
    """
    likeliest = max(range(len(face.species)), key=[*face.species.values()].__getitem__)
    template = load_head(usable_device(device)).template[likeliest].cpu().numpy()
    fitted = np.linalg.lstsq(np.column_stack([template, np.ones(len(template))]), face.points, rcond=None)[0]
    apart = float(np.linalg.svd(fitted[:3], compute_uv=False).mean())
    roll = square_of(face.points).roll
    side = apart / EYES_APART
    eyes = np.mean([face.points[part].mean(axis=0) for part in EYES], axis=0)
    upright = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    return Square(eyes + side * upright @ (0.5 - np.array(EYES_IN_SQUARE)), side, roll)
