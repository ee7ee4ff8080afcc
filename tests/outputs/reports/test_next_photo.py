"""From where the next photo should be taken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.core.options import OutputOptions
from maquette.outputs.asset import open_asset
from maquette.outputs.reports.next_photo import NextPhoto, direction, next_photo, next_photo_facts


def seen_from(result, ways):
    """The result with a confidence of 255 where its surface looks along one of the ways (n, 3)."""
    made = result.reconstruction
    mesh = made.shape
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    shown = (normals @ np.array(ways, float).T > 0.3).any(axis=1)
    level = np.zeros((512, 512), np.uint8)
    middle = (mesh.uvs[mesh.uv_faces].mean(axis=1) * [512, -512] + [0, 512]).astype(int).clip(0, 511)
    level[middle[:, 1], middle[:, 0]] = np.where(shown, 255, 0)
    textured = replace(mesh, texture=np.zeros((512, 512, 3), np.uint8), texture_confidence=level)
    return open_asset(replace(result, reconstruction=replace(made, shape=textured)), OutputOptions(mesh="light"))


def test_what_the_front_left_out_is_behind(head_result):
    found = next_photo(seen_from(head_result, [[0, 0, 1]]))
    assert abs(found.yaw) >= 90 and found.gain > 0.15
    assert found.seen.mean() < 0.6


def test_after_one_side_comes_the_other(head_result):
    found = next_photo(seen_from(head_result, [[0, 0, 1], [1, 0, 0], [0.7, 0, -0.7], [0, 0.5, -0.8]]))
    assert (found.yaw < 0 and "right" in found.words) or found.yaw == 180


def test_a_head_that_was_seen_all_around_needs_none(head_result):
    made = head_result.reconstruction
    whole = replace(made.shape, texture_confidence=np.full((64, 64), 255, np.uint8))
    asset = open_asset(replace(head_result, reconstruction=replace(made, shape=whole)), OutputOptions(mesh="light"))
    assert next_photo(asset) is None and next_photo_facts(asset) is None


def test_a_mesh_without_confidence_says_nothing(head_result):
    made = head_result.reconstruction
    bare = replace(head_result, reconstruction=replace(made, shape=replace(made.shape, texture_confidence=None)))
    assert next_photo_facts(open_asset(bare, OutputOptions(mesh="light"))) is None


@pytest.mark.parametrize(
    ("yaw", "pitch", "words"),
    [
        (0, 0, "from the front"),
        (60, 0, "from its left, turned by 60 degrees"),
        (-90, 30, "from its right, turned by 90 degrees, from above"),
        (180, -15, "from behind, from below"),
    ],
)
def test_directions_have_words(yaw, pitch, words):
    assert NextPhoto(yaw, pitch, 0.1, np.zeros(0, bool)).words == words


def test_directions_are_unit_and_to_the_subjects_left():
    assert np.allclose(direction(0, 0), [0, 0, 1]) and np.allclose(direction(90, 0), [1, 0, 0])
    assert np.allclose(np.linalg.norm(direction(33, 21)), 1) and direction(0, 30)[1] > 0
