"""The head: numbers of the published functions, and what must hold of camera, light and displacement."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from deca_by_seed import codes, draw, golden, head, some
from maquette.reconstruction.deca.codes import HeadCodes
from maquette.reconstruction.deca.head import project, shading


@pytest.fixture(scope="module")
def made() -> dict[str, torch.Tensor]:
    found = HeadCodes(**codes(2))
    shape = head().shape(found)
    normals = head().detail_normals(shape, draw(found.latent))
    return {
        "normals": shape.normals,
        "projected": project(shape.vertices, found.cam),
        "detail_normals": normals,
        "uv_shading": shading(normals, found.light),
        "albedo": head().albedo(found),
    }


@pytest.mark.parametrize("name", ["normals", "projected", "detail_normals", "uv_shading", "albedo"])
def test_numbers_are_those_of_the_published_functions(made, name):
    # A texel on a triangle's edge may take the other triangle: the published rasteriser draws lots there too.
    torch.testing.assert_close(some(made[name]), golden(name), atol=2e-4 if "_" in name else 1e-5, rtol=1e-5)


def test_which_landmarks_are_seen_is_as_published():
    assert torch.equal(head().visible(head().shape(HeadCodes(**codes(2)))), golden("visible"))


def test_projection_is_linear_in_the_scale():
    points, cam = torch.rand(1, 9, 3), torch.tensor([[2.0, 0.1, -0.2]])
    torch.testing.assert_close(2 * project(points, cam), project(points, cam * torch.tensor([2.0, 1, 1])))


def test_constant_light_gives_the_albedo():
    light = torch.zeros(2, 9, 3)
    light[:, 0] = math.sqrt(4 * math.pi)
    torch.testing.assert_close(shading(torch.rand(2, 3, 50), light), torch.ones(2, 3, 50))


def test_detail_normals_are_the_plain_ones_outside_the_mask():
    shape = head().shape(HeadCodes(**codes(1)))
    drawn = torch.rand(1, 1, 256, 256) * 0.002
    normals, plain = head().detail_normals(shape, drawn), head().table.draw(shape.normals)
    outside = head().mask[0, 0] == 0
    assert torch.equal(normals[..., outside], plain[..., outside])


def test_nothing_displaced_stays_within_a_facet_and_margins_have_none():
    flat = replace(head(), fixed=0 * head().fixed, mask=torch.ones_like(head().mask))
    shape = flat.shape(HeadCodes(**codes(1)))
    normals, plain = flat.detail_normals(shape, torch.zeros(1, 1, 256, 256)), flat.table.draw(shape.normals)
    inner = flat.table.covered.clone()
    for shift in (1, -1):  # not beside a hole or an edge
        for axis in (0, 1):
            inner &= flat.table.covered.roll(shift, axis)
    inner[:7] = inner[-7:] = inner[:, :4] = inner[:, -4:] = False
    cosine = torch.nn.functional.cosine_similarity(normals, plain, dim=1)[0]
    assert cosine[inner].quantile(0.01) > 0.8
    assert not normals[..., :5, :].any() and not normals[..., :2].any()


def test_displacement_counts_within_the_mask_and_the_fixed_part_everywhere():
    drawn = torch.full((1, 1, 256, 256), 0.005)
    inside, everywhere = head().displaced(drawn), head().displaced(drawn, masked=False)
    assert torch.equal(everywhere, drawn + head().fixed)
    outside = head().mask == 0
    assert torch.equal(inside[outside], head().fixed[outside])
