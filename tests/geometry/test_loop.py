"""Loop subdivision as a linear operator: weights, shapes that must stay, edges that stay whole, seams."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from maquette.geometry.loop import Subdivision, loop_weight, subdivision
from maquette.geometry.subdivision import edges_of
from maquette.morphable import load

BALL = trimesh.creation.icosphere(2, 1.0)
HEXAGON = np.array([[0, k, k % 6 + 1] for k in range(1, 7)])  # vertex 0 inside, a rim of six around it


def sheet(side: int) -> tuple[np.ndarray, np.ndarray]:
    """A flat square of side x side vertices, one unit wide."""
    x, y = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    beside, above, over = corner + 1, corner + side, corner + side + 1
    faces = np.concatenate([np.stack([corner, beside, over], 1), np.stack([corner, over, above], 1)])
    return np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], axis=1), faces


def some(faces: np.ndarray, count: int, share: float = 0.5) -> Subdivision:
    """A random part of the edges split."""
    edges = edges_of(faces, count)[0]
    return subdivision(faces, count, np.random.default_rng(0).random(len(edges)) < share)


def slowly(vertices: np.ndarray, faces: np.ndarray) -> dict[tuple[int, ...], np.ndarray]:
    """The plain scheme of a mesh, vertex by vertex, as Loop's thesis puts it; (a,) or an edge (a, b) -> position."""
    across: dict[tuple[int, int], list[int]] = {}
    for face in faces.tolist():
        for k in range(3):
            across.setdefault(tuple(sorted((face[k], face[k - 2]))), []).append(face[k - 1])
    found = {}
    for (a, b), opposite in across.items():
        ends = vertices[a] + vertices[b]
        inner = len(opposite) == 2
        found[a, b] = 3 / 8 * ends + vertices[opposite].sum(axis=0) / 8 if inner else ends / 2
    for v in range(len(vertices)):
        near = [(set(edge) - {v}).pop() for edge in across if v in edge]
        rim = [(set(edge) - {v}).pop() for edge in across if v in edge and len(across[edge]) == 1]
        beta = (5 / 8 - (3 / 8 + np.cos(2 * np.pi / len(near)) / 4) ** 2) / len(near)
        around, weight = (rim, 1 / 8) if rim else (near, beta)
        found[(v,)] = (1 - weight * len(around)) * vertices[v] + weight * vertices[around].sum(axis=0)
    return found


@pytest.mark.parametrize("mesh", [(BALL.vertices, BALL.faces), sheet(5)], ids=["ball", "sheet"])
def test_it_is_loops_scheme(mesh):
    vertices, faces = mesh
    made, wanted = subdivision(faces, len(vertices)), slowly(vertices, faces)
    assert np.allclose(made.old @ vertices, [wanted[v,] for v in range(len(vertices))])
    assert np.allclose(made.new @ vertices, [wanted[a, b] for a, b in made.edges.tolist()])


def test_weights_of_a_regular_vertex_its_edges_and_a_rim():
    made = subdivision(HEXAGON, 7)
    assert np.allclose(made.old[0].toarray(), [[5 / 8, *[1 / 16] * 6]])
    assert np.allclose(made.old[1].toarray(), [[0, 3 / 4, 1 / 8, 0, 0, 0, 1 / 8]])
    row = dict(zip(map(tuple, made.edges.tolist()), made.new.toarray()))
    assert np.allclose(row[0, 1], [3 / 8, 3 / 8, 1 / 8, 0, 0, 0, 1 / 8])
    assert np.allclose(row[1, 2], [0, 1 / 2, 1 / 2, 0, 0, 0, 0])
    assert np.allclose(loop_weight(np.array([3, 4, 6])), [3 / 16, 31 / 256, 1 / 16])


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_rows_sum_to_one_and_nothing_moves_a_constant(share):
    model = load("maquette-head")
    made = some(model.faces, len(model.mean), share)
    for rows in (made.old, made.new):
        assert np.allclose(np.asarray(rows.sum(axis=1)), 1, atol=1e-12)
    assert np.allclose(made.refine(np.full((len(model.mean), 3), 0.25)), 0.25)


def test_a_ball_stays_round_and_as_large():
    made = subdivision(BALL.faces, len(BALL.vertices))
    radius = np.linalg.norm(made.refine(BALL.vertices.view(np.ndarray)), axis=1)
    plain = np.linalg.norm(np.concatenate([made.old @ BALL.vertices, made.new @ BALL.vertices]), axis=1)
    assert np.abs(radius - 1).max() < 3e-3 and abs(radius.mean() - 1) < 1e-3
    assert plain.max() < 0.99, "the plain scheme shrinks it"
    assert np.ptp(radius) < 0.35 * np.ptp(np.linalg.norm(made.spread(BALL.vertices.view(np.ndarray)), axis=1))


