"""Hair grows out of the scalp, stays out of the head and off the face, and is the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.spatial

from maquette.morphable import load
from maquette.synthesis.hair.beard import SHARES, grow_beard, grow_cut
from maquette.synthesis.hair.scalp import from_square, measure_head, scalp_of, scalp_shade, to_square
from maquette.synthesis.hair.strands import grow_brows, grow_lashes, grow_style
from maquette.synthesis.hair.styles import STYLES, draw_style
from maquette.synthesis.types import Identity

BROWN = np.array([0.05, 0.025, 0.012])


@pytest.fixture(scope="module")
def model():
    return load("maquette-head")


@pytest.fixture(scope="module")
def vertices(model):
    coefficients = np.random.default_rng(4).normal(size=100) * 0.8
    return model.vertices(coefficients, np.zeros(len(model.expression_names)))


def somebody(age=30.0, gender=0.0, ancestry=(0.2, 0.2, 0.6)) -> Identity:
    return Identity(np.zeros(100, np.float32), age, gender, np.array(ancestry))


@pytest.fixture(scope="module")
def skin(model, vertices):
    """Points of the skin, its triangles finely split."""
    corners = vertices[model.faces[model.parts["skin"]]]
    steps = [(i / 12, j / 12, 1 - (i + j) / 12) for i in range(13) for j in range(13 - i)]
    return scipy.spatial.cKDTree(np.concatenate([np.einsum("k,nkd->nd", step, corners) for step in steps]))


def test_the_octahedral_map_returns():
    directions = from_square()
    line = np.arange(65, dtype=float)
    nodes = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    inner = np.abs(nodes - 32).max(axis=1) < 32
    assert np.allclose(to_square(directions)[inner], nodes[inner], atol=1e-3)


@pytest.mark.parametrize("name", STYLES)
def test_every_style(model, vertices, skin, name):
    wearer = somebody(), BROWN
    hair = grow_style(model, vertices, STYLES[name], *wearer, np.random.default_rng(7))
    again = grow_style(model, vertices, STYLES[name], *wearer, np.random.default_rng(7))
    assert np.array_equal(hair.points, again.points) and np.array_equal(hair.albedo, again.albedo)
    for values in (hair.points, hair.radius, hair.albedo):
        assert values.dtype == np.float32 and np.isfinite(values).all()
    assert 2500 <= len(hair.points) <= 8000
    assert hair.points.shape[:2] == hair.radius.shape and hair.albedo.shape == hair.points.shape
    assert hair.albedo.min() >= 0 and hair.albedo.max() < 1
    assert hair.radius.min() > 1e-4 and hair.radius.max() < 3e-3
    head = measure_head(model, vertices)
    offsets = hair.points[:, 1:] - head.centre
    inside = head.radius(offsets, over_ears=False) - np.linalg.norm(offsets, axis=2) > 0.001
    assert inside.mean() < 0.02
    wound = 700 if name == "bun" else 0
    assert skin.query(hair.points[: len(hair.points) - wound : 9, 0])[0].max() < 0.003


@pytest.mark.parametrize("name", [n for n, style in STYLES.items() if style.fringe is None])
def test_hair_without_a_fringe_leaves_the_eyes_free(model, vertices, name):
    hair = grow_style(model, vertices, STYLES[name], somebody(), BROWN, np.random.default_rng(1))
    for side in ("Left", "Right"):
        offset = hair.points.reshape(-1, 3) - model.eye_centre(vertices, side)
        before = (np.hypot(offset[:, 0], offset[:, 1]) < 0.014) & (offset[:, 2] > 0)
        assert before.mean() < 2e-4


def test_who_wears_what():
    bald = {
        who: np.mean([draw_style(somebody(70, who), np.random.default_rng(k)) is None for k in range(12)])
        for who in (0.0, 1.0)
    }
    assert bald[0.0] == 0 and 0 < bald[1.0] < 0.7


def test_the_shade_lies_where_hair_grows(model, vertices):
    hair = grow_style(model, vertices, STYLES["crop"], somebody(), BROWN, np.random.default_rng(0))
    shade = scalp_shade(model, vertices, hair, 128)
    assert shade.shape == (128, 128) and shade.min() >= 0 and shade.max() <= 1.001
    rows = np.clip(((1 - model.uvs[:, 1]) * 128).astype(int), 0, 127)
    columns = np.clip((model.uvs[:, 0] * 128).astype(int), 0, 127)
    value = np.zeros(len(model.mean))
    skin = model.parts["skin"]
    value[model.faces[skin].ravel()] = shade[rows, columns][model.uv_faces[skin].ravel()]
    top = (model.regions["scalp"] > 0.9) & (model.mean[:, 1] > 0.03)
    face = (model.regions["face"] > 0.9) & (model.mean[:, 1] < 0.055)
    assert value[top].mean() > 0.8 and value[face].mean() < 0.03


def test_roots_lie_on_the_scalp(model):
    scalp = scalp_of(model)
    assert (scalp.above > -0.013).all() and len(scalp.above) > 6000
    eyes = model.mean[model.part_vertices("eyeLeft")].mean(axis=0)
    assert (np.linalg.norm(scalp.roots.points(model.mean, model.faces) - eyes, axis=1) > 0.045).all()


@pytest.mark.parametrize("cut", SHARES)
def test_beards_grow_around_the_mouth(model, vertices, skin, cut):
    beard = grow_cut(model, vertices, cut, BROWN, np.random.default_rng(2))
    again = grow_cut(model, vertices, cut, BROWN, np.random.default_rng(2))
    assert np.array_equal(beard.points, again.points) and np.isfinite(beard.points).all()
    assert 150 < len(beard.points) < 6000
    assert skin.query(beard.points[::7, 0])[0].max() < 0.003
    nose = model.embeddings["ibug68"].points(vertices, model.faces)[29]
    front = np.abs(beard.points[:, 0, 0]) < 0.03
    assert beard.points[front, 0, 1].max() < nose[1]


def test_only_men_have_beards(model, vertices):
    for gender, age, wanted in ((0.0, 40, 0), (1.0, 9, 0), (1.0, 40, 4)):
        count = sum(
            grow_beard(model, vertices, somebody(age, gender), BROWN, np.random.default_rng(k)) is not None
            for k in range(30)
        )
        assert count >= wanted and (wanted or count == 0)


def test_lashes_point_away_from_the_eye(model, vertices):
    lashes = grow_lashes(model, vertices, np.random.default_rng(0))
    assert np.array_equal(lashes.points, grow_lashes(model, vertices, np.random.default_rng(0)).points)
    centres = np.stack([model.eye_centre(vertices, side) for side in ("Left", "Right")])
    nearest = np.linalg.norm(lashes.points[:, 0, None] - centres, axis=2).argmin(axis=1)
    reach = np.linalg.norm(lashes.points - centres[nearest][:, None], axis=2)
    assert (reach[:, -1] > reach[:, 0] + 0.001).all() and reach[:, 0].min() > 0.014
    assert lashes.radius.max() < 1.5e-4


def test_brows_lie_over_the_eyes(model, vertices, skin):
    brows = grow_brows(model, vertices, BROWN, np.random.default_rng(0))
    assert len(brows.points) > 100 and np.isfinite(brows.points).all()
    assert skin.query(brows.points[:, 0])[0].max() < 0.002
    top = max(model.eye_centre(vertices, side)[1] for side in ("Left", "Right"))
    assert brows.points[..., 1].min() > top + 0.004
