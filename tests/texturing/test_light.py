"""Photos brought to one light."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.texturing.light import gains

EXPOSURE = np.array([1.0, 0.7, 1.2])


@pytest.mark.parametrize("shape", [(600,), (30, 20)])
def test_exposures_are_undone_for_points_and_for_pictures(shape):
    rng = np.random.default_rng(0)
    true = rng.uniform(60, 180, (*shape, 3))
    trust = [rng.random(shape).astype(np.float32) for _ in EXPOSURE]
    found = gains([(true * e).astype(np.float32) for e in EXPOSURE], trust)
    evened = found * EXPOSURE[:, None]
    assert np.ptp(evened, axis=0).max() < 0.06 * evened.mean()
    assert np.allclose(np.log(found).mean(axis=0), 0, atol=1e-9)


def test_only_what_is_alike_in_all_photos_is_compared():
    same = np.tile(np.float32([120, 120, 120]), (400, 1))
    other = same.copy()
    other[:200] = 40  # hair that has moved
    trust, alike = np.ones(400, np.float32), (np.arange(400) >= 200).astype(np.float32)
    assert np.allclose(gains([same, other], [trust, trust], [alike, alike]), 1, atol=1e-6)
    assert gains([same, other], [trust, trust])[1].min() > 1.2


def test_photos_without_a_common_point_keep_their_light():
    colours = [np.full((100, 3), value, np.float32) for value in (60, 200)]
    trust = [np.arange(100) < 50, np.arange(100) >= 50]
    assert np.allclose(gains(colours, [t.astype(np.float32) for t in trust]), 1)
