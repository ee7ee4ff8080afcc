"""Occlusion and parts of a mesh for pictures."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from maquette.geometry.mesh import vertex_normals
from maquette.outputs.shaded_mesh import openness, shade_mesh


def test_openness_is_one_in_the_open_and_low_in_a_pit():
    floor = trimesh.creation.box((1, 1, 0.01))
    box = trimesh.creation.box((0.04, 0.04, 0.04))
    box.invert()
    open_box = trimesh.Trimesh(box.vertices, box.faces[box.face_normals[:, 2] > -0.5], process=False)
    assert openness(floor.vertices, floor.faces, vertex_normals(floor.vertices, floor.faces)).min() > 0.95
    pit = openness(open_box.vertices, open_box.faces, vertex_normals(open_box.vertices, open_box.faces))
    assert pit[open_box.vertices[:, 2] < 0].max() < 0.8


@pytest.mark.parametrize("longest", [1.0, 0.02])
def test_a_part_keeps_its_corners(longest):
    ball = trimesh.creation.icosphere(2, 0.1)
    shaded, origin = shade_mesh(ball.vertices, ball.faces.astype(np.int32), longest=longest)
    assert len(origin) == len(shaded.faces)
    some = np.arange(0, len(shaded.faces), 3)
    part = shaded.part(some)
    assert np.array_equal(part.vertices[part.faces], shaded.vertices[shaded.faces[some]])
    assert np.allclose(np.linalg.norm(part.normals, axis=1), 1, atol=1e-5)
