"""The morphable face: numbers of the published functions, and what must hold of turns, camera and light."""

from __future__ import annotations

import math

import pytest
import torch

from hrn_by_seed import coefficients, face, golden, some
from maquette.reconstruction.hrn.coefficients import split
from maquette.reconstruction.hrn.face_model import (
    FIRST,
    LINEAR,
    QUADRATIC,
    posed,
    project,
    rotation,
    shading,
)


@pytest.fixture(scope="module")
def made() -> dict[str, torch.Tensor]:
    model, found = face(), split(coefficients())
    shape = model.shape(found.identity, found.expression)
    points = posed(shape, found)
    normals = model.normals(shape)
    albedo = model.albedo(found.albedo)
    lit = albedo * shading(model.table.draw(normals @ rotation(found.angles)), found.light)
    return {
        "shape": shape,
        "posed": points,
        "projected": project(points),
        "landmarks_2d": project(points)[:, model.landmarks],
        "normals": normals,
        "albedo": albedo,
        "colours_low": lit,
        "position": model.table.draw(shape),
    }


@pytest.mark.parametrize(
    "name", ["shape", "posed", "projected", "landmarks_2d", "normals", "albedo", "colours_low", "position"]
)
def test_numbers_are_those_of_the_published_functions(made, name):
    torch.testing.assert_close(some(made[name]), golden(name), atol=1e-4, rtol=1e-5)


def test_normals_are_those_of_the_slow_loop():
    model, shape = face(), face().mean.view(1, -1, 3)
    vertex = 137
    total = torch.zeros(3)
    for index in model.rings[vertex].tolist():
        if index < len(model.triangles):
            a, b, c = shape[0, model.triangles[index]]
            normal = torch.linalg.cross(a - b, b - c)
            total += normal / normal.norm()
    torch.testing.assert_close(model.normals(shape)[0, vertex], total / total.norm())


def test_turns_are_turns():
    found = rotation(torch.rand(5, 3) * 4 - 2)
    torch.testing.assert_close(found @ found.transpose(1, 2), torch.eye(3).expand(5, 3, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.linalg.det(found), torch.ones(5))


def test_the_camera():
    at = project(torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 5]]]))
    torch.testing.assert_close(at, torch.tensor([[[112.0, 112], [213.5, 112], [112, 213.5], [112, 112]]]))
    assert math.isclose(math.degrees(2 * math.atan(112 / 1015)), 12.5936, abs_tol=1e-4)


def test_the_light():
    normals = torch.nn.functional.normalize(torch.randn(2, 3, 40), dim=1)
    lit = shading(normals, torch.zeros(2, 27))
    torch.testing.assert_close(lit, torch.full_like(lit, 0.7089815))
    found = torch.tensor([FIRST, LINEAR, QUADRATIC, QUADRATIC / (2 * math.sqrt(3)), QUADRATIC / 2])
    wanted = torch.tensor([0.886226925, 1.772453851, 2.427032391, 0.700623902, 1.213516195])
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)
    red = torch.zeros(1, 27)
    red[0, 2] = 1  # the third harmonic of red lights what looks towards the camera
    lit = shading(torch.tensor([[[0.0], [0], [1]]]), red)
    assert lit[0, 0, 0] > 1 + lit[0, 1, 0] and lit[0, 1, 0] == lit[0, 2, 0]
