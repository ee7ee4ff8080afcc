"""Coats."""

from __future__ import annotations

import numpy as np

from maquette.synthesis.animals import coats
from maquette.synthesis.animals.surface import L_EAR, ear_coordinates


def test_every_scheme_paints_colours_that_fur_may_have(heads):
    for species, schemes in coats.SCHEMES.items():
        for scheme, _ in schemes:
            coat = scheme(heads[species], np.random.default_rng(1))
            assert coat.shape == heads[species].place.shape and np.isfinite(coat).all(), scheme
            assert coat.min() > -1e-3 and coat.max() < 1.01, scheme


def test_coats_differ_from_one_another_and_come_again(heads):
    head = heads["cat"]
    drawn = [coats.draw_coat(head, np.random.default_rng(seed)).mean(axis=0) for seed in range(12)]
    assert np.std(drawn, axis=0).min() > 0.03
    assert np.array_equal(*(coats.draw_coat(head, np.random.default_rng(4)) for _ in range(2)))


def test_stripes_vary_more_than_a_plain_coat_and_points_are_dark(heads):
    head = heads["cat"]
    fine = [np.std(coats._striped(head, np.random.default_rng(seed)).mean(axis=1)) for seed in range(6)]
    assert np.median(fine) > 0.03
    up, _, off, _ = ear_coordinates(head, L_EAR)
    tips = (up > 0.7) & (up < 1) & (off < 0.5)
    flank = head.place[:, 2] < -0.8
    for seed in range(4):
        coat = coats._pointed(head, np.random.default_rng(seed)).mean(axis=1)
        mask = np.linalg.norm(head.place - head.marks[4], axis=1) < 0.5
        assert coat[mask].mean() < coat[flank & ~tips].mean()
