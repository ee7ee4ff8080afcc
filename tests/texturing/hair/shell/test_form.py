"""A shell has the outline of the photo, and lies under the skin where it ends."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from maquette.geometry.raycast import render_buffers
from maquette.texturing.hair.shell.form import TUCKED_M, inflate


@pytest.mark.parametrize(("kind", "yaw", "within_mm"), [("beanie", 0.0, 6), ("beanie", 0.4, 6), ("cap", 0.0, 9)])
def test_a_drawn_hat_is_found_again_from_its_outline(covered, kind, yaw, within_mm):
    head, covering, corners = covered(kind, yaw)
    shell = inflate(head, covering)
    assert shell.errors[1] < 2.5 < shell.errors[0] and shell.seen > 0.6
    apart = 1000 * cKDTree(corners).query(shell.points[shell.edge > 0.012])[0]
    assert np.median(apart) < within_mm, "also behind, where no photo shows it"


def test_a_brim_stands_out_all_around(covered):
    head, covering, _ = covered("brim")
    shell = inflate(head, covering)
    out = (shell.reach - shell.grid.skin).max(axis=0)
    assert out.min() > 0.03 and shell.errors[1] < 6


def test_beyond_its_edge_a_shell_is_under_the_skin(covered):
    head, covering, _ = covered("beanie")
    shell = inflate(head, covering)
    under = shell.edge <= 0
    assert (shell.reach[under] <= shell.grid.skin[under] - TUCKED_M + 1e-9).all()
    assert (shell.reach[shell.edge > 0.012] > shell.grid.skin[shell.edge > 0.012]).all()


def test_a_headscarf_leaves_the_face_free_and_covers_the_throat(covered):
    head, covering, _ = covered("headscarf")
    shell = inflate(head, covering)
    closed = np.arange(shell.points[..., 0].size).reshape(shell.reach.shape)
    closed = np.concatenate([closed, closed[:, :1]], axis=1)
    quads = np.stack([closed[:-1, :-1], closed[1:, :-1], closed[1:, 1:], closed[:-1, 1:]], axis=2).reshape(-1, 4)
    faces = np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]])
    depth = render_buffers(head.seen.camera, shell.points.reshape(-1, 3), faces)[2]
    before = (depth < head.empty.depth) & head.seen.inside
    agree = before == covering.mask
    assert agree[np.isfinite(head.empty.depth)].mean() > 0.93
