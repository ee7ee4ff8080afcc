"""The tables of the 478 landmarks: symmetric, and of one closed winding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from maquette.perception.faces import topology


def test_tables_are_symmetric():
    mirror = topology.mirror()
    assert np.array_equal(mirror[mirror], np.arange(topology.LANDMARKS))
    pairs = [
        (topology.RIGHT_EYE, topology.LEFT_EYE),
        (topology.RIGHT_BROW, topology.LEFT_BROW),
        (topology.RIGHT_IRIS, topology.LEFT_IRIS),
        (topology.RIGHT_CHEEK, topology.LEFT_CHEEK),
        (topology.FACE_OVAL, topology.FACE_OVAL),
        (topology.LIPS, topology.LIPS),
        (topology.MOUTH_OPENING, topology.MOUTH_OPENING),
    ]
    for right, left in pairs:
        assert set(mirror[list(right)]) == set(left)


def test_triangles_are_those_of_mediapipe_and_wound_alike():
    golden = load_file(Path(__file__).parents[2] / "golden" / "detectors.safetensors")
    edges = {(a, b) for a, b in golden["tessellation"].tolist()}
    triangles = topology.triangles()
    ours = {tuple(sorted((t[i], t[(i + 1) % 3]))) for t in triangles.tolist() for i in range(3)}
    assert ours <= edges and len(ours) > 0.99 * len(edges)
    directed = [(t[i], t[(i + 1) % 3]) for t in triangles.tolist() for i in range(3)]
    assert len(directed) == len(set(directed))


def test_facing_falls_on_the_side_that_turns_away(seen):
    """Turn the mesh of landmarks itself by 60 degrees: the far cheek faces away, the near one does not."""
    landmarks = seen.landmarks - seen.landmarks.mean(axis=0)
    c, s = np.cos(np.radians(60)), np.sin(np.radians(60))
    turned = topology.facing(landmarks @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]))
    right, left = turned[list(topology.RIGHT_CHEEK)].mean(), turned[list(topology.LEFT_CHEEK)].mean()
    assert min(right, left) < 0.25 and max(right, left) > 0.7
    straight = topology.facing(landmarks)
    assert straight[list(topology.RIGHT_CHEEK + topology.LEFT_CHEEK)].min() > 0.2
