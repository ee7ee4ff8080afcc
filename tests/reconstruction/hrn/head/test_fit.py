"""The fit of a head: occupancy and outline by hand, and a head that is found again in its own picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import head_twin
from maquette.reconstruction.hrn.face_model import FOCAL, posed, project
from maquette.reconstruction.hrn.head.fit import PLACED, SHAPED, colour_loss, fit, occupancy, outline_loss
from maquette.reconstruction.hrn.raster import seen_of

MODEL = head_twin.model()


def at(x, y):
    """A posed point that is seen at a place of the crop, y up."""
    return torch.tensor([[(x - 112) * 10 / FOCAL, (y - 112) * 10 / FOCAL, 0.0]])


def test_occupancy_is_one_inside_and_grows_outwards_at_the_edge():
    hit = torch.zeros(224, 224)
    hit[:, :100] = 1  # columns 0 to 99
    assert occupancy(at(50.3, 80.6), hit).item() == pytest.approx(1, abs=1e-4)
    assert occupancy(at(150.0, 80.6), hit).item() == 0
    point = at(99.4, 80.6).requires_grad_()
    value = occupancy(point, hit)
    value.backward()
    # Left pixels see it: weight 0.4 each, and both rows make up one.
    assert value.item() == pytest.approx((2 * 0.4 + 1) / 4, abs=1e-3) and point.grad[0, 0] > 0
    outside = occupancy(torch.cat([at(-50.0, 500.0), at(300.0, -9.0)]), hit)
    assert torch.isfinite(outside).all()


def test_the_outline_agrees_with_its_own_head_and_not_with_half_of_it():
    found = head_twin.found()
    _, head, _ = head_twin.drawn(found, head_twin.offsets(), MODEL.outer)
    points = posed(MODEL.shape(found, head_twin.offsets()), found)[0]
    seen = seen_of(MODEL.outer, points, 224)
    half = head.clone()
    half[..., :112] = 0
    same, less = (outline_loss(points, seen, one).item() for one in (head, half))
    assert same < 0.06 < 0.2 < less


def test_colours_of_its_own_picture_cost_nothing():
    found, added = head_twin.found(), head_twin.offsets(0.03)
    picture, _, _ = head_twin.drawn(found, added, MODEL.outer)
    shape = MODEL.shape(found, added)
    points, colours = posed(shape, found)[0], MODEL.colours(found, added, MODEL.normals(shape, found))[0]
    seen = seen_of(MODEL.outer, points, 224)
    assert colour_loss(points, colours, seen, picture).item() == pytest.approx(1e-3, rel=0.01)
    assert colour_loss(points, 0.8 * colours, seen, picture).item() > 0.03


@pytest.mark.slow
def test_a_head_is_found_again_in_its_own_picture():
    true = head_twin.found()
    face, head = head_twin.photo(true, head_twin.offsets(0.03))
    # As the network reads it off the face's own, larger crop.
    start = replace(true, identity=0.8 * true.identity, translation=torch.tensor([[0.1, -0.05, 0.0]]))
    found = fit(MODEL, face, head, start, (90, 12))
    assert len(found.losses) == 102 and found.outside.float().mean() < 0.2
    placed, shaped = np.array(found.losses[:90]), np.array(found.losses[90:])
    assert placed[-1] < 0.25 * placed[0] and shaped[-1] < 0.95 * shaped[0]
    torch.testing.assert_close(found.coefficients.translation, true.translation, atol=0.4, rtol=0)
    torch.testing.assert_close(found.coefficients.angles, start.angles)
    assert found.offsets.face.abs().max() > 1e-3 and found.offsets.scalp.abs().max() > 1e-3
    marks = project(posed(MODEL.shape(found.coefficients, found.offsets), found.coefficients))
    assert (marks[0, MODEL.fitted.landmarks] - face.landmarks).norm(dim=1).mean() < 2
    assert (PLACED, SHAPED) == (150, 100)
