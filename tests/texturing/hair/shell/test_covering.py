"""Where what covers a head ends."""

from __future__ import annotations

import numpy as np

from maquette.texturing.hair.shell.covering import inside_edge, rim_edge, scalp_edge
from maquette.texturing.hair.shell.grid import shell_grid


def test_a_hat_ends_at_the_forehead_and_the_background_is_no_end(covered, model):
    head, covering, _ = covered("beanie")
    y, x = np.nonzero(covering.mask)
    assert (covering.edge[y, x] > -0.004).all() and covering.edge[y.min() + 3, int(np.median(x))] > 0.02
    eyes = int(head.seen.camera.intrinsics[1, 2])
    assert covering.edge[eyes, int(np.median(x))] < -0.02 and not covering.veil


def test_the_edge_goes_on_around_the_head(covered, model):
    head, covering, _ = covered("beanie")
    grid = shell_grid(head.neutral, model, 1.0, -0.09)
    usual = scalp_edge(grid, head.neutral, model)
    assert usual[0].min() > 0.02 and usual[-1, np.abs(grid.turn) < 0.5].max() < 0, "the top, and below the chin"
    edge = inside_edge(covering, head, grid, usual)
    rim = rim_edge(grid, edge, np.array([np.pi / 2, -np.pi / 2]))
    height = grid.points(grid.skin)[..., 1]
    front, back = np.abs(grid.turn).argmin(), 0
    lowest = [height[:, column][rim[:, column] > 0].min() for column in (front, back)]
    assert 0.0 < lowest[0] - lowest[1] < 0.04, "a hat reaches farther down behind"
