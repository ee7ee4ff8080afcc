"""Recipes: the rows load, what is not one is named."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import pytest

from maquette.core.check import field_help
from maquette.core.errors import BadInput
from maquette.training.options import LoopOptions
from maquette.training.recipe import RECIPES, load, load_given
from training.toy import RECIPE


@pytest.mark.parametrize("name", RECIPES)
def test_every_row_is_a_recipe_that_can_be_published(name):
    recipe = load(name)
    assert recipe.name == name and recipe.data and recipe.normalisation and recipe.what
    assert set(field_help(recipe.options)) and "training/recipes" in sys.modules[recipe.options.__module__].__file__


def test_the_command_line_may_name_a_recipe_of_ones_own():
    assert load_given("training.toy:RECIPE") is RECIPE and load_given("espcn") is load("espcn")


@pytest.mark.parametrize(
    ("name", "message"),
    [("tyo", "not known; known:"), ("training.toi:RECIPE", "cannot be loaded"), ("training.toy:R", "cannot be loaded")],
)
def test_unknown(name, message):
    with pytest.raises(BadInput, match=message):
        load_given(name)


def test_not_a_recipe():
    with pytest.raises(BadInput, match="is a type: wanted a Recipe"):
        load_given("training.toy:Line")


def test_names_of_the_loop_are_taken():
    @dataclass(frozen=True)
    class Own:
        steps: int = 1

    with pytest.raises(ValueError, match="steps"):
        replace(RECIPE, options=Own)


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"ema": 1.0}, {"learning_rate": float("nan")}, {"precision": "16"}, {"workers": -1}, {"clip": -1.0}],
)
def test_options_out_of_range(wrong):
    with pytest.raises(BadInput, match=next(iter(wrong)).replace("_", " ")):
        LoopOptions(**wrong)
