"""The landmark head: shapes, bounds, and that it can learn."""

from __future__ import annotations

import pytest
import torch

from maquette.perception.pets.features import WIDTHS
from maquette.perception.pets.landmark_network import LOG_VARIANCE, POINTS, PetLandmarkHead
from maquette.perception.pets.schemes import FLIPPED


def maps_of(count, side, seed=0):
    torch.manual_seed(seed)
    return [torch.randn(count, width, side // s, side // s) for width, s in zip(WIDTHS, (4, 8, 16, 32))]


def test_it_gives_points_within_the_picture_and_heat_that_sums_to_one():
    torch.manual_seed(0)
    head = PetLandmarkHead(16).eval()
    points, log_variance, visible, heat = head(*maps_of(2, 64))
    assert points.shape == (2, POINTS, 2) and visible.shape == log_variance.shape == (2, POINTS)
    assert heat.shape == (2, POINTS, 8, 8) and torch.allclose(heat.sum(dim=(2, 3)), torch.ones(2, POINTS), atol=1e-5)
    assert (points > 0).all() and (points < 1).all()
    assert (log_variance >= LOG_VARIANCE[0]).all() and (log_variance <= LOG_VARIANCE[1]).all()


def test_points_are_where_the_heat_is():
    torch.manual_seed(1)
    head = PetLandmarkHead(16).eval()
    torch.nn.init.normal_(head.heat.weight)
    points, _, _, heat = head(*maps_of(1, 64))
    assert float((points - points.mean(dim=1, keepdim=True)).detach().abs().max()) > 0.05
    grid = (torch.arange(8) + 0.5) / 8
    assert torch.allclose(points[0, :, 0], (heat[0].sum(dim=1) * grid).sum(dim=1), atol=1e-5)
    assert torch.allclose(points[0, :, 1], (heat[0].sum(dim=2) * grid).sum(dim=1), atol=1e-5)


def test_the_mirrored_order_is_its_own_inverse():
    assert [FLIPPED[k] for k in FLIPPED] == list(range(POINTS))
    assert [k for k in range(POINTS) if FLIPPED[k] == k] == [4, 5, 6, 9, 10, 11]


@pytest.mark.slow
def test_it_learns_places_by_heart():
    torch.manual_seed(0)
    head, maps = PetLandmarkHead(16, dropped=0.0), maps_of(4, 64)
    wanted = torch.rand(4, POINTS, 2) * 0.8 + 0.1
    rule = torch.optim.Adam(head.parameters(), 5e-3)
    for _ in range(150):
        error = ((head(*maps)[0] - wanted) ** 2).sum(dim=2).mean()
        rule.zero_grad()
        error.backward()
        rule.step()
    assert float(error.detach()) ** 0.5 < 0.03
