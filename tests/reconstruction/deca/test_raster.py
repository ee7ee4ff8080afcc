"""Pictures of the head: numbers of the published renderer over a slow loop, and gradients."""

from __future__ import annotations

import pytest
import torch

from deca_by_seed import codes, draw, golden, head, some
from maquette.reconstruction.deca.codes import HeadCodes
from maquette.reconstruction.deca.head import project
from maquette.reconstruction.deca.raster import barycentric, grey, lit, raster


@pytest.fixture(scope="module")
def made() -> dict[str, torch.Tensor]:
    found = HeadCodes(**codes(2))
    shape, albedo = head().shape(found), head().albedo(found)
    fine = head().detail_normals(shape, draw(found.latent))
    pictures: dict[str, list[torch.Tensor]] = {}
    for k, place in enumerate(project(shape.vertices, found.cam)):
        seen, normals = raster(head(), place), shape.normals[k]
        drawn = {
            "alpha": seen.mask,
            "rendered": seen.picture(lit(seen, normals, albedo[k : k + 1], found.light[k : k + 1])),
            "unlit": seen.picture(lit(seen, normals, albedo[k : k + 1], None)),
        }
        for name, part in (("shape_image", seen.mix(normals).T[None]), ("detail_image", seen.colours(fine[k : k + 1]))):
            colours = seen.picture(grey(seen, part, normals))
            drawn[name] = colours[:, :3] * colours[:, 3:]
        for name, value in drawn.items():
            pictures.setdefault(name, []).append(value)
    return {name: torch.cat(values) for name, values in pictures.items()}


@pytest.mark.parametrize("name", ["alpha", "rendered", "unlit", "shape_image", "detail_image"])
def test_numbers_are_those_of_the_published_renderer(made, name):
    apart = (some(made[name]) - golden(name)).abs()
    # Pixels on an edge of a square of the albedo, or of a triangle, may fall to either side.
    assert apart.quantile(0.98) < 1e-4 and made[name].abs().mean() > 0.05


def test_weights_are_those_of_the_corners_and_differentiable():
    flat = torch.tensor([[0.5, 0.5], [4.5, 0.5], [0.5, 4.5]], dtype=torch.float64, requires_grad=True)
    corners, pixels = torch.tensor([[0, 1, 2]]).expand(3, 3), torch.tensor([0, 4, 1])
    found = barycentric(flat, corners, pixels, 8)
    torch.testing.assert_close(found, torch.tensor([[1, 0, 0], [0, 1, 0], [0.75, 0.25, 0]], dtype=torch.float64))
    assert torch.autograd.gradcheck(lambda x: barycentric(x, corners, pixels + 8, 8), flat)
