import numpy as np
import pytest

from maquette import morphable
from maquette.geometry.mesh import boundary_loops, face_areas
from maquette.synthesis.anatomy.bust import make_bust, make_torso, rim, rotation, turn_torso
from maquette.synthesis.anatomy.population import draw_identity
from maquette.synthesis.types import Kind

SKIN = np.array([0.4, 0.25, 0.2], np.float32)


@pytest.fixture(scope="module")
def model():
    return morphable.load("maquette-head")


def somebody(model, seed):
    identity = draw_identity(np.random.default_rng(seed))
    return identity, model.vertices(identity.coefficients, np.zeros(len(model.expression_names)), identity.scale)


@pytest.mark.parametrize("turn", [(0, 0, 0), (0.9, 0.3, -0.2), (-0.5, -0.5, 0.3)])
def test_the_bust_joins_the_head_without_a_gap(model, turn):
    identity, head = somebody(model, 3)
    skin = make_bust(model, head, identity, SKIN, np.random.default_rng(0), turn)[0]
    loop = np.concatenate([skin.vertices[loop] for loop in boundary_loops(skin.faces)])
    needed = head[rim(model)]
    away = np.linalg.norm(needed[:, None] - loop[None], axis=2).min(axis=1)
    assert away.max() < 1e-7
    assert face_areas(skin.vertices, skin.faces).min() > 0


def test_the_bust_lies_below_the_head_and_its_normals_point_outwards(model):
    for seed in range(5):
        identity, head = somebody(model, seed)
        torso = make_torso(model, head, identity, np.random.default_rng(seed), (0, 0, 0))
        assert torso.vertices[:, 1].max() < 0.0
        width = np.ptp(torso.vertices[:, 0]) / identity.scale
        assert 0.38 < width < 0.85
        chest = np.argmax(torso.vertices[:, 2])
        assert torso.normals[chest, 2] > 0.5


def test_torso_turns_against_the_head(model):
    identity, head = somebody(model, 1)
    turn = (0.7, 0.2, -0.1)
    still, turned = (make_torso(model, head, identity, np.random.default_rng(5), t) for t in ((0, 0, 0), turn))
    chest = still.neck_distance > 0.12
    a, b = (t.vertices[chest] - t.vertices[chest].mean(axis=0) for t in (still, turned))
    assert np.abs(a @ rotation(turn) - b).max() < 1e-4  # b = R^T a, rows
    upper = still.neck_distance < 0.02
    assert np.linalg.norm(still.vertices[upper] - turned.vertices[upper], axis=1).max() < 0.02


def test_the_turn_has_the_told_signs():
    face, crown = np.array([0, 0, 1.0]), np.array([0, 1.0, 0])
    assert (rotation((0.3, 0, 0)) @ face)[0] > 0  # to the subject's left
    assert (rotation((0, 0.3, 0)) @ face)[1] < 0  # down
    assert (rotation((0, 0, 0.3)) @ crown)[0] > 0  # leans to its left


def test_no_turn_changes_nothing_and_a_whole_one_is_rigid():
    points = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    assert np.array_equal(turn_torso(points, np.ones(20), np.zeros(3), (0, 0, 0)), points)
    turned = turn_torso(points, np.ones(20), np.ones(3), (0.4, 0.1, 0.2))
    assert np.allclose(np.linalg.norm(turned - 1, axis=1), np.linalg.norm(points - 1, axis=1), atol=1e-5)


def test_rim_colours_fade_into_their_mean(model):
    identity, head = somebody(model, 2)
    colors = np.tile(SKIN, (len(rim(model)), 1))
    colors[:40] *= 0.5
    skin = make_bust(model, head, identity, colors, np.random.default_rng(0))[0]
    at = [np.linalg.norm(skin.vertices - p, axis=1).argmin() for p in head[rim(model)[:5]]]
    assert np.allclose(skin.albedo[at], colors[:5], atol=1e-3)
    low = skin.vertices[:, 1] < head[rim(model), 1].min() - 0.12
    assert np.allclose(skin.albedo[low], colors.mean(axis=0), atol=1e-3)


def test_children_are_smaller_and_men_wider(model):
    widths = {"child": [], "woman": [], "man": []}
    for seed in range(150):
        identity, head = somebody(model, seed)
        group = "child" if identity.age < 10 else "man" if identity.gender > 0.5 else "woman"
        torso = make_torso(model, head, identity, np.random.default_rng(seed), (0, 0, 0))
        widths[group].append(np.ptp(torso.vertices[:, 0]))
    assert np.mean(widths["child"]) < 0.8 * np.mean(widths["woman"]) < 0.8 * np.mean(widths["man"])


def test_the_same_seed_gives_the_same_bytes(model):
    identity, head = somebody(model, 4)
    first, second = (make_bust(model, head, identity, SKIN, np.random.default_rng(9), (0.1, 0, 0)) for _ in range(2))
    assert [s.vertices.tobytes() for s in first] == [s.vertices.tobytes() for s in second]
    assert first[0].kind == Kind.SKIN and all(s.kind == Kind.CLOTHES for s in first[1:]) and len(first) > 1
