"""Heads as they are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.synthesis.animals.head_shape import (
    CAT,
    EARS,
    LIMITS,
    MEANS,
    MOST_JAW,
    NAMES,
    SPECIES,
    draw_expression,
    draw_shape,
    shape_of,
    with_ears,
)


def test_a_vector_is_its_shape():
    assert shape_of(CAT.vector()) == CAT


@pytest.mark.parametrize("species", SPECIES)
def test_drawn_heads_lie_around_their_species(species):
    drawn = np.array([draw_shape(species, np.random.default_rng(seed)).vector() for seed in range(200)])
    for name, (low, high) in LIMITS.items():
        values = drawn[:, NAMES.index(name)]
        assert values.min() >= low - 1e-9 and values.max() <= high + 1e-9, name
    width = drawn[:, NAMES.index("eye_radius")]
    assert abs(width.mean() / MEANS[species].eye_radius - 1) < 0.05 and width.std() > 0.02 * width.mean()


def test_muzzles_are_long_on_dogs_and_short_on_cats():
    lengths = [
        np.mean([draw_shape(species, np.random.default_rng(seed)).nose_z for seed in range(200)]) for species in SPECIES
    ]
    cat, dog, wild = lengths
    assert cat < wild < dog + 0.1 and cat < 0.6 < dog


def test_ears_hang_on_some_dogs_only():
    folds = {s: np.array([draw_shape(s, np.random.default_rng(k)).ear_fold for k in range(100)]) for s in SPECIES}
    assert 0.4 < (folds["dog"] > 0.5).mean() < 0.9
    assert (folds["wild"] > 0.9).mean() < 0.1


def test_one_dog_has_ears_of_every_carriage():
    head = draw_shape("dog", np.random.default_rng(4))
    ears = {name: with_ears(head, name, np.random.default_rng(2)) for name in EARS}
    assert ears["upright"].ear_fold == 0 and ears["hanging"].ear_length > 1.5 * ears["upright"].ear_length
    longer = {name: with_ears(head, name, np.random.default_rng(3)).ear_length > ears[name].ear_length for name in EARS}
    assert len(set(longer.values())) == 1  # the same draw is long in each
    assert {shape.nose_z for shape in ears.values()} == {head.nose_z}


def test_a_seed_draws_one_head():
    first, second = (draw_shape("dog", np.random.default_rng(4)) for _ in range(2))
    assert first == second != draw_shape("dog", np.random.default_rng(5))


def test_expressions_stay_in_range():
    drawn = [draw_expression(np.random.default_rng(seed)) for seed in range(100)]
    assert all(0 <= e.jaw <= MOST_JAW and 0 <= e.blink_left <= 1 and abs(e.ear_left) <= 0.4 for e in drawn)
    assert 20 < sum(e.jaw > 0 for e in drawn) < 60


def test_an_unknown_species_is_refused():
    with pytest.raises(KeyError):
        draw_shape("bird", np.random.default_rng(0))