def test_a_sheet_stays_flat_and_its_rim_straight():
    vertices, faces = sheet(7)
    fine = subdivision(faces, len(vertices)).refine(vertices)
    assert np.abs(fine[:, 2]).max() == 0
    assert fine.min() > -0.07 / 6 and fine.max() < 1 + 0.07 / 6, "at the corners, by a fifteenth of an edge"
    inner = (np.abs(vertices[:, :2] - 0.5) < 0.4).all(axis=1)
    assert np.allclose(fine[: len(vertices)][inner], vertices[inner], atol=2e-3)
    middle = np.abs(vertices[:, 0] - 0.5) < 0.2
    assert np.allclose(fine[: len(vertices)][middle & (vertices[:, 1] == 0)][:, 1], 0), "a rim knows nothing but itself"


def test_it_is_linear_and_takes_stacks_in_their_own_type():
    random = np.random.default_rng(1)
    made = some(BALL.faces, len(BALL.vertices))
    moves = random.normal(size=(2, 4, len(BALL.vertices), 3))
    fine = made.refine(moves)
    assert fine.shape == (2, 4, len(BALL.vertices) + len(made.edges), 3)
    assert np.allclose(made.refine(2 * moves[0, 0] - moves[1, 3]), 2 * fine[0, 0] - fine[1, 3])
    assert made.refine(moves.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 1.0])
def test_it_stays_closed_whichever_edges_are_split(share):
    made = some(BALL.faces, len(BALL.vertices), share)
    fine = trimesh.Trimesh(made.refine(BALL.vertices.view(np.ndarray)), made.faces, process=False)
    assert fine.is_watertight and fine.is_winding_consistent and fine.volume > BALL.volume
    assert len(made.faces) == len(BALL.faces) + 2 * len(made.edges)
    assert np.array_equal(np.sort(made.origin), made.origin)
    chosen = np.array([7, 3])
    assert set(made.origin[made.pieces(chosen)]) == {3, 7}
    assert np.isin(made.origin, chosen).sum() == len(made.pieces(chosen))


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_points_and_texture_keep_their_place_in_the_flat_triangle(share):
    """With new vertices midway, nothing at all may move: neither a point nor the texel under it."""
    random = np.random.default_rng(2)
    made = some(BALL.faces, len(BALL.vertices), share)
    faces, weights = random.integers(0, len(BALL.faces), 300), random.dirichlet([1, 1, 1], 300)
    found, inside = made.placed(faces, weights)
    assert np.array_equal(made.origin[found], faces)
    assert inside.min() > -1e-12 and np.allclose(inside.sum(axis=1), 1)
    vertices = BALL.vertices.view(np.ndarray)
    before = np.einsum("nk,nkd->nd", weights, vertices[BALL.faces[faces]])
    assert np.allclose(np.einsum("nk,nkd->nd", inside, made.spread(vertices)[made.faces[found]]), before)
    uvs = random.random((3 * len(BALL.faces), 2)).astype(np.float32)  # a seam along every edge
    uv_faces = random.permutation(len(uvs)).reshape(-1, 3)
    fine_uvs, fine_faces = made.spread_uvs(uvs, uv_faces)
    before = np.einsum("nk,nkd->nd", weights, uvs[uv_faces[faces]])
    assert np.allclose(np.einsum("nk,nkd->nd", inside, fine_uvs[fine_faces[found]]), before, atol=1e-6)
    assert len(fine_uvs) == len(uvs) + made.cut.sum(), "each side of a seam has its own"


def test_a_vertex_whose_edges_stay_whole_stays():
    edges = edges_of(BALL.faces, len(BALL.vertices))[0]
    made = subdivision(BALL.faces, len(BALL.vertices), (BALL.vertices[edges][..., 0] > 0.2).all(axis=1))
    moved = np.linalg.norm(made.refine(BALL.vertices.view(np.ndarray))[: len(BALL.vertices)] - BALL.vertices, axis=1)
    ends = np.isin(np.arange(len(BALL.vertices)), made.edges)
    assert 0 < ends.sum() < len(ends) and (moved[~ends] == 0).all() and (moved[ends] > 0).all()


def test_colours_are_rounded_not_wrapped():
    colours = np.full((len(BALL.vertices), 3), 255, np.uint8)
    fine = subdivision(BALL.faces, len(BALL.vertices)).spread(colours)
    assert fine.dtype == np.uint8 and fine.min() == 255
