"""Fur in pictures."""

from __future__ import annotations

import numpy as np

from maquette.synthesis.animals import fur


def test_fur_lies_on_the_skin_and_away_from_the_nose(heads):
    for head in heads.values():
        lies = fur.flow(head.place, head.normal, head.marks[4], np.random.default_rng(0))
        assert np.abs((lies * head.normal).sum(axis=1)).max() < 1e-3
        forehead = (head.place[:, 1] > 0.4) & (np.abs(head.place[:, 0]) < 0.4)
        assert lies[forehead, 1].mean() > 0.3


def test_strands_are_longer_than_wide():
    across = np.zeros((96, 96, 2), np.float32)
    across[..., 0] = 1
    noise = fur.strands(across, 12.0, 0.5, np.random.default_rng(0))
    along, beside = (np.abs(np.diff(noise, axis=axis)).mean() for axis in (1, 0))
    assert along < 0.6 * beside and abs(noise.std() - 1) < 0.01


def test_an_outline_is_ruffled_and_bare_skin_is_not():
    layer = np.zeros((96, 96, 1), np.float32)
    layer[:, :48] = 1
    to_right = np.zeros((96, 96, 2), np.float32)
    to_right[..., 0] = 1
    edges = [
        fur.ruffled(layer, to_right, np.full((96, 96), share, np.float32), 6.0, np.random.default_rng(0)).sum(axis=1)
        for share in (0.0, 1.0)
    ]
    assert np.ptp(edges[0]) < 1e-3 and edges[1].std() > 1 and edges[1].mean() > edges[0].mean()


def test_whiskers_grow_outward_on_both_sides():
    blank = np.zeros((128, 128, 3), np.float32)
    drawn = fur.whiskers(blank, np.array([[54.0, 80], [74, 80]]), 40.0, np.random.default_rng(3)).max(axis=2)
    assert drawn[:, :40].max() > 0.01 and drawn[:, 90:].max() > 0.01 and drawn[:40].max() < 0.2
    assert not blank.any()
