"""Hanging cloth: closed, outward, round what it hangs on."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.geometry.mesh import boundary_loops
from maquette.synthesis.hanging import (
    COLUMNS,
    angles,
    closed_garment,
    hang_rows,
    open_garment,
    pleated,
    row_points,
    supports,
)

HEIGHTS = np.linspace(1.0, 0.4, 40)


def column(radius: float = 0.1, centre: tuple[float, float] = (0.0, 0.0), low: float = 0.0, high: float = 1.1):
    turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    ring = np.stack([centre[0] + radius * np.cos(turn), np.zeros(60), centre[1] + radius * np.sin(turn)], axis=1)
    return np.concatenate([ring + np.array([0, y, 0]) for y in np.arange(low, high, 0.01)])


def skirt(points, ease=0.02, slope=0.1, drift=(0.0, 0.0)):
    return hang_rows(supports(points, HEIGHTS), HEIGHTS, np.full(len(HEIGHTS), ease), slope, np.array(drift))


def volume(solid):
    corners = solid.vertices[solid.faces].astype(float) - solid.vertices.mean(axis=0)
    return np.linalg.det(corners).sum() / 6


def solids():
    rows = pleated(skirt(column()), np.random.default_rng(0), np.linspace(0, 0.02, len(HEIGHTS)), 9)
    return {"skirt": closed_garment(rows), "coat": open_garment(rows, np.linspace(0.05, 0.6, len(HEIGHTS)), 0.012)}


@pytest.mark.parametrize("name", solids())
def test_solids_are_closed_and_face_outwards(name):
    solid = solids()[name]
    edges = np.concatenate([solid.faces[:, [0, 1]], solid.faces[:, [1, 2]], solid.faces[:, [2, 0]]])
    assert boundary_loops(solid.faces) == [] and len(np.unique(edges, axis=0)) == len(edges)
    assert volume(solid) > 0 and np.isfinite(solid.vertices).all()
    assert solid.cloth_faces.max() < len(solid.cloth) and solid.cloth_faces.shape == solid.faces.shape


def test_cloth_on_a_column_stands_off_by_its_ease():
    rows = skirt(column())
    assert np.allclose(rows.radii, 0.12, atol=2e-3) and np.abs(rows.centres).max() < 1e-3


def test_below_the_widest_place_cloth_narrows_as_it_may():
    wide = np.concatenate([column(0.1), column(0.3, low=0.75, high=0.8)])
    rows = skirt(wide, ease=0.0, slope=0.5)
    at = np.abs(HEIGHTS - 0.55).argmin()
    assert np.allclose(rows.radii[at], 0.3 - 0.5 * (0.75 - 0.022 - HEIGHTS[at]), atol=0.015)
    assert np.allclose(skirt(wide, ease=0.0, slope=0.0).radii[-5], 0.3, atol=5e-3)


def test_one_skirt_goes_round_both_legs():
    legs = np.concatenate([column(0.08, (-0.15, 0.0)), column(0.08, (0.15, 0.1))])
    grid = row_points(skirt(legs, ease=0.01))
    row = grid[20]
    turn = angles()
    for leg in legs[np.abs(legs[:, 1] - HEIGHTS[20]) < 0.006]:
        off = leg[[0, 2]] - skirt(legs, ease=0.01).centres[20]
        reach = np.interp(np.arctan2(*off), turn, np.linalg.norm(row[:, [0, 2]] - row[:, [0, 2]].mean(0), axis=1))
        assert np.linalg.norm(off) < reach + 0.02


def test_cloth_hangs_the_way_things_fall():
    rows = hang_rows(supports(column(low=0.9), HEIGHTS), HEIGHTS, np.zeros(len(HEIGHTS)), 0.0, np.array([0.3, 0.0]))
    assert abs(rows.centres[-1, 0] - 0.3 * (0.88 - 0.4)) < 0.02
    assert rows.radii.shape == (len(HEIGHTS), COLUMNS)
