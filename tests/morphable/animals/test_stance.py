"""Angles of the joints: limits, stances, and which bones they turn."""

import numpy as np
import pytest

from maquette.morphable.animals import stance


def test_every_stance_lies_within_the_limits_and_is_the_same_on_both_sides():
    low, high = stance.limits()
    names = [turn.name for turn in stance.TURNS]
    for name in stance.STANCES:
        angles = stance.angles(name)
        assert (low <= angles).all() and (angles <= high).all(), name
        for index, turn in enumerate(names):
            if turn.endswith("_L"):
                assert angles[index] == angles[names.index(turn[:-1] + "R")]


def test_each_name_once_and_spreads_are_positive():
    names = [turn.name for turn in stance.TURNS]
    assert len(set(names)) == len(names) and (stance.spreads() > 0).all()


def test_a_turn_is_shared_by_its_bones():
    bones = tuple(dict.fromkeys(bone for turn in stance.TURNS for bone in turn.bones))
    matrix = stance.turning(bones)
    for number, turn in enumerate(stance.TURNS):
        assert np.allclose(matrix[number].sum(axis=0), turn.axis)


def test_an_unknown_stance_names_the_known_ones():
    with pytest.raises(KeyError, match="standing, sitting, lying"):
        stance.angles("flying")
