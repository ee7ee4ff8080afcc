"""What a reconstruction may be is checked once, when it is made."""

from __future__ import annotations

import numpy as np
import pytest

from drawn import TETRAHEDRON
from maquette.core.types import BodyPose, Mesh, Part, Reconstruction, Volume

VOLUME = Volume(np.zeros((4, 4, 4), np.float32), np.eye(4))


@pytest.mark.parametrize(
    "wrong, error, words",
    [
        ({"shape": VOLUME}, TypeError, "wanted a Mesh, got Volume"),
        ({"model": "maquette-head"}, ValueError, "maquette-head wants its identity and expression"),
        ({"scale": 0.0}, ValueError, "more than 0"),
        ({"scale": float("nan")}, ValueError, "more than 0"),
        ({"motion": np.zeros((2, 5, 3), np.float32)}, ValueError, "motion: wanted shape"),
        ({"identity": np.array([np.nan])}, ValueError, "NaN"),
        ({"expression": np.zeros(52)}, ValueError, "expression: wanted shape"),
    ],
)
def test_what_does_not_fit_is_named(wrong, error, words):
    with pytest.raises(error, match=words):
        Reconstruction(**{"shape": TETRAHEDRON, "cameras": (), **wrong})


def test_poses_have_one_row_per_frame():
    turns, steps = np.zeros((2, 3, 4)), np.zeros((2, 3))
    assert len(BodyPose("body", turns, steps, np.full(2, np.nan))) == 2
    with pytest.raises(ValueError, match="BodyPose.translation"):
        BodyPose("body", turns, steps[:1], np.zeros(2))
    with pytest.raises(ValueError, match="BodyPose.frames"):
        BodyPose("body", turns, steps, np.zeros(2), np.arange(3))


def test_a_part_is_whole_and_its_anchors_are_in_the_head():
    place, square = np.zeros((4, 3), np.float32), np.array([[0, 1, 2]], np.int32)
    mesh = Mesh(place, square, np.zeros((4, 2), np.float32), square, np.zeros((2, 2, 4), np.uint8))
    anchors, weights = np.full((4, 3), 3, np.int32), np.full((4, 3), 1 / 3, np.float32)
    part = Part("brows", mesh, anchors, weights)
    assert Reconstruction(TETRAHEDRON, (), parts=(part,)).parts == (part,)
    moves = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    assert np.allclose(part.follow(moves), moves[:, [3]]) and not Part("hair", mesh).follow(moves).any()
    wrong = [
        (lambda: Part("wig", mesh), "wanted hair, brows"),
        (lambda: Part("hair", TETRAHEDRON), "wants uvs and a texture"),
        (lambda: Part("brows", mesh, anchors), "weights: wanted with anchors"),
        (lambda: Part("brows", mesh, anchors, 2 * weights), "sum to 1"),
        (lambda: Reconstruction(TETRAHEDRON, (), parts=(part, part)), "each name once"),
        (lambda: Reconstruction(TETRAHEDRON, (), parts=(Part("brows", mesh, anchors + 1, weights),)), "mesh lacks"),
    ]
    for make, words in wrong:
        with pytest.raises(ValueError, match=words):
            make()
