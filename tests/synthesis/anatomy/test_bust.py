import numpy as np
import pytest

from maquette import morphable
from maquette.synthesis.anatomy.bust import make_bust, rotation, turn_bust
from maquette.synthesis.anatomy.population import draw_identity

SKIN = np.array([0.4, 0.25, 0.2], np.float32)


@pytest.fixture(scope="module")
def model():
    return morphable.load("maquette-head")


def somebody(model, seed):
    identity = draw_identity(np.random.default_rng(seed))
    return identity, model.vertices(identity.coefficients, np.zeros(len(model.expression_names)), identity.scale)


def test_the_bust_lies_below_the_head_and_its_normals_point_outwards(model):
    for seed in range(5):
        identity, head = somebody(model, seed)
        bust = make_bust(model, head, identity, np.random.default_rng(seed), (0, 0, 0))
        assert bust.vertices[:, 1].max() < 0.0
        width = np.ptp(bust.vertices[:, 0]) / identity.scale
        assert 0.38 < width < 0.85
        chest = np.argmax(bust.vertices[:, 2])
        assert bust.normals[chest, 2] > 0.5


def test_the_bust_turns_against_the_head(model):
    identity, head = somebody(model, 1)
    turn = (0.7, 0.2, -0.1)
    still, turned = (make_bust(model, head, identity, np.random.default_rng(5), t) for t in ((0, 0, 0), turn))
    chest = still.neck_distance > 0.12
    a, b = (t.vertices[chest] - t.vertices[chest].mean(axis=0) for t in (still, turned))
    assert np.abs(a @ rotation(turn) - b).max() < 1e-4  # b = R^T a, rows
    upper = still.neck_distance < 0.02
    assert np.linalg.norm(still.vertices[upper] - turned.vertices[upper], axis=1).max() < 0.02


def test_the_turn_has_the_documented_signs():
    face, crown = np.array([0, 0, 1.0]), np.array([0, 1.0, 0])
    assert (rotation((0.3, 0, 0)) @ face)[0] > 0  # to the subject's left
    assert (rotation((0, 0.3, 0)) @ face)[1] < 0  # down
    assert (rotation((0, 0, 0.3)) @ crown)[0] > 0  # leans to its left


def test_no_turn_changes_nothing_and_a_whole_one_is_rigid():
    points = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    assert np.array_equal(turn_bust(points, np.ones(20), np.zeros(3), (0, 0, 0)), points)
    turned = turn_bust(points, np.ones(20), np.ones(3), (0.4, 0.1, 0.2))
    assert np.allclose(np.linalg.norm(turned - 1, axis=1), np.linalg.norm(points - 1, axis=1), atol=1e-5)


def test_children_are_smaller_and_men_wider(model):
    widths = {"child": [], "woman": [], "man": []}
    for seed in range(150):
        identity, head = somebody(model, seed)
        group = "child" if identity.age < 10 else "man" if identity.gender > 0.5 else "woman"
        bust = make_bust(model, head, identity, np.random.default_rng(seed), (0, 0, 0))
        widths[group].append(np.ptp(bust.vertices[:, 0]))
    assert np.mean(widths["child"]) < 0.8 * np.mean(widths["woman"]) < 0.8 * np.mean(widths["man"])
