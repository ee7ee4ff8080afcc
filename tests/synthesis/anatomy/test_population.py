import numpy as np
import pytest

from maquette import morphable
from maquette.core.errors import BadInput
from maquette.synthesis.anatomy.population import draw_identity, load_population, members


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(0)
    return [draw_identity(rng) for _ in range(600)]


def test_the_same_seed_draws_the_same_person():
    first, second = (draw_identity(np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first.coefficients, second.coefficients)
    assert (first.age, first.gender, first.scale) == (second.age, second.gender, second.scale)


def test_splits_share_no_one():
    train, test = members("train"), members("test")
    assert not set(train) & set(test)
    assert len(train) + len(test) == len(load_population()["age"])
    assert 0.08 < len(test) / len(train) < 0.13


def test_an_unknown_split_is_named():
    with pytest.raises(BadInput, match="validation"):
        draw_identity(np.random.default_rng(0), "validation")


def test_people_are_of_all_kinds(drawn):
    ages = np.array([p.age for p in drawn])
    assert ages.min() < 7 and ages.max() > 80 and 0.08 < (ages < 14).mean() < 0.3
    genders = np.array([p.gender for p in drawn])
    assert 0.4 < (genders > 0.5).mean() < 0.6 and ((genders < 0.2) | (genders > 0.8)).mean() > 0.6
    ancestry = np.array([p.ancestry for p in drawn])
    assert np.allclose(ancestry.sum(axis=1), 1, atol=1e-5)
    assert (ancestry.max(axis=0) > 0.9).all() and (ancestry.mean(axis=0) > 0.25).all()
    weights = np.array([p.weight for p in drawn])
    assert weights.min() < 0.15 and weights.max() > 0.85


def test_children_have_smaller_heads(drawn):
    children = np.array([p.scale for p in drawn if p.age < 8])
    adults = np.array([p.scale for p in drawn if p.age > 20])
    assert 0.78 < children.mean() < 0.9
    assert 0.97 < np.median(adults) < 1.03 and adults.std() < 0.08


def test_heads_follow_the_prior_of_the_model(drawn):
    adults = np.array([p.coefficients for p in drawn if p.age > 18])
    assert adults.dtype == np.float32
    assert 0.8 < np.sqrt((adults**2).mean()) < 1.3


def test_no_two_are_the_same_and_faces_are_not_symmetric(drawn):
    some = np.array([p.coefficients for p in drawn[:100]])
    apart = np.linalg.norm(some[:, None] - some[None], axis=2) + 99 * np.eye(100)
    assert apart.min() > 2
    model = morphable.load("maquette-head")
    head = model.vertices(drawn[0].coefficients, np.zeros(52))
    face = model.regions["face"] > 0.5
    lopsided = np.linalg.norm(head - head[model.mirror] * [-1, 1, 1], axis=1)[face].max()
    assert 5e-4 < lopsided < 1.5e-2
