"""The twenty landmarks of a pet's face on the template, found by where they lie in its rest pose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEFT = {  # metres; the left ones of maquette's pet20 scheme, by their numbers there
    3: (0.0362, 0.7030, 0.6680), 2: (0.0168, 0.7020, 0.6790), 8: (0.0300, 0.6380, 0.6950), 15: (0.0480, 0.7480, 0.6000),
    16: (0.0860, 0.8065, 0.6070), 17: (0.0710, 0.6950, 0.6000), 19: (0.0540, 0.6550, 0.6100),
}  # fmt: skip
MIDDLE = {  # y and z
    4: (0.6657, 0.7756), 5: (0.7080, 0.6900), 6: (0.7470, 0.6150), 9: (0.6430, 0.7700), 10: (0.6050, 0.7270),
    11: (0.5920, 0.7100),
}  # fmt: skip
RIGHT_OF = {3: 0, 2: 1, 8: 7, 15: 14, 16: 13, 17: 12, 19: 18}


def landmarks(vertices: NDArray, skin: NDArray, mirror: NDArray) -> NDArray:
    """(20,) vertices.

    Args:
        vertices: (V, 3) metres. skin: (n,) those of the outer skin. mirror: (V,).
    """
    found = np.zeros(20, np.int64)
    middle = skin[np.abs(vertices[skin, 0]) < 1e-6]
    for number, place in LEFT.items():
        found[number] = skin[np.linalg.norm(vertices[skin] - place, axis=1).argmin()]
        found[RIGHT_OF[number]] = mirror[found[number]]
    for number, (y, z) in MIDDLE.items():
        found[number] = middle[np.linalg.norm(vertices[middle, 1:] - [y, z], axis=1).argmin()]
    return found
