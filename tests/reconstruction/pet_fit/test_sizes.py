"""Sizes by kind."""

from __future__ import annotations

import pytest

from maquette.reconstruction.pet_fit.sizes import KINDS, SHOULDER_HEIGHT_CM, relative_size, usual_height


def test_a_sure_kind_has_a_size_and_a_doubtful_one_none():
    assert usual_height({"Siberian_husky": 0.7, "Eskimo dog, husky": 0.2}) == ("siberian husky", 56)
    assert usual_height({"Siberian husky": 0.2, "malamute": 0.2}) is None
    assert usual_height({"toaster": 0.9}) is None
    assert usual_height(None) is None and usual_height({}) is None


def test_heads_grow_less_than_legs_and_within_reason():
    assert relative_size(SHOULDER_HEIGHT_CM["dog"], "dog") == pytest.approx(1)
    assert 19 / 45 < relative_size(KINDS["chihuahua"], "dog") < 1 < relative_size(KINDS["great dane"], "dog") < 76 / 45
    assert relative_size(1, "cat") == 0.4 and relative_size(500, "cat") == 2.0
    assert all(8 < height < 150 for height in KINDS.values()) and all(name == name.lower() for name in KINDS)
