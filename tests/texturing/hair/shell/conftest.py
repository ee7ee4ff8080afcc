"""The mean head with a drawn hat or a headscarf, photographed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.geometry.raycast import render_buffers
from maquette.synthesis.accessories.hats import make_hat
from maquette.texturing.hair.grow import head_seen
from maquette.texturing.hair.seen import look
from maquette.texturing.hair.shell.covering import covering_of

RED = np.array([170, 40, 50])


@pytest.fixture(scope="session")
def hatted(photograph, model):
    """hatted(kind, yaw) -> the observation of a head that wears it, its camera, and the hat's corners (N, 3)."""

    def shoot(kind: str, yaw: float = 0.0):
        seen, camera = photograph(yaw)
        surfaces, _ = make_hat(model, model.mean, kind, np.random.default_rng(3))
        corners = [surface.vertices for surface in surfaces]
        starts = np.cumsum([0, *map(len, corners)])[:-1]
        faces = np.concatenate([surface.faces + start for surface, start in zip(surfaces, starts)])
        head = render_buffers(camera, model.mean, model.faces)
        shown = render_buffers(camera, np.concatenate(corners).astype(float), faces)[2] < head[2]
        face_zone = model.regions["face"][model.faces].mean(axis=1)
        skin = np.where(head[0] >= 0, face_zone[np.maximum(head[0], 0)] > 0.5, False) & ~shown
        pixels, mask = seen.frame.pixels.copy(), seen.mask.copy()
        pixels[shown], mask[shown] = RED, 1.0
        frame = replace(seen.frame, pixels=pixels)
        masks = {"skin": skin, "hair": np.zeros_like(mask), "headwear": shown}
        masks = {name: np.asarray(of, np.float32) for name, of in masks.items()}
        return replace(seen, frame=frame, mask=mask, full_size=(320, 320), **masks), camera, np.concatenate(corners)

    return shoot


@pytest.fixture(scope="session")
def covered(hatted, model):
    """covered(kind, yaw) -> the head seen, what covers it, and the hat's corners."""

    def build(kind: str, yaw: float = 0.0):
        seen, camera, corners = hatted(kind, yaw)
        found = look(seen, camera)
        head = head_seen(seen, camera, found, (model.mean, model.mean), model, 1.0)
        return head, covering_of(head, found.worn, kind == "headscarf"), corners

    return build
