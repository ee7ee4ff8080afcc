"""Several photos become one texture."""

from __future__ import annotations

import numpy as np

from maquette.texturing.head.bake import bake
from maquette.texturing.head.blend import blend
from maquette.texturing.head.layers import layers_of
from maquette.texturing.light import gains

SIZE = 256


def test_gains_undo_exposure_and_the_order_does_not_matter(model, photograph) -> None:
    layers = layers_of(model.name, SIZE)
    baked = [bake(*photograph(yaw, gain), model.mean, layers) for yaw, gain in ((-0.6, 1.0), (0.6, 0.75), (0.1, 0.9))]
    factors = gains([b.coarse for b in baked], [b.trust for b in baked], [b.bare for b in baked])
    evened = factors.mean(axis=1) * [1.0, 0.75, 0.9]
    assert np.ptp(evened) < 0.05 * evened.mean()
    assert np.allclose(np.log(factors).mean(axis=0), 0, atol=1e-9)
    one, other = blend(baked), blend([baked[2], baked[0], baked[1]])
    assert np.abs(one.colour.astype(int) - other.colour).max() <= 1
    assert np.allclose(one.trust, other.trust)


def test_no_seam_between_two_exposures(model, photograph) -> None:
    layers = layers_of(model.name, SIZE)
    baked = [bake(*photograph(yaw, gain), model.mean, layers) for yaw, gain in ((-0.6, 1.0), (0.6, 0.8))]
    mixed = blend(baked)
    both = (baked[0].trust > 0.3) & (baked[1].trust > 0.3)
    jump = np.abs(np.diff(mixed.coarse.mean(axis=2), axis=1))[both[:, 1:]]
    usual = np.abs(np.diff(baked[0].coarse.mean(axis=2), axis=1))[both[:, 1:]]
    assert np.quantile(jump, 0.99) < np.quantile(usual, 0.99) + 4
