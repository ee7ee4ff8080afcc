"""StarGAN v2 as a method: looks by seed, by reference and between; what is missing or does not fit is said."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.torch import save_file

from maquette.core.errors import BadInput, WeightsMissing
from maquette.core.options import TranslateOptions
from maquette.imaging.translate.starganv2.networks import StarGAN
from maquette.imaging.translate.starganv2.translator import build
from stargan_by_seed import TINY, saved_weights

CROPS = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    file = saved_weights(tmp_path_factory.mktemp("weights") / "small.safetensors")

    def made(to="dog", references=0, **options):
        return build(TranslateOptions(to, **{"weights": str(file)} | options), lambda _: list(CROPS[:references]))

    return made


def test_looks_are_the_seeds_and_the_same_for_every_photo(make):
    first = make(styles=2, seed=4)
    assert (first.side, first.shows, first.looks) == (32, "dog", ("look 1", "look 2"))
    found = first.draw(CROPS[0])
    assert np.array_equal(found, make(styles=2, seed=4).draw(CROPS[0]))
    for other in (make(styles=2, seed=5), make("cat", styles=2, seed=4)):
        assert not np.array_equal(found, other.draw(CROPS[0]))
    assert np.array_equal(
        make(styles=2, seed=4, truncation=0.0).draw(CROPS[0])[1], make(truncation=0.0).draw(CROPS[0])[0]
    )


def test_between_two_references_pictures_change_step_by_step(make):
    ends, way = make(references=2).draw(CROPS[2]), make(references=2, steps=5)
    pictures = way.draw(CROPS[2])
    assert len(pictures) == 5 and way.looks[1] == "reference 1 to reference 2, 2"
    assert np.array_equal(pictures[[0, -1]], ends)
    away = np.abs(pictures.astype(float) - pictures[0]).mean((1, 2, 3))
    assert (np.diff(away) >= 0).all() and away[-1] > 0


def test_missing_weights_are_said_to_be(make, tmp_path):
    with pytest.raises(WeightsMissing, match="CC BY-NC.*maquette weights convert starganv2.*maquette train starganv2"):
        make(weights=None)
    with pytest.raises(WeightsMissing, match="no such file: make it with"):
        make(weights=str(tmp_path / "none.safetensors"))


@pytest.mark.parametrize(
    ("to", "options", "words"),
    [
        ("bird", {}, "know cat, dog, wild"),
        ("dog", {"steps": 4}, "--styles 2 or more"),
        ("dog", {"steps": 1, "styles": 2}, "both ends"),
    ],
)
def test_what_cannot_be_done_is_said(make, to, options, words):
    with pytest.raises(BadInput, match=words):
        make(to, **options)


def test_weights_of_people_are_refused(make, tmp_path):
    size = replace(TINY, domains=("female", "male"), high_pass=1.0)
    facts = {"network": "starganv2", **size.facts()}
    save_file(StarGAN(size).state_dict(), tmp_path / "a", {"facts": json.dumps(facts)})
    with pytest.raises(BadInput, match="weights of animals"):
        make("male", weights=str(tmp_path / "a"))
