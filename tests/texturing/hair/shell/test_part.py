"""A shell as a part: closed from its rim up, wound outwards, light."""

from __future__ import annotations

import numpy as np

from maquette.geometry.mesh import boundary_loops
from maquette.texturing.hair.shell.form import inflate
from maquette.texturing.hair.shell.part import grid_triangles, shell_part


def test_a_shell_is_one_piece_with_one_rim(covered):
    head, covering, _ = covered("cap")
    part = shell_part(inflate(head, covering), head, covering)
    mesh = part.mesh
    assert part.name == "hair" and len(mesh.faces) < 12_000 and mesh.texture.shape[2] == 3
    assert len(boundary_loops(mesh.faces)) == 1
    corners = mesh.vertices[mesh.faces].astype(float)
    outward = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    away = corners.mean(axis=1) - [0, 0.035, -0.055]
    assert ((outward * away).sum(axis=1) > 0).mean() > 0.97
    lit = part.normals[mesh.faces].mean(axis=1)
    assert ((outward * lit).sum(axis=1) > 0).mean() > 0.97


def test_a_whole_grid_is_closed_but_for_its_foot():
    faces = grid_triangles(np.ones((5, 8), bool))
    joined = faces // 9 * 8 + faces % 9 % 8
    joined[joined < 8] = 0  # the first row is one point
    edges = np.sort(np.concatenate([joined[:, :2], joined[:, 1:], joined[:, [2, 0]]]), axis=1)
    _, count = np.unique(edges, axis=0, return_counts=True)
    assert (count == 1).sum() == 8 and count.max() == 2
