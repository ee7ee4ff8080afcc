"""Several photos at once: the same photo twice is one photo, losses fall, one mesh and a pose for each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hrn_by_seed import PHOTO, coefficients, hrn, observed
from maquette.reconstruction.hrn.fit.multi_view import solve
from maquette.reconstruction.hrn.method import levels, reconstruct
from maquette.reconstruction.hrn.result import reconstruction_of
from maquette.reconstruction.hrn.sampling import MENDED

FEW = 6


@pytest.fixture(scope="module")
def ready():
    """Two photos, read with different coefficients when asked in turn."""
    return hrn(MENDED)


@pytest.fixture(scope="module")
def views(ready):
    both = coefficients(2)
    return [levels(replace(ready, regress=lambda _, k=k: both[k : k + 1]), observed(k)) for k in range(2)]


@pytest.mark.slow
def test_the_same_photo_twice_is_that_photo(ready, views):
    alone, twice = solve(ready, views[:1], FEW), solve(ready, [views[0], views[0]], FEW)
    first, second = twice.faces
    for name in ("identity", "expression", "angles", "light", "translation"):
        one, two, single = (getattr(face.low.coefficients, name) for face in (first, second, alone.faces[0]))
        torch.testing.assert_close(one, two, atol=1e-5, rtol=0)
        torch.testing.assert_close(one, single, atol=5e-3, rtol=0)
    torch.testing.assert_close(first.mid.shape, second.mid.shape, atol=1e-5, rtol=0)
    torch.testing.assert_close(first.high.displacement, second.high.displacement, atol=1e-5, rtol=0)
    assert twice.losses[0] == pytest.approx(2 * alone.losses[0], rel=1e-4)


@pytest.mark.slow
def test_losses_fall(ready, views):
    losses = np.array(solve(ready, views, FEW).losses)
    means = np.convolve(losses, np.ones(5) / 5, "valid")
    assert (np.diff(means) < 0).all() and losses[-1] < losses[0]


@pytest.mark.slow
def test_one_person_comes_out(ready, views):
    found = solve(ready, views, 2)
    first, second = found.faces
    assert torch.equal(first.low.coefficients.identity, second.low.coefficients.identity)
    assert torch.equal(first.mid.deformation, second.mid.deformation)
    assert torch.equal(first.high.displacement, second.high.displacement)
    assert not torch.equal(first.low.coefficients.angles, second.low.coefficients.angles)
    known = torch.maximum(views[0].low.valid, views[1].low.valid)
    assert torch.equal(first.low.valid, known) and not first.high.displacement[known == 0].any()
    made = reconstruction_of(ready, found.faces, [PHOTO, PHOTO], None)
    assert len(made.cameras) == 2 and made.motion.shape == (2, 900, 3)
    np.testing.assert_allclose(made.motion[0], made.shape.vertices, atol=1e-7)
    assert not np.allclose(made.cameras[0].world_to_camera, made.cameras[1].world_to_camera)


@pytest.mark.slow
def test_the_method_takes_several(ready, monkeypatch):
    import maquette.reconstruction.hrn.method as method

    monkeypatch.setattr(method, "solve", lambda ready, faces: solve(ready, faces, 1))
    made = reconstruct(ready, [observed(0), observed(1)], None)
    assert made.parameters["coefficients"].shape == (2, 257) and made.provenance["photos"] == 2
