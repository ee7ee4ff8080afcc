"""What is worn is told from what grows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from maquette.texturing.hair.grow import head_seen
from maquette.texturing.hair.seen import look
from maquette.texturing.hair.shell.worn import worn_on


def seen_head(observation, camera, model):
    return head_seen(observation, camera, look(observation, camera), (model.mean, model.mean), model, 1.0)


def test_a_hat_that_the_network_saw_is_worn_and_a_ribbon_is_not(hatted, model):
    seen, camera, _ = hatted("beanie")
    found = worn_on(seen_head(seen, camera, model))
    assert found is not None and found[seen.headwear > 0.5].mean() > 0.95
    band = seen.headwear.copy()
    rows = np.flatnonzero(band.any(axis=1))
    band[: rows[-1] - 6] = 0
    ribbon = replace(seen, headwear=band, hair=seen.headwear - band)
    assert worn_on(seen_head(ribbon, camera, model)) is None


def test_hair_of_any_style_is_not_worn(haired, model):
    for name in ("short02", "afro01"):
        seen, camera = haired(name)
        assert worn_on(seen_head(seen, camera, model)) is None
