"""swing.mp4: the face turns 30 degrees to one side and to the other, seen a little from above."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from maquette.outputs.asset import Asset
from maquette.outputs.pictures.turntable import CONTRAST, SIDE, SUPERSAMPLE, film
from maquette.outputs.pictures.views import Scene, backdrop

FRAMES = 30  # one way; as many come back
REACH, LIFT = np.radians(30), np.radians(5)


def swing_frames(scene: Scene, size: tuple[int, int]) -> Iterator[NDArray]:
    """(height, width, 4) uint8 pictures from the subject's right to its left and back, premultiplied alpha."""
    way = np.linspace(-REACH, REACH, FRAMES)
    for turn in (*way, *way[::-1]):
        yield scene.studio.render(scene.camera(float(turn), LIFT, size), "texture", CONTRAST, SUPERSAMPLE)


def write_swing(asset: Asset) -> bytes:
    """MP4 (H.264), 60 frames, 2 seconds, that loops."""
    size = (SIDE, SIDE)
    return film(swing_frames(asset.scene, size), backdrop(size))
