"""The rays of a shell meet the head from its top to its neck, once all around."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from maquette.texturing.hair.outline import outer_skin
from maquette.texturing.hair.shell.grid import COLUMNS, shell_grid


def test_the_rays_end_on_the_skin_and_grow_with_it(model):
    grid = shell_grid(model.mean.astype(float), model, 1.0, -0.09)
    points = grid.points(grid.skin)
    assert points.shape[1:] == (COLUMNS, 3) and np.isfinite(points).all()
    apart = cKDTree(outer_skin(model.mean, model)).query(points.reshape(-1, 3))[0]
    assert np.median(apart) < 0.006, "between vertices of the skin"
    large = shell_grid(1.2 * model.mean.astype(float), model, 1.2, -0.108)
    assert np.allclose(large.skin[: len(grid.skin) // 2], 1.2 * grid.skin[: len(grid.skin) // 2], atol=2e-3)


def test_the_directions_are_unit_and_run_around_by_the_left(model):
    grid = shell_grid(model.mean.astype(float), model, 1.0, -0.09)
    assert np.allclose(np.linalg.norm(grid.directions, axis=2), 1)
    level = grid.directions[-1]
    assert np.allclose(np.arctan2(level[:, 0], level[:, 2])[1:], grid.turn[1:])
    assert (grid.sunk <= grid.skin).all() and (grid.spanned >= grid.skin).all()
