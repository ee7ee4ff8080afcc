"""Soft silhouettes: exact distances on simple shapes, agreement with ray casting, gradients against differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import trimesh

from maquette.core.types import Camera
from maquette.geometry import mesh
from maquette.geometry.raycast import render_buffers
from maquette.geometry.rendering.soft_rasterize import (
    outline_edges,
    project_with,
    soft_normals,
    soft_silhouette,
    torch_vertex_normals,
)

SIZE = (48, 40)


def camera(projection="orthographic", scale=30.0):
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[2, 3] = 2.0
    focal = scale if projection == "orthographic" else 2 * scale
    intrinsics = np.array([[focal, 0, SIZE[0] / 2 + 0.3], [0, focal, SIZE[1] / 2 - 0.2], [0, 0, 1]])
    return Camera(intrinsics, pose, SIZE, projection)


def ball(radius=0.4, subdivisions=2, centre=(0.0, 0.0, 0.0), dtype=torch.float64):
    made = trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius)
    vertices = torch.tensor(np.array(made.vertices) + centre, dtype=dtype)
    return vertices, torch.tensor(np.array(made.faces), dtype=torch.int64)


def step(signed, softness):
    share = np.clip(0.5 + signed / (2 * softness), 0, 1)
    return share**2 * (3 - 2 * share)


@pytest.mark.parametrize("softness", [1.0, 2.0, 4.0])
def test_a_rectangle_is_covered_as_its_distance_says(softness):
    low, high = np.array([10.3, 8.6]), np.array([33.1, 30.2])
    corners = [[low[0], low[1], 1], [low[0], high[1], 1], [high[0], high[1], 1], [high[0], low[1], 1]]
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    soft = soft_silhouette(torch.tensor(corners, dtype=torch.float64), faces, SIZE, softness)
    x, y = np.meshgrid(np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5)
    beyond = np.stack([np.maximum(low[0] - x, x - high[0]), np.maximum(low[1] - y, y - high[1])])
    signed = -(np.linalg.norm(np.maximum(beyond, 0), axis=0) + np.minimum(beyond.max(axis=0), 0))
    assert np.abs(soft.numpy() - step(signed, softness)).max() < 1e-6


def test_the_diagonal_inside_is_no_outline():
    square = torch.tensor([[0.0, 0, 1], [0, 9, 1], [9, 9, 1], [9, 0, 1]])
    edges = outline_edges(square, torch.tensor([[0, 1, 2], [0, 2, 3]]))
    assert sorted(map(tuple, edges.tolist())) == [(0, 1), (0, 3), (1, 2), (2, 3)]


@pytest.mark.parametrize("projection", ["orthographic", "perspective"])
def test_coverage_and_normals_agree_with_ray_casting(projection):
    one, faces = ball(0.35, 3, (-0.1, 0.05, 0))
    two, _ = ball(0.25, 3, (0.2, -0.1, 0.3))  # runs into the first
    vertices, faces = torch.cat([one, two]), torch.cat([faces, faces + len(one)])
    seen = camera(projection)
    soft = soft_silhouette(project_with(seen, vertices), faces, SIZE)
    face, barycentric, _ = render_buffers(seen, vertices.numpy(), faces.numpy())
    assert np.mean((soft.numpy() > 0.5) != (face >= 0)) < 0.002
    normals, hit = soft_normals(vertices, faces, seen, SIZE)
    assert np.mean(hit.numpy() != (face >= 0)) < 0.002
    corner = mesh.vertex_normals(vertices.numpy(), faces.numpy())[faces.numpy()[np.maximum(face, 0)]]
    world = np.einsum("hwk,hwkd->hwd", barycentric, corner)
    world /= np.maximum(np.linalg.norm(world, axis=2, keepdims=True), 1e-9)
    both = hit.numpy() & (face >= 0)
    # This camera looks along -z: right, up, to the camera are x, y, z.
    assert np.mean(np.sum(world * normals.numpy(), axis=2)[both] > 0.9999) > 0.98


def test_the_back_is_the_farthest_surface_in_the_same_pixels():
    vertices, faces = ball(0.5, 3)
    front, hit = soft_normals(vertices, faces, camera(), SIZE)
    back, same = soft_normals(vertices, faces, camera(), SIZE, back=True)
    assert torch.equal(hit, same)
    inner = hit & (front[..., 2] > 0.3)
    assert torch.allclose(back[inner] * torch.tensor([1.0, 1.0, -1.0]), front[inner], atol=0.06)


def test_vertex_normals_are_those_of_numpy():
    vertices, faces = ball()
    vertices = torch.cat([vertices * torch.tensor([1.0, 2.0, 0.5]), torch.zeros(1, 3)])
    assert np.allclose(torch_vertex_normals(vertices, faces), mesh.vertex_normals(vertices.numpy(), faces.numpy()))


@pytest.mark.parametrize("projection", ["orthographic", "perspective"])
def test_gradients_are_those_of_differences(projection):
    generator = torch.Generator().manual_seed(0)
    vertices, faces = ball(0.35)
    vertices = vertices * torch.tensor([1.0, 1.3, 0.8]) + 0.02 * torch.randn(vertices.shape, generator=generator)
    seen = camera(projection)
    weights = torch.rand(SIZE[1], SIZE[0], generator=generator, dtype=torch.float64)
    tilts = torch.randn(SIZE[1], SIZE[0], 3, generator=generator, dtype=torch.float64)

    def value(points, part):
        if part == "silhouette":
            return (soft_silhouette(project_with(seen, points), faces, SIZE) * weights).sum()
        return (soft_normals(points, faces, seen, SIZE)[0] * tilts).sum()

    for part in ("silhouette", "normals"):
        points = vertices.clone().requires_grad_()
        slope = torch.autograd.grad(value(points, part), points)[0]
        for seed in range(4):
            way = torch.randn(vertices.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
            # So short that no pixel changes its triangle.
            small = 1e-7
            difference = (value(vertices + small * way, part) - value(vertices - small * way, part)) / (2 * small)
            assert (slope * way).sum().item() == pytest.approx(difference.item(), rel=1e-3, abs=1e-3)


def test_the_gradient_of_the_area_is_the_outline():
    # The area of a disc of radius r pixels grows by 2 pi r per pixel.
    vertices, faces = ball(1.0, 4)
    radius = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    soft_silhouette(project_with(camera(), vertices * radius), faces, SIZE).sum().backward()
    assert radius.grad.item() == pytest.approx(2 * np.pi * 0.5 * 30**2, rel=0.02)


def test_nothing_to_see_is_nothing():
    vertices, faces = ball()
    assert not soft_silhouette(project_with(camera(), vertices + 50), faces, SIZE).any()
    normals, hit = soft_normals(vertices + 50, faces, camera(), SIZE)
    assert not normals.any() and not hit.any()
    filled = soft_silhouette(project_with(camera(), 50 * vertices), faces, SIZE)
    assert filled.min() == 1
