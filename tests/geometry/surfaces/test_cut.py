"""A ball cut in two: the rim lies on the plane, what is linear stays so, rims can be closed again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from maquette.core.types import Mesh
from maquette.geometry.mesh import boundary_loops
from maquette.geometry.surfaces.clean import is_closed
from maquette.geometry.surfaces.cut import cut_off, patched, ring_around, zipped


@pytest.fixture(scope="module")
def ball() -> Mesh:
    made = trimesh.creation.icosphere(4, 1.0)
    uvs = (made.vertices[:, :2] / 2 + 0.5).astype(np.float32)
    faces = made.faces.astype(np.int32)
    return Mesh(made.vertices.astype(np.float32), faces, uvs, faces.copy())


def test_the_cut_lies_on_the_plane_and_the_rest_below(ball):
    height = ball.vertices[:, 1].astype(float) - 0.31
    left = cut_off(ball, height, height > 0)
    loops = boundary_loops(left.mesh.faces)
    assert len(loops) == 1
    rim = left.mesh.vertices[loops[0]]
    assert np.abs(rim[:, 1] - 0.31).max() < 1e-6
    assert left.mesh.vertices[:, 1].max() < 0.31 + 1e-6
    corners = left.mesh.vertices[left.mesh.faces]
    assert np.allclose(left.mesh.uvs[left.mesh.uv_faces], corners[..., :2] / 2 + 0.5, atol=1e-6)
    area = trimesh.Trimesh(left.mesh.vertices, left.mesh.faces, process=False).area
    assert area == pytest.approx(2 * np.pi * 1.31, rel=0.01)


def test_a_part_that_is_held_is_parted_raggedly_and_can_be_patched(ball):
    height = ball.vertices[:, 1].astype(float) - 0.31
    gone = (height > 0) & (ball.vertices[:, 0] < 0.6)
    left = cut_off(ball, height, gone)
    _, others = ring_around(left.mesh.faces, left.mesh.vertices[:, [0, 2]].astype(float))
    faces, uv_faces = patched(left.mesh.faces, left.mesh.uv_faces, boundary_loops(left.mesh.faces))
    assert is_closed(faces) and len(uv_faces) == len(faces) and not others


def test_two_rims_are_closed_by_a_strip(ball):
    height = ball.vertices[:, 1].astype(float) - 0.31
    below = cut_off(ball, height, height > 0).mesh
    upper = replace(ball, vertices=(ball.vertices * 0.9 + [0, 0.4, 0]).astype(np.float32))
    above = cut_off(upper, 0.45 - upper.vertices[:, 1].astype(float), upper.vertices[:, 1] < 0.45).mesh
    rims = [boundary_loops(above.faces)[0], boundary_loops(below.faces)[0][::-1]]
    angles = [np.unwrap(np.arctan2(m.vertices[r, 2], m.vertices[r, 0])) for m, r in zip((above, below), rims)]
    start = int(np.abs(np.exp(1j * angles[1]) - np.exp(1j * angles[0][0])).argmin())
    rims[1] = np.roll(rims[1], -start)
    angles[1] = np.unwrap(np.arctan2(below.vertices[rims[1], 2], below.vertices[rims[1], 0]))
    angles[1] += 2 * np.pi * np.round((angles[0][0] - angles[1][0]) / (2 * np.pi))
    around = np.concatenate([rims[0], rims[0][:1], rims[1] + len(above.vertices), rims[1][:1] + len(above.vertices)])
    strip = around[zipped(*angles)]
    assert is_closed(np.concatenate([above.faces, below.faces + len(above.vertices), strip]))
