"""The swinging face: thirty degrees to both sides and back, and it loops."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from maquette.outputs.detail.swing import FRAMES, swing_frames


def test_turns():
    turns = []
    scene = SimpleNamespace(
        camera=lambda *asked: turns.append(asked[:2]),
        studio=SimpleNamespace(render=lambda *_: np.zeros((2, 2, 4), np.uint8)),
    )
    assert len(list(swing_frames(scene, (2, 2)))) == 2 * FRAMES == 60
    found = np.degrees(np.array(turns))
    np.testing.assert_allclose([found[0, 0], found[FRAMES - 1, 0], found[-1, 0]], [-30, 30, -30])
    assert np.allclose(found[:, 1], 5) and np.abs(np.diff(found[:, 0])).max() < 2.2
