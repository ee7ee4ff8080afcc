import numpy as np
import pytest

from maquette import morphable
from maquette.geometry.mesh import boundary_loops, face_areas, face_normals
from maquette.synthesis.anatomy.bust import make_bust
from maquette.synthesis.anatomy.population import draw_identity
from maquette.synthesis.clothing.bust_clothes import GARMENTS, SHARES, draw_clothes, round_neck
from maquette.synthesis.clothing.cloth import clip
from maquette.synthesis.clothing.patterns import PATTERNS, draw_color, draw_pattern


@pytest.fixture(scope="module")
def wearers():
    model, out = morphable.load("maquette-head"), []
    for seed in range(3):
        identity = draw_identity(np.random.default_rng(seed))
        head = model.vertices(identity.coefficients, np.zeros(len(model.expression_names)), identity.scale)
        out.append((identity, make_bust(model, head, identity, np.random.default_rng(seed), (0.2, 0.1, 0))))
    return out


def grid(count):
    x, y = np.meshgrid(np.linspace(-1, 1, count), np.linspace(-1, 1, count))
    index = np.arange(count * count).reshape(count, count)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    return np.stack([x.ravel(), y.ravel(), np.zeros(count**2)], axis=1).astype(np.float32), faces


def test_a_cut_disc_has_the_area_and_the_border_of_a_disc():
    points, faces = grid(60)
    piece = clip(faces, 0.7 - np.hypot(points[:, 0], points[:, 1]))
    kept = piece.take(points)
    assert abs(face_areas(kept, piece.faces).sum() - np.pi * 0.49) < 2e-3
    assert np.abs(np.hypot(*kept[np.unique(piece.edges)].T[:2]) - 0.7).max() < 1e-3
    assert face_normals(kept, piece.faces)[:, 2].min() >= 0


def test_a_second_cut_keeps_the_first_border():
    points, faces = grid(40)
    first = clip(faces, 0.7 - np.hypot(points[:, 0], points[:, 1]))
    half = first.take(points)
    second = clip(first.faces, half[:, 0] - 0.013, first.edges)
    kept = second.take(half)
    loops = boundary_loops(second.faces)
    assert len(loops) == 1
    edges = {frozenset(e) for e in second.edges.tolist()}
    assert edges == {frozenset(e) for e in zip(loops[0].tolist(), np.roll(loops[0], -1).tolist())}
    assert abs(face_areas(kept, second.faces).sum() - np.pi * 0.49 / 2) < 0.02


def test_every_garment_fits_everybody(wearers):
    for name in GARMENTS:
        for seed, (identity, bust) in enumerate(wearers):
            outfit = draw_clothes(bust, identity, np.random.default_rng(seed), name)
            for piece in outfit.surfaces:
                assert np.isfinite(piece.vertices).all() and piece.faces.max() < len(piece.vertices), name
                assert len(piece.faces) > 10 and piece.two_sided
                assert piece.albedo.min() >= 0 and piece.albedo.max() <= 1
                if piece.uvs is not None and piece.albedo.ndim == 3:
                    assert piece.uvs.min() > -0.05 and piece.uvs.max() < 1.05
            bare = outfit.covered < 0
            assert bare[bust.neck_distance < 0.02].all(), name
            assert (outfit.covered[(bust.arm < 0.1) & (bust.canonical[:, 1] < -0.45)] > 0).all(), name


def test_cloth_lies_outside_the_skin(wearers):
    identity, bust = wearers[0]
    for name in ("t-shirt", "hoodie", "dress"):
        piece = draw_clothes(bust, identity, np.random.default_rng(1), name).surfaces[0]
        assert len(np.unique(piece.faces)) == len(piece.vertices)
        inner = piece.vertices[: len(piece.vertices) // 2]
        index = np.linalg.norm(inner[:, None] - bust.vertices[None], axis=2).argmin(axis=1)
        armpit = np.abs(np.abs(bust.canonical[index, 0]) - 0.155) < 0.02  # there the skin of the arm is as near
        height = ((inner - bust.vertices[index]) * bust.normals[index]).sum(axis=1)
        assert np.quantile(height[~armpit], 0.02) > 0, name


def test_necklines_are_closed_curves_round_the_neck(wearers):
    bust = wearers[1][1]
    for lower in (0.0, 0.05):
        piece = clip(bust.faces, round_neck(bust, 0.01, lower))
        x, _, z = piece.take(bust.canonical)[np.unique(piece.edges)].T
        turn = np.sort(np.arctan2(x, z + 0.115))
        assert np.diff(turn).max() < 0.5 and turn[0] < -2.85 and turn[-1] > 2.85


def test_every_garment_has_a_share():
    assert set(SHARES) == set(GARMENTS) and sum(SHARES.values()) == pytest.approx(1)


def test_patterns_are_cloth():
    rng = np.random.default_rng(0)
    for name in PATTERNS:
        sheet = draw_pattern(rng, draw_color(rng), (name,))
        assert sheet.dtype == np.float32 and sheet.shape[2] == 3
        assert sheet.min() > 0 and sheet.max() < 1
