"""The dense grid: its triangles, its normals against a slow loop, and its mesh."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maquette.geometry.surfaces.texel_grid import (
    chart_mesh,
    dense_mesh,
    displaced_normals,
    grid_normals,
    grid_triangles,
    tangent_map,
)

SIDE = 20


def slow_triangles(side: int) -> list[list[int]]:
    found = []
    for x in range(2, side - 3):
        for y in range(5, side - 6):
            found.append([y * side + x, (y + 1) * side + x, y * side + x + 1])
            found.append([y * side + x + 1, (y + 1) * side + x, (y + 1) * side + x + 1])
    return found


def bumps(side: int) -> torch.Tensor:
    """(1, 3, side, side): x right, y up, z a hill."""
    y, x = torch.meshgrid(torch.linspace(1, -1, side), torch.linspace(-1, 1, side), indexing="ij")
    return torch.stack((x, y, 0.3 * torch.cos(3 * x) + 0.2 * torch.sin(4 * y)))[None]


def test_triangles():
    np.testing.assert_array_equal(grid_triangles(SIDE), slow_triangles(SIDE))
    found = grid_triangles(256)
    assert found.shape == (122_990, 3) and (found.min(), found.max()) == (1282, 64_253)


def test_normals_are_those_of_the_slow_loop():
    points = bumps(SIDE)
    flat, total = points[0].reshape(3, -1).T, torch.zeros(SIDE * SIDE, 3)
    for corners in slow_triangles(SIDE):
        a, b, c = flat[corners]
        for corner in corners:
            total[corner] += torch.linalg.cross(b - a, c - a)
    wanted = torch.nn.functional.normalize(total, eps=1e-6, dim=1)
    torch.testing.assert_close(grid_normals(points)[0].reshape(3, -1).T, wanted)


def test_a_flat_front_grid_looks_at_the_viewer():
    points = bumps(SIDE)
    points[:, 2] = 0
    inner = grid_normals(points)[0, :, 5:-5, 2:-2]
    torch.testing.assert_close(inner, torch.tensor([0.0, 0, 1])[:, None, None].expand_as(inner))


@pytest.mark.parametrize("flip", [False, True])
def test_without_displacement_normals_stay(flip):
    points = bumps(SIDE)
    normals = grid_normals(points)
    assert torch.equal(displaced_normals(points, normals, torch.zeros(1, 1, SIDE, SIDE), flip), normals)


def test_a_ramp_of_displacement_tilts_the_normal():
    points = bumps(SIDE)
    points[:, 2] = 0
    up = torch.tensor([0.0, 0, 1])[None, :, None, None].expand(1, 3, SIDE, SIDE)
    ramp = 0.1 * points[:, :1]
    tilted, flipped = (displaced_normals(points, up, ramp, flip)[0, :, 10, 10] for flip in (False, True))
    torch.testing.assert_close(tilted, torch.tensor([-0.1, 0, 1]) / 1.01**0.5, atol=1e-5, rtol=0)
    torch.testing.assert_close(flipped, tilted * torch.tensor([-1.0, -1, 1]))


def test_the_mesh_has_a_vertex_per_texel_and_its_coordinates():
    points, covered = bumps(SIDE)[0].numpy(), np.ones((SIDE, SIDE), bool)
    covered[:, 12:] = False
    found = dense_mesh(points, covered)
    assert len(found.vertices) == len(found.uvs) == len(found.texels) == (SIDE - 10) * 10
    assert found.faces.shape == (2 * (SIDE - 11) * 9, 3)
    np.testing.assert_allclose(found.uvs[:, 0] * 2 - 1, found.vertices[:, 0] * (SIDE - 1) / SIDE, atol=1e-6)
    np.testing.assert_allclose(found.uvs[:, 1] * 2 - 1, found.vertices[:, 1] * (SIDE - 1) / SIDE, atol=1e-6)
    a, b, c = found.vertices[found.faces].transpose(1, 0, 2)
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()


def test_published_files_shift_every_triangle():
    points, covered = bumps(SIDE)[0].numpy(), np.ones((SIDE, SIDE), bool)
    plain, shifted = (dense_mesh(points, covered, shift) for shift in (False, True))
    np.testing.assert_array_equal(shifted.texels[shifted.faces] + 1, plain.texels[plain.faces])


def test_the_normal_map_is_blue_where_nothing_is_displaced():
    y, x = torch.meshgrid(torch.linspace(1, -1, 30), torch.linspace(-1, 1, 30), indexing="ij")
    position, normals = torch.stack((x, y, 0 * x)), torch.tensor([0.0, 0, 1])[:, None, None].expand(3, 30, 30)
    flat = tangent_map(position, normals, normals)
    assert (flat == (128, 128, 255)).all()
    right, up = (torch.tensor(v)[:, None, None].expand(3, 30, 30) for v in ([0.6, 0.0, 0.8], [0.0, 0.6, 0.8]))
    assert tuple(tangent_map(position, normals, right)[15, 15]) == (204, 128, 230)
    assert tuple(tangent_map(position, normals, up)[15, 15]) == (128, 204, 230)


def test_a_mesh_of_charts_has_no_triangle_between_them():
    points, charts = bumps(SIDE)[0].numpy(), np.zeros((SIDE, SIDE), int)
    charts[:, 12:], charts[0] = 1, -1
    found = chart_mesh(points, charts)
    columns = found.texels[found.faces] % SIDE
    assert len(found.faces) == 2 * (SIDE - 2) * (11 + SIDE - 13)
    assert ((columns < 12).all(axis=1) | (columns >= 12).all(axis=1)).all()
    a, b, c = found.vertices[found.faces].transpose(1, 0, 2)
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()
