"""Where a face is within an animal's box."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.perception.pets import search
from maquette.perception.pets.find import Animal
from maquette.perception.pets.landmarks import PetLandmarks
from maquette.perception.square import Square


@pytest.fixture
def asked(monkeypatch):
    """Squares that were read; the quality of each is what `asked.worth` says of it."""
    squares: list[Square] = []

    def read(pixels, square):
        squares.append(square)
        return PetLandmarks(np.zeros((20, 2)), np.ones(20), np.ones(20), {}, {}, asked_worth["of"](square), square)

    asked_worth = {"of": lambda _: 1.0}
    monkeypatch.setattr(search, "read_landmarks", read)
    return squares, asked_worth


def animal(box):
    return Animal(np.array(box, float), "dog", 0.9, {})


def test_a_head_that_fills_its_box_is_read_once(asked):
    found = search.face_of(np.zeros((300, 400, 3), np.uint8), animal([50, 20, 250, 230]))
    assert found is not None and len(asked[0]) == 1
    assert asked[0][0].side == 210 and asked[0][0].centre.tolist() == [150, 125]


def test_in_a_long_box_the_head_is_looked_for_at_both_ends(asked):
    squares, worth = asked
    worth["of"] = lambda square: 0.9 if square.centre[0] > 600 and square.side < 250 else 0.1
    found = search.face_of(np.zeros((300, 900, 3), np.uint8), animal([10, 20, 890, 280]))
    assert found is not None and found.quality == 0.9 and found.square.centre[0] > 600
    assert len(squares) > 3


def test_what_is_poor_everywhere_is_no_face(asked):
    asked[1]["of"] = lambda _: 0.5 * search.LEAST
    assert search.face_of(np.zeros((300, 400, 3), np.uint8), animal([50, 20, 250, 230])) is None
