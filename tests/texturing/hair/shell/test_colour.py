"""A shell's colours: the photo's where it looks at it, and of nothing else elsewhere."""

from __future__ import annotations

import numpy as np

from maquette.texturing.hair.shell.colour import _closed, _continued, paint_shell
from maquette.texturing.hair.shell.form import inflate
from maquette.texturing.hair.shell.part import grid_triangles
from texturing.hair.shell.conftest import RED


def test_a_hat_has_its_own_colour_also_behind(covered):
    head, covering, _ = covered("beanie")
    shell = inflate(head, covering)
    texture = paint_shell(shell, head, covering, grid_triangles(shell.edge > -0.01))
    upper = texture[: len(texture) // 2].astype(int)
    assert np.abs(np.median(upper, axis=(0, 1)) - RED).max() < 8
    assert (np.abs(upper - RED).max(axis=2) > 60).mean() < 0.02, "neither the green behind nor skin"


def test_colours_go_on_in_their_rows_and_meet_behind():
    height, width = 60, 240
    rows = np.where(np.arange(height) < 30, 60.0, 180.0)
    colour = np.broadcast_to(rows[:, None, None], (height, width, 3)).astype(np.float32)
    known = np.abs(np.arange(width) - width / 2) < 60
    known = np.broadcast_to(known, (height, width))
    hidden = np.where(known[..., None], colour, 255)
    made = _continued(hidden, known, known).astype(float)
    assert np.abs(made[:20] - 60).max() < 12 and np.abs(made[40:] - 180).max() < 12, "a stripe stays one"
    assert np.abs(made[:, 0] - made[:, -1]).max() < 12, "no seam behind"


def test_a_gap_between_hat_and_hair_has_the_colour_beside_it():
    colour = np.zeros((40, 120, 3), np.float32)
    colour[:, :50], colour[:, 60:] = 200, 40
    known = np.ones((40, 120), bool)
    known[:, 50:60] = False
    filled, seen = _closed(colour, known, np.ones_like(known))
    assert seen.all() and np.abs(filled[:, 52] - 200).max() < 60 and np.abs(filled[:, 57] - 40).max() < 60
    assert not _closed(colour, known, np.zeros_like(known))[1][:, 50:60].any(), "nobody looked there"
