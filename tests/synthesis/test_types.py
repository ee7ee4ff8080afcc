"""What a scene is made of is checked once, when it is made."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.synthesis.types import Kind, SceneSurface

TRIANGLE = np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32)


def test_a_texture_needs_a_chart():
    texture = np.ones((4, 4, 3), np.float32)
    with pytest.raises(ValueError, match="needs uvs"):
        SceneSurface(*TRIANGLE, Kind.SKIN, texture)
    with pytest.raises(ValueError, match="needs uvs"):
        SceneSurface(*TRIANGLE, Kind.SKIN, texture, uvs=np.zeros((3, 2), np.float32))
    assert SceneSurface(*TRIANGLE, Kind.SKIN, np.ones(3, np.float32)).uvs is None
