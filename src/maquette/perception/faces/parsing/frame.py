"""The crop that the network reads: upright, the whole head with neck and shoulders."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.perception.faces.regressor.align import face_square
from maquette.perception.square import Square

SIDE = 256  # pixels of the crop
EXTENT = 2.4  # side of the crop over the larger extent of the landmarks: long hair and the shoulders
UP = 0.08  # share of that extent by which the crop's centre lies above the face's


def head_square(landmarks: NDArray, extent: float = EXTENT) -> Square:
    """The upright square around the head of landmarks (478, 2+), in their pixels."""
    face = face_square(landmarks)
    up = np.array([np.sin(face.roll), -np.cos(face.roll)])
    return Square(face.centre + UP * face.side * up, extent * face.side, face.roll)
