"""Whiskers."""

from __future__ import annotations

import numpy as np

from maquette.texturing.pet import whiskers


def test_they_grow_on_both_sides_beside_the_nose_and_end_in_points(seen, cat):
    (part,) = whiskers.with_whiskers(seen[0], cat).parts
    per = 2 * whiskers.SEGMENTS + 1
    each = part.mesh.vertices.reshape(-1, per, 3)
    unit = np.linalg.norm(cat.eye_centre(cat.mean, "Left") - cat.eye_centre(cat.mean, "Right"))
    assert len(each) == 24 and (each[:, -1, 0] > 0).sum() == 12
    root, end = each[:, :2].mean(axis=1), each[:, -1]
    assert (np.abs(end[:, 0]) > np.abs(root[:, 0]) + 0.4 * unit).all()
    assert (root[:, 1] < 0).all() and root[:, 2].mean() > 0
    assert np.linalg.norm(each[:, 0] - each[:, 1], axis=1).max() < 1.1 * whiskers.WIDTH * unit
    assert np.isin(part.anchors, cat.part_vertices("skin")).all()


def test_the_same_seed_gives_the_same(seen, cat):
    first, again, other = (whiskers.with_whiskers(seen[0], cat, seed).parts[0].mesh.vertices for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
