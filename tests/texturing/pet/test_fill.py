"""Colours where no photo shows any."""

from __future__ import annotations

import numpy as np

from maquette.core.types import Mesh
from maquette.texturing.pet.fill import GREY, fill_pet
from maquette.texturing.projection import PointColours


def mesh_of(cat):
    return Mesh(cat.mean, cat.faces, cat.uvs, cat.uv_faces)


def filled_from(cat, colours, trust):
    """Filled from colours (V, 3) that are seen where `trust` (V,) is 1."""
    seen, nothing = PointColours(colours, trust), PointColours(colours, 0 * trust)
    return fill_pet(cat, mesh_of(cat), np.array([[0.0, 0, 1]]), seen, nothing)


def test_one_side_is_mirrored_on_the_other(cat):
    left = (cat.mean[:, 0] > 0.01).astype(np.float32)
    colours = np.where(cat.mean[:, 1:2] > 0, [40.0, 40, 40], [220.0, 210, 200])
    filled = fill_pet(
        cat, mesh_of(cat), np.array([[0.0, 0, 1]]), PointColours(colours, left), PointColours(colours, 0 * left)
    )
    right = np.intersect1d(np.flatnonzero(cat.mean[:, 0] < -0.012), cat.part_vertices("skin"))
    up = right[cat.mean[right, 1] > 0.02]
    down = right[cat.mean[right, 1] < -0.02]
    assert filled.colours[up].mean() < 80 and filled.colours[down].mean() > 170
    assert 0.2 < filled.guessed[up].mean() <= 0.25


def test_dark_above_goes_on_behind_and_light_below_stays_below(cat):
    front = (cat.mean[:, 2] > -0.02).astype(np.float32)
    colours = np.where(cat.mean[:, 1:2] > 0, [40.0, 40, 40], [220.0, 210, 200])
    filled = fill_pet(
        cat, mesh_of(cat), np.array([[0.0, 0, 1]]), PointColours(colours, front), PointColours(colours, 0 * front)
    )
    skin = cat.part_vertices("skin")
    crown = skin[(cat.mean[skin, 2] < -0.04) & (cat.mean[skin, 1] > 0.02)]
    assert filled.colours[crown].mean() < 100


def test_nothing_seen_is_grey(cat):
    nothing = PointColours(np.zeros((len(cat.mean), 3)), np.zeros(len(cat.mean)))
    filled = fill_pet(cat, mesh_of(cat), np.array([[0.0, 0, 1]]), nothing, nothing)
    assert np.allclose(filled.colours, GREY) and not filled.guessed.any()


def test_a_streak_at_the_end_of_the_photo_fades(cat):
    front = (cat.mean[:, 2] > -0.02).astype(np.float32)
    colours = np.full((len(cat.mean), 3), 200.0)
    streak = (np.abs(cat.mean[:, 0] - 0.012) < 0.004) & (cat.mean[:, 1] < 0)
    colours[streak] = 60
    filled = filled_from(cat, colours, front)
    skin = cat.part_vertices("skin")
    far = skin[(cat.mean[skin, 2] < -0.05) & (cat.mean[skin, 1] < -0.05)]
    assert np.ptp(filled.colours[far].mean(axis=1)) < 45


def test_a_black_crown_with_a_white_chin_has_a_black_back(cat):
    front = (cat.mean[:, 2] > -0.02).astype(np.float32)
    colours = np.where(cat.mean[:, 1:2] > -0.02, [24.0, 22, 22], [225.0, 220, 215])
    filled = filled_from(cat, colours, front)
    skin = cat.part_vertices("skin")
    back = skin[(cat.mean[skin, 2] < cat.mean[skin, 2].min() + 0.03) & (cat.mean[skin, 1] > -0.06)]
    assert filled.colours[back].mean() < 50
