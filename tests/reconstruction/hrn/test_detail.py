"""The three levels: numbers of the published functions through the whole chain, and what holds of masks and limits."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hrn_by_seed import ALPHA, BETA, coefficients, crops, face, golden, hrn, some
from maquette.reconstruction.hrn.coefficients import split
from maquette.reconstruction.hrn.detail import Crops, de_retouched, deformed, displaced, softened, unwrapped
from maquette.reconstruction.hrn.face_model import project
from maquette.reconstruction.hrn.sampling import MENDED, OFFICIAL


@pytest.fixture(scope="module")
def chain() -> tuple:
    """All three levels with every quirk of the published code, float64, in which processors agree."""
    given = Crops(**{name: value.double() for name, value in crops().items()})
    run = hrn(OFFICIAL, torch.float64)
    low = run.low(given, smooth=False)
    mid = run.mid(low)
    return low, mid, run.high(given, low, mid)


def test_numbers_are_those_of_the_published_functions(chain):
    low, mid, high = chain
    made = {
        "texture": low.texture,
        "valid": low.valid,
        "detailed_albedo": low.detailed_albedo,
        "softened": softened(low.valid),
        "deformation": mid.deformation,
        "mid_vertices": mid.points,
        "mid_landmarks": project(mid.points)[:, face().landmarks] / 224,
        "mid_colours": mid.colours,
        "displacement": high.displacement,
        "high_colours": high.colours,
        "detail_normals": high.normal_map,
        "dense": high.position.flatten(2).transpose(1, 2),
    }
    # Swapped rows jump where a sample meets a row: of 600 numbers three may lie beside such a texel.
    apart = {name: (some(value) - golden(name)).abs().sort().values[-4].item() for name, value in made.items()}
    assert {name: value for name, value in apart.items() if value > 1e-4} == {}


def test_maps_stay_within_their_limits(chain):
    _, mid, high = chain
    assert mid.deformation.abs().max() <= 0.1 * ALPHA and high.displacement.abs().max() <= 0.1 * BETA


def test_what_is_masked_out_has_no_detail():
    given, run = Crops(**crops()), hrn(MENDED)
    given = replace(given, mask=torch.zeros_like(given.mask))
    low = run.low(given)
    mid = run.mid(low)
    high = run.high(given, low, mid)
    assert not mid.deformation.any() and torch.equal(mid.shape, low.shape)
    assert not high.displacement.any() and torch.equal(high.normal_map, mid.normal_map)


def test_texels_that_the_photo_does_not_show_are_not_valid():
    given, run = Crops(**crops(1)), hrn(MENDED)
    aside = coefficients(1)
    aside[:, 224:227] = torch.tensor([0.0, 1.2, 0.0])
    low = replace(run, regress=lambda _: aside).low(given, smooth=False)
    all_of_it = replace(run, regress=lambda _: aside, compat=OFFICIAL).low(given, smooth=False)
    assert low.valid.mean() < 0.6 * all_of_it.valid.mean()
    assert not low.valid[0, 0][~face().table.covered].any()


def test_a_half_everywhere_leaves_the_albedo():
    texture, albedo = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    found = de_retouched(albedo, texture, lambda x: torch.full_like(x, 0.5))
    torch.testing.assert_close(found, albedo)


def test_mended_samples_meet_the_pixels():
    """A picture whose colours are its coordinates is unwrapped to where the points project."""
    model, found = face(), split(coefficients(1))
    points = model.mean.view(1, -1, 3)
    for side in (224, 512):
        at = (torch.arange(side) + 0.5) * 224 / side
        picture = torch.stack((at.expand(side, side), (224 - at)[:, None].expand(side, side)))[None]
        wanted = project(model.table.at(points))
        inside = ((wanted > 2) & (wanted < 222)).all(-1)
        shown = unwrapped(model, points, picture, MENDED).flatten(2)[:, :, model.table.texels].transpose(1, 2)
        torch.testing.assert_close(shown[inside], wanted[inside], atol=2e-3, rtol=0)
    assert found.angles.shape == (1, 3)


def test_gradients_reach_coefficients_and_maps():
    model, found = face(), split(coefficients(1).requires_grad_())
    deformation, displacement = torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 256, 256)
    deformation.requires_grad_(), displacement.requires_grad_()
    albedo = torch.rand(1, 3, 256, 256)
    mid = deformed(model, found, model.shape(found.identity, found.expression), deformation, albedo)
    high = displaced(mid, displacement, albedo, found, MENDED)
    wanted = [found.identity, found.angles, deformation, displacement]
    assert all(part.abs().sum() > 0 for part in torch.autograd.grad(high.colours.square().sum(), wanted))
