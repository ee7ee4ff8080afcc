"""What a crop shows of a face: which texels, and the picture of a texture."""

from __future__ import annotations

import pytest
import torch

from hrn_by_seed import face
from maquette.reconstruction.hrn.face_model import rotation
from maquette.reconstruction.hrn.raster import raster, screen, visible


def turned(angle: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Points and normals (1, V, 3) of the mean face turned to a side."""
    model, turn = face(), rotation(torch.tensor([[0.0, angle, 0.0]]))
    shape = model.mean.view(1, -1, 3)
    return shape @ turn, model.normals(shape) @ turn


def test_a_frontal_face_is_seen_and_a_turned_one_half():
    model = face()
    front = visible(model, *turned(0.0))[0]
    assert front.float().mean() > 0.9
    left, right = (visible(model, *turned(angle))[0] for angle in (1.2, -1.2))
    u = (model.table.texels % 256 + 0.5) / 256
    # Each side view shows its own half; a half turned away is hidden by its normals or by what lies before it.
    assert min(left.float().mean(), right.float().mean()) < 0.75
    outer = (u < 0.2, u > 0.8)
    shares = [[seen[side].float().mean().item() for side in outer] for seen in (left, right)]
    assert sorted(shares[0])[0] < 0.05 < 0.9 < sorted(shares[0])[1]
    assert (shares[0][0] > shares[0][1]) != (shares[1][0] > shares[1][1])


def test_the_back_is_never_seen():
    assert not visible(face(), *turned(torch.pi))[0].any()


def test_a_raster_shows_coordinates_where_they_project_to():
    model = face()
    points = turned(0.3)[0][0]
    found = raster(model, points, 224, 256)
    # A texture whose colours are its coordinates: at a vertex's pixel stand its own.
    columns = (torch.arange(256) + 0.5) / 256
    texture = torch.stack((columns.expand(256, 256), (1 - columns)[:, None].expand(256, 256)))[None]
    picture, mask = found.look(texture), found.mask[0, 0].bool()
    assert mask.sum() == len(found.pixels) and not picture[0, :, ~mask].any()
    at = screen(points, 224)
    pixel = at[:, :2].floor().long()
    front = (model.normals(points[None])[0, :, 2] > 0.5) & mask[pixel[:, 1], pixel[:, 0]]
    shown = picture[0, :, pixel[front, 1], pixel[front, 0]].T
    assert front.sum() > 300 and (shown - model.uvs[front]).abs().max() < 0.02


def test_gradients_reach_the_points():
    model = face()
    points = turned(0.1)[0][0].double().requires_grad_()
    texture = torch.rand(1, 1, 256, 256, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def total(moved: torch.Tensor) -> torch.Tensor:
        return raster(model, moved, 64, 256).look(texture).square().sum()

    total(points).backward()
    step = torch.zeros_like(points)
    step[:, 2] = 1e-6  # towards the camera: outlines hardly move
    rise = (total(points.detach() + step) - total(points.detach() - step)) / 2e-6
    assert rise.item() == pytest.approx(points.grad[:, 2].sum().item(), rel=1e-3)
