"""Photographs by number: the same in any order, people who appear several times, splits that share nobody."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.core.options import SynthesisOptions
from maquette.synthesis.datasets.faces import Faces

SMALL = {"size": 48, "texture_size": 128}


@pytest.fixture(scope="module")
def pairs():
    return Faces(SynthesisOptions(count=5, photos_per_person=2, **SMALL))


def test_a_photograph_depends_on_its_number_alone(pairs):
    late, early = pairs[3], pairs[0]
    fresh = Faces(SynthesisOptions(count=4000, photos_per_person=2, **SMALL))
    assert fresh[0].image.tobytes() == early.image.tobytes() and fresh[3].image.tobytes() == late.image.tobytes()


def test_a_person_keeps_shape_and_skin_from_photograph_to_photograph(pairs):
    first, second, other = pairs[0], pairs[1], pairs[2]
    assert first.person is second.person and not np.array_equal(first.image, second.image)
    assert not np.array_equal(first.expression, second.expression) and not np.allclose(first.pose, second.pose)
    assert not np.array_equal(first.person.identity.coefficients, other.person.identity.coefficients)


def test_splits_and_seeds_show_others():
    one, test, seed = (
        Faces(SynthesisOptions(**SMALL, **changed))[0].person.identity.coefficients
        for changed in ({}, {"split": "test"}, {"seed": 1})
    )
    assert not np.allclose(one, test) and not np.allclose(one, seed)


def test_length_and_what_is_not_there(pairs):
    assert len(pairs) == 5
    for index in (5, -1):
        with pytest.raises(IndexError, match=f"photograph {index}: there are 5"):
            pairs[index]


@pytest.mark.parametrize("wrong", [{"count": 0}, {"size": 4}, {"split": "validation"}, {"device": "tpu"}])
def test_wrong_options_are_named(wrong):
    with pytest.raises(BadInput, match=str(next(iter(wrong)))):
        SynthesisOptions(**wrong)
