"""The texture's residual makes the face look like the photo, as the slow loop that draws every step anew."""

from __future__ import annotations

import torch

from hrn_by_seed import coefficients, face
from maquette.reconstruction.hrn.coefficients import split
from maquette.reconstruction.hrn.face_model import posed
from maquette.reconstruction.hrn.fit.losses import photo_loss, smooth_loss
from maquette.reconstruction.hrn.fit.texture import ResidualFit, residual
from maquette.reconstruction.hrn.raster import raster


def test_it_is_the_slow_loop_and_nears_the_photo():
    model, found = face(), split(coefficients(1))
    points = posed(model.mean.view(1, -1, 3), found)[0]
    colours = torch.full((1, 3, 256, 256), 0.4)
    photo = torch.full((1, 3, 224, 224), 0.5)
    photo[:, 0] += 0.2
    fast = residual(model, points, colours, photo, ResidualFit(steps=6))
    slow = torch.zeros_like(colours).requires_grad_()
    optimiser = torch.optim.Adam([slow], lr=0.01)
    for _ in range(6):
        seen = raster(model, points, 224, 256)
        loss = 1.92 * photo_loss(seen.look(colours + slow), photo, seen.mask) + 10 * smooth_loss(slow)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    torch.testing.assert_close(fast, slow.detach(), atol=1e-4, rtol=0)
    seen = raster(model, points, 224, 256)
    before, after = (photo_loss(seen.look(one), photo, seen.mask) for one in (colours, colours + fast))
    assert after < 0.9 * before
