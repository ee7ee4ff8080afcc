"""Colours of a reference: its mean and spread, and nothing else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.core.options import TranslateOptions
from maquette.imaging.translate.colors import build


def smooth(seed: int, low: int, high: int) -> np.ndarray:
    return cv2.resize(np.random.default_rng(seed).integers(low, high, (6, 6, 3), np.uint8), (256, 256))


def test_mean_and_spread_are_the_references():
    crop, reference = smooth(0, 90, 130), smooth(1, 60, 200)
    ready = build(TranslateOptions("dog", method="colors"), lambda _: [reference, crop])
    first, same = ready.draw(crop)
    lab = [cv2.cvtColor(p.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).reshape(-1, 3) for p in (first, reference)]
    np.testing.assert_allclose(lab[0].mean(0), lab[1].mean(0), atol=1.5)
    np.testing.assert_allclose(lab[0].std(0), lab[1].std(0), atol=1.5)
    assert np.abs(same.astype(int) - crop).max() <= 1 and (ready.shows, len(ready.looks)) == ("colors", 2)


@pytest.mark.parametrize(
    ("options", "references", "words"),
    [({}, 0, "--reference"), ({"weights": "a"}, 1, "no weights"), ({"steps": 3}, 1, "no steps")],
)
def test_what_it_cannot_do_is_said(options, references, words):
    with pytest.raises(BadInput, match=words):
        build(TranslateOptions("dog", method="colors", **options), lambda _: [smooth(0, 0, 9)] * references)
