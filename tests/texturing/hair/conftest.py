"""The mean head with hair of a known style and colour, photographed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.geometry.raycast import render_buffers
from maquette.texturing.hair.place import place
from maquette.texturing.hair.styles import style, texel_map

BROWN = np.array([70, 45, 30])


@pytest.fixture(scope="session")
def haired(photograph, model):
    """haired(name, yaw) -> the observation of a head with that style, all of it opaque, and its camera."""

    def shoot(name: str | None, yaw: float = 0.0):
        seen, camera = photograph(yaw)
        head = render_buffers(camera, model.mean, model.faces)
        face_zone = model.regions["face"][model.faces].mean(axis=1)
        skin = np.where(head[0] >= 0, face_zone[np.maximum(head[0], 0)] > 0.5, False)
        pixels, mask = seen.frame.pixels.copy(), seen.mask.copy()
        if name is not None:
            hair = place(style(name), model.mean, model, 1.0)
            front = render_buffers(camera, hair.vertices, hair.style.faces[texel_map(name).solid])[2]
            shown = front < head[2]
            grain = np.random.default_rng(0).normal(0, 8, shown.shape)[..., None]
            pixels[shown] = np.clip(BROWN + grain, 0, 255)[shown]
            mask[shown], skin = 1.0, skin & ~shown
        frame = replace(seen.frame, pixels=pixels)
        return replace(seen, frame=frame, mask=mask, skin=skin.astype(np.float32), full_size=(320, 320)), camera

    return shoot
