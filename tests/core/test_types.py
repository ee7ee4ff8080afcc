"""What a reconstruction may be is checked once, when it is made."""

from __future__ import annotations

import numpy as np
import pytest

from drawn import TETRAHEDRON
from maquette.core.types import BodyPose, Reconstruction, Volume

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
