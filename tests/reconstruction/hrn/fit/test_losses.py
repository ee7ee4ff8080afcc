"""Losses: numbers of the published functions, and what must hold."""

from __future__ import annotations

import pytest
import torch

from hrn_by_seed import LOSSES, golden, loss_inputs
from maquette.reconstruction.hrn.coefficients import split
from maquette.reconstruction.hrn.fit.losses import (
    SEVERAL_VIEWS,
    adversarial_loss,
    blend_target,
    contour_edges,
    contour_loss,
    even_loss,
    feature_loss,
    landmark_loss,
    light_loss,
    masked_mean,
    normal_loss,
    photo_loss,
    prior_loss,
    reflectance_loss,
    smooth_loss,
    surface_loss,
)


def test_numbers_are_those_of_the_published_functions():
    given = loss_inputs()
    found, edges = split(given["coefficients"]), contour_edges(given["mask"])
    made = {
        "photo": photo_loss(given["drawn"], given["photo"], given["mask"]),
        "landmarks": landmark_loss(given["marks"], given["marks_wanted"]),
        "prior": prior_loss(found, SEVERAL_VIEWS),
        "light": light_loss(found.light),
        "reflectance": reflectance_loss(given["albedo"], given["skin"]),
        "feature": feature_loss(given["features"], given["features_wanted"]),
        "smooth": smooth_loss(given["drawn"]),
        "even": even_loss(given["drawn"]),
        "contour": contour_loss(given["points"], *edges),
        "true": adversarial_loss(given["drawn"], True),
        "fake": adversarial_loss(given["drawn"], False),
    }
    torch.testing.assert_close(
        torch.stack([made[name] for name in LOSSES]).float(), golden("losses"), rtol=1e-5, atol=0
    )
    torch.testing.assert_close(torch.stack(edges).float(), golden("edges"))


def disc_edges() -> tuple[torch.Tensor, torch.Tensor]:
    """Columns 50 to 150 are the face, in rows 20 to 200."""
    mask = torch.zeros(1, 1, 224, 224)
    mask[:, :, 20:201, 50:151] = 1
    return contour_edges(mask)


def test_points_deep_inside_count_one_percent():
    points = torch.tensor([[[100.0, 110.0], [60.0, 50.0]]])
    assert contour_loss(points, *disc_edges()).item() == pytest.approx(0.01)


def test_a_point_outside_counts_its_distance():
    points = torch.tensor([[[150 + 22.4, 110.0]]], requires_grad=True)
    loss = contour_loss(points, *disc_edges())
    loss.backward()
    assert loss.item() == pytest.approx(0.1) and points.grad[0, 0, 0].item() == pytest.approx(1 / 224)


def test_rows_without_a_face_have_the_whole_width():
    left, right = disc_edges()
    assert (left[0, 0], right[0, 0]) == (0, 223) and (left[0, 100], right[0, 100]) == (51, 150)


def test_what_is_even_costs_nothing():
    assert smooth_loss(torch.full((1, 3, 8, 8), 0.3)).item() == 0 == even_loss(torch.full((1, 3, 8, 8), 0.3)).item()
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    assert even_loss(ramp).item() == 0 and smooth_loss(ramp).item() == 2


def test_the_blend_layer_is_found_again():
    given = loss_inputs()
    texture, layer = 0.1 + 0.8 * given["drawn"][:, :, :20], given["photo"][:, :, :20]
    retouched = (1 - 2 * layer) * texture**2 + 2 * layer * texture
    found, seen = blend_target(texture, retouched), (retouched - texture).abs() >= 1 / 255
    torch.testing.assert_close(found[seen], layer[seen], atol=1e-6, rtol=0)
    assert (found[~seen] == 0.5).all() and seen.float().mean() > 0.5


def test_distance_to_a_scan_is_that_along_its_normals_where_it_is_known():
    facing = torch.zeros(1, 3, 2, 2)
    facing[:, 2] = 1
    moved, gap = torch.full((1, 3, 2, 2), 0.03), torch.full((1, 1, 2, 2), 0.05)
    known = torch.ones(1, 1, 2, 2)
    moved[..., 1, 1], known[..., 1, 1] = 9, 0
    assert surface_loss(moved, facing, gap, known).item() == pytest.approx(0.02)
    assert surface_loss(moved, facing, gap, 0 * known).item() == 0 == masked_mean(moved, 0 * known).item()
    assert masked_mean(moved, known).item() == pytest.approx(0.03)


def test_normals_of_any_length_count_by_their_direction():
    facing = torch.tensor([0.0, 0, 1]).view(1, 3, 1, 1)
    turned = torch.tensor([0.0, 3, 3]).view(1, 3, 1, 1)
    known = torch.ones(1, 1, 1, 1)
    assert normal_loss(2 * facing, facing, known).item() == pytest.approx(0)
    assert normal_loss(turned, facing, known).item() == pytest.approx(1 - 0.5**0.5)
