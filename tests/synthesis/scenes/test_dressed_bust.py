"""Bare skin and clothes below a head: no gap at the neck, colours that go over into each other."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.geometry.mesh import boundary_loops, face_areas
from maquette.morphable import load
from maquette.synthesis.anatomy.bust import rim
from maquette.synthesis.anatomy.population import draw_identity
from maquette.synthesis.scenes.dressed_bust import draw_dressed_bust
from maquette.synthesis.types import Kind

SKIN = np.array([0.4, 0.25, 0.2], np.float32)


@pytest.fixture(scope="module")
def model():
    return load("maquette-head")


def somebody(model, seed):
    identity = draw_identity(np.random.default_rng(seed))
    return identity, model.vertices(identity.coefficients, np.zeros(len(model.expression_names)), identity.scale)


@pytest.mark.parametrize("turn", [(0, 0, 0), (0.9, 0.3, -0.2), (-0.5, -0.5, 0.3)])
def test_the_bust_joins_the_head_without_a_gap(model, turn):
    identity, head = somebody(model, 3)
    skin = draw_dressed_bust(model, head, identity, SKIN, np.random.default_rng(0), turn)[0]
    loop = np.concatenate([skin.vertices[loop] for loop in boundary_loops(skin.faces)])
    needed = head[rim()]
    away = np.linalg.norm(needed[:, None] - loop[None], axis=2).min(axis=1)
    assert away.max() < 1e-7
    assert face_areas(skin.vertices, skin.faces).min() > 0


def test_rim_colours_fade_into_their_mean(model):
    identity, head = somebody(model, 2)
    colors = np.tile(SKIN, (len(rim()), 1))
    colors[:40] *= 0.5
    skin = draw_dressed_bust(model, head, identity, colors, np.random.default_rng(0))[0]
    at = [np.linalg.norm(skin.vertices - p, axis=1).argmin() for p in head[rim()[:5]]]
    assert np.allclose(skin.albedo[at], colors[:5], atol=1e-3)
    low = skin.vertices[:, 1] < head[rim(), 1].min() - 0.12
    assert np.allclose(skin.albedo[low], colors.mean(axis=0), atol=1e-3)


def test_the_same_seed_gives_the_same_bytes(model):
    identity, head = somebody(model, 4)
    first, second = (
        draw_dressed_bust(model, head, identity, SKIN, np.random.default_rng(9), (0.1, 0, 0)) for _ in range(2)
    )
    assert [s.vertices.tobytes() for s in first] == [s.vertices.tobytes() for s in second]
    assert first[0].kind == Kind.SKIN and all(s.kind == Kind.CLOTHES for s in first[1:]) and len(first) > 1
