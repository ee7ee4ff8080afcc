"""Hair as cards: what is cut out of them covers as much as their opacity does, and no hat wears it."""

import numpy as np
import pytest

from maquette.morphable import load
from maquette.synthesis.hair.cards import ALIKE, LONGEST_M, card_hair, cards_for
from maquette.synthesis.hair.styles import STYLES as CUTS
from maquette.synthesis.scenes import head_scene
from maquette.synthesis.types import Kind
from maquette.texturing.hair.styles import OPAQUE, STYLES, style

BROWN = np.array([0.05, 0.03, 0.02])


def areas(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (points[faces[:, k]] for k in range(3))
    return np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2


def test_every_pair_of_cut_and_cards_exists():
    assert set(ALIKE) <= set(CUTS)
    assert {name for names in ALIKE.values() for name in names} <= set(STYLES)
    assert cards_for("locs", np.random.default_rng(0)) is None


@pytest.mark.parametrize("name", ["short01", "long01", "afro01"])
def test_cut_out_cards_cover_what_is_opaque(name):
    model = load("maquette-head")
    hair = card_hair(name, model.mean, model, 1.0, BROWN, np.random.default_rng(0))
    assert hair.kind == Kind.HAIR and hair.two_sided and np.isfinite(hair.vertices).all()
    assert hair.albedo.min() > 0 and hair.albedo.max() < 1
    edges = np.linalg.norm(hair.vertices[hair.faces] - hair.vertices[np.roll(hair.faces, 1, axis=1)], axis=2)
    assert np.median(edges) < LONGEST_M
    own = style(name)
    # Opacity averaged over each card, by many points, is the slow twin of what was kept.
    rng = np.random.default_rng(1)
    shares = rng.dirichlet(np.ones(3), 200)
    at = (np.einsum("sk,fkd->fsd", shares, own.uvs[own.uv_faces]) * [1, -1] + [0, 1]) * own.opacity.shape[::-1]
    column, row = np.clip(at.astype(int), 0, np.array(own.opacity.shape[::-1]) - 1).reshape(-1, 2).T
    opaque = (own.opacity[row, column] > OPAQUE).reshape(len(own.faces), -1).mean(axis=1)
    wanted = (areas(own.uvs, own.uv_faces) * opaque).sum()
    assert areas(hair.uvs, hair.faces).sum() == pytest.approx(wanted, rel=0.05)


def test_cards_replace_strands_unless_a_hat_presses_them(monkeypatch):
    monkeypatch.setattr(head_scene, "CARDS", 1.0)
    drawn = (head_scene.draw_person((number,), 64) for number in range(20))
    person = next(person for person in drawn if person.cards is not None)
    vertices = head_scene.head_model().mean.astype(np.float32)
    for share, wanted in ((0.0, True), (1.0, False)):
        monkeypatch.setattr(head_scene, "HAT", share)
        surfaces, strands = head_scene.dress(person, vertices, (0.0, 0.0, 0.0), np.random.default_rng(3))
        assert any(surface is person.cards for surface in surfaces) == wanted
        if wanted:
            assert sum(hair.kind == Kind.HAIR for hair in strands) == 0
