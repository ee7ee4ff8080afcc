"""Waves are told from straight hair, and bend hanging cards below the eyes alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.texturing.hair.curl import BEGIN_M, WAVE_M, waved, waviness
from maquette.texturing.hair.grow import head_seen, plain_part
from maquette.texturing.hair.seen import look


@pytest.fixture(scope="session")
def striped(haired, model):
    """striped(bend) -> a head whose long hair has strands that swing to the sides by that many pixels."""
    seen, camera = haired("long01")
    bare = haired(None)[0]
    hair = (seen.mask - bare.mask * (bare.frame.pixels == seen.frame.pixels).all(axis=2)) > 0.5
    y, x = np.mgrid[0:320, 0:320]

    def build(bend: float):
        strands = 60 + 40 * np.sin(2 * np.pi * (x + bend * np.sin(2 * np.pi * y / 24)) / 6)
        pixels = seen.frame.pixels.copy()
        pixels[hair] = (strands[..., None] * [1.0, 0.7, 0.5]).astype(np.uint8)[hair]
        observation = replace(seen, frame=replace(seen.frame, pixels=pixels), hair=hair.astype(np.float32))
        found = replace(look(observation, camera), hair=hair.astype(np.float32))
        return head_seen(observation, camera, found, (model.mean, model.mean), model, 1.0)

    return build


def test_strands_that_swing_are_waves(striped):
    assert waviness(striped(0.0)) == 0
    assert waviness(striped(7.0)) > 0.5


def test_waves_bend_what_hangs_and_nothing_above(model):
    hair = plain_part("long01", model.mean, model, 1.0)
    bent, still = waved(hair, 1.0, 1.0), waved(hair, 0.0, 1.0)
    assert len(hair.mesh.faces) < len(bent.mesh.faces) < 12_000
    moved = np.linalg.norm(bent.mesh.vertices - still.mesh.vertices, axis=1)
    high = still.mesh.vertices[:, 1] > BEGIN_M
    assert high.any() and moved[high].max() < 1e-6 and WAVE_M < moved.max() < 1.8 * WAVE_M
    assert np.array_equal(bent.mesh.texture, hair.mesh.texture)


def test_splitting_leaves_the_surface_and_its_chart_as_they_are(model):
    hair = plain_part("long01", model.mean, model, 1.0)
    still = waved(hair, 0.0, 1.0)

    def areas(mesh):
        a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(float) for k in range(3))
        u, v, w = (mesh.uvs[mesh.uv_faces[:, k]].astype(float) for k in range(3))
        flat = (v - u)[:, 0] * (w - u)[:, 1] - (v - u)[:, 1] * (w - u)[:, 0]
        return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum(), np.abs(flat).sum()

    assert np.allclose(areas(still.mesh), areas(hair.mesh), rtol=1e-4)
    number = dict(zip(map(tuple, hair.mesh.vertices.tolist()), range(len(hair.mesh.vertices)), strict=False))
    kept = [tuple(corner) in number for corner in still.mesh.vertices[: len(hair.mesh.vertices)].tolist()]
    assert all(kept), "old corners come first"
