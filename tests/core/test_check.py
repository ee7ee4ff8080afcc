"""Checks of tunables: one line with name, value and what was wanted; help read from the source."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.check import Choices, Range, field_help, limits, one_of, typed, within
from maquette.core.errors import BadInput
from maquette.core.options import FitOptions, OutputOptions, TextureOptions


def test_a_range_names_value_and_unit():
    within("age", 5, 0, 9, "years")
    with pytest.raises(BadInput, match="age 10: wanted 0 to 9 years"):
        within("age", 10, 0, 9, "years")
    with pytest.raises(BadInput, match="nan"):
        within("age", float("nan"), 0, 9, "years")


def test_a_choice_names_the_choices():
    with pytest.raises(BadInput, match="hair 'red': wanted auto, none"):
        one_of("hair", "red", ("auto", "none"))


def test_numbers_of_any_kind_become_the_field_s_own():
    assert typed(TextureOptions, "texture_size", np.int64(512)) == 512
    assert isinstance(typed(TextureOptions, "texture_size", np.int64(512)), int)
    for stage, name, value in ((TextureOptions, "texture_size", True), (OutputOptions, "formats", 3)):
        with pytest.raises(BadInput, match="wanted"):
            typed(stage, name, value)


def test_help_is_the_docstring_below_the_field():
    assert field_help(FitOptions).keys() >= {"together"}
    assert field_help(OutputOptions)["overview"] == "Write overview.jpg."


def test_limits_stand_beside_the_type_of_a_field():
    found = limits(TextureOptions)
    assert found["fur"] == Range(0, 8, "layers") and "none" in found["hair"].names and "fill" not in found
    assert isinstance(limits(FitOptions)["reader"], Choices)
    for wrong in ({"fur": 9}, {"hair": "blue"}):
        with pytest.raises(BadInput, match=f"{next(iter(wrong))} .*: wanted"):
            TextureOptions(**wrong)
    assert FitOptions(pupil_distance=None).pupil_distance is None, "nothing is always allowed"
