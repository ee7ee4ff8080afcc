"""The loss in image space: a sphere found again by descent, normals that turn a shape, silhouettes of fields."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import trimesh

from maquette.core.types import Camera
from maquette.evaluation.image_space.loss import cosine_loss, imagespace_loss, silhouette_of_field, soft_iou
from maquette.geometry.rendering.soft_rasterize import project_with, soft_normals, soft_silhouette

SIDE = 64
CAMERA = Camera(
    np.array([[24.0, 0, SIDE / 2], [0, 24, SIDE / 2], [0, 0, 1]]),
    np.diag([1.0, -1.0, -1.0, 1.0]),
    (SIDE, SIDE),
    "orthographic",
)


def ball(subdivisions=3):
    made = trimesh.creation.icosphere(subdivisions=subdivisions)
    return torch.tensor(np.array(made.vertices), dtype=torch.float32), torch.tensor(np.array(made.faces))


def test_a_sphere_is_found_by_descent():
    vertices, faces = ball()
    truth = vertices * 0.62 + torch.tensor([0.2, -0.15, 0.0])
    mask = (soft_silhouette(project_with(CAMERA, truth), faces, (SIDE, SIDE)) > 0.5).float()
    normals, _ = soft_normals(truth, faces, CAMERA, (SIDE, SIDE))
    place = torch.tensor([-0.2, 0.3, 0.0], requires_grad=True)
    radius = torch.tensor(0.4, requires_grad=True)
    optimiser = torch.optim.Adam([place, radius], lr=0.03)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.96)
    losses = []
    for _ in range(90):
        optimiser.zero_grad()
        loss = imagespace_loss(vertices * radius + place, faces, CAMERA, mask, normals)
        loss.backward()
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    # A pixel is 42 mm: what is found lies within a fifth of one.
    assert radius.item() == pytest.approx(0.62, abs=0.008)
    assert place[:2].tolist() == pytest.approx([0.2, -0.15], abs=0.008)
    assert losses[-1] < 0.03 < 0.5 < losses[0]


def test_normals_tell_what_the_silhouette_cannot():
    vertices, faces = ball()
    shape = vertices * torch.tensor([0.5, 0.8, 0.3])  # a turn about the vertical by +a or -a looks the same
    mask = torch.ones(SIDE, SIDE)

    def turned(angle):
        c, s = torch.cos(angle), torch.sin(angle)
        x, y, z = shape.unbind(dim=1)
        return torch.stack([c * x + s * z, y, c * z - s * x], dim=1)

    target, _ = soft_normals(turned(torch.tensor(0.4)), faces, CAMERA, (SIDE, SIDE))
    back, _ = soft_normals(turned(torch.tensor(0.4)), faces, CAMERA, (SIDE, SIDE), back=True)
    losses = {
        angle: imagespace_loss(turned(torch.tensor(angle)), faces, CAMERA, mask, target, back).item()
        for angle in (-0.4, 0.0, 0.4)
    }
    assert losses[0.4] < losses[0.0] < losses[-0.4]
    angle = torch.tensor(0.0, requires_grad=True)
    slope = torch.autograd.grad(imagespace_loss(turned(angle), faces, CAMERA, mask, target, back), angle)[0]
    assert slope < 0


def test_a_perfect_fit_costs_nothing_and_unknown_normals_do_not_count():
    vertices, faces = ball()
    vertices = vertices * 0.6
    soft = soft_silhouette(project_with(CAMERA, vertices), faces, (SIDE, SIDE))
    normals, hit = soft_normals(vertices, faces, CAMERA, (SIDE, SIDE))
    assert imagespace_loss(vertices, faces, CAMERA, soft, normals).item() < 0.04
    assert cosine_loss(normals, normals, hit).item() == pytest.approx(0, abs=1e-6)
    assert cosine_loss(normals, torch.zeros_like(normals), hit).item() == 0
    hard = (soft > 0.5).float()
    assert soft_iou(hard, hard).item() == 1 and soft_iou(hard, 0 * hard).item() == 0
    assert soft_iou(0 * hard, 0 * hard).item() == 1


def test_the_silhouette_of_a_field_is_its_maximum_and_has_its_gradient():
    radius = torch.tensor(0.5, requires_grad=True)

    def field(points):
        return torch.sigmoid(15 * (radius - (points - torch.tensor([0.1, 0.0, 0.2])).norm(dim=1)))

    x = torch.linspace(-1, 1, 21)
    columns = torch.stack(torch.meshgrid(x, x, indexing="xy"), dim=2).reshape(-1, 2)
    depths = torch.linspace(-1, 1, 41)
    found = silhouette_of_field(field, columns, depths, chunk=1000)
    points = torch.cat([columns.repeat_interleave(41, 0), depths.repeat(len(columns))[:, None]], dim=1)
    dense = field(points).reshape(-1, 41).amax(dim=1)
    assert torch.allclose(found, dense, rtol=1e-5)
    slopes = [torch.autograd.grad((s * columns[:, 0].abs()).sum(), radius)[0].item() for s in (found, dense)]
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-5) and slopes[0] > 0
