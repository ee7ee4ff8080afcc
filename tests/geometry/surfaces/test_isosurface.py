"""Marching cubes and the front depth, against solids that are known and against slow twins."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from maquette.core.errors import BadInput
from maquette.geometry.mesh import face_normals
from maquette.geometry.surfaces.clean import is_closed, pieces, signed_volume
from maquette.geometry.surfaces.isosurface import front_depth, logits_of, marching_cubes

CENTRE, RADIUS = np.array([11.3, 12.6, 14.2]), 8.0


def grid(*shape: int) -> np.ndarray:
    return np.stack(np.meshgrid(*(np.arange(n, dtype=float) for n in shape), indexing="ij"), axis=-1)


def ball(shape=(24, 26, 30), centre=CENTRE, radius=RADIUS) -> np.ndarray:
    """Positive inside, distance to the sphere in voxels."""
    return radius - np.linalg.norm(grid(*shape) - centre, axis=-1)


def crossings(field: np.ndarray) -> np.ndarray:
    """Slow twin of the vertices: where the straight line between two neighbouring voxels passes zero."""
    found = []
    for place in np.ndindex(field.shape):
        for axis in range(3):
            other = tuple(p + (a == axis) for a, p in enumerate(place))
            if other[axis] < field.shape[axis] and (field[place] > 0) != (field[other] > 0):
                share = field[place] / (field[place] - field[other])
                found.append(np.array(place) + share * (np.arange(3) == axis))
    return np.array(found)


def test_a_ball_is_found_below_a_voxel():
    vertices, faces = marching_cubes(ball())
    assert is_closed(faces) and pieces(faces)[0] == 1
    assert np.abs(np.linalg.norm(vertices - CENTRE, axis=1) - RADIUS).max() < 0.02
    assert signed_volume(vertices, faces) == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.01)
    assert np.abs(vertices.mean(axis=0) - CENTRE).max() < 0.05
    outwards = (face_normals(vertices, faces) * (vertices[faces].mean(axis=1) - CENTRE)).sum(axis=1)
    assert (outwards > 0).all()


def test_vertices_are_the_crossings_of_the_slow_twin():
    field = ball()
    vertices, _ = marching_cubes(field)
    slow = crossings(field)
    assert len(vertices) == len(slow)
    # Outside counts a thousandth more, so that ties are decided.
    order, slow_order = np.lexsort(vertices.round(2).T), np.lexsort(slow.round(2).T)
    distance = np.abs(np.sort(vertices[order], axis=0) - np.sort(slow[slow_order], axis=0))
    assert distance.max() < 2e-3


def test_the_level_moves_the_surface():
    vertices, _ = marching_cubes(ball(), level=2.0)
    assert np.linalg.norm(vertices - CENTRE, axis=1).mean() == pytest.approx(RADIUS - 2, abs=0.01)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 3), (2, 2, 2), (3, 3, 3), (1, 40, 1)])
def test_a_full_grid_of_any_size_is_a_closed_box(shape):
    vertices, faces = marching_cubes(np.ones(shape))
    assert is_closed(faces)
    assert np.allclose(vertices.min(axis=0), -0.5, atol=2e-3)
    assert np.allclose(vertices.max(axis=0), np.array(shape) - 0.5, atol=2e-3)
    assert marching_cubes(np.ones(shape), closed=False)[1].shape == (0, 3)


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 6, 7)])
def test_an_empty_grid_has_no_surface(shape):
    vertices, faces = marching_cubes(np.full(shape, -1.0))
    assert vertices.shape == faces.shape == (0, 3)


def test_a_cube_at_the_border_is_closed_there_if_wanted():
    field = np.full((12, 12, 12), -1.0)
    field[:5, 3:8, 7:] = 1
    vertices, faces = marching_cubes(field)
    assert is_closed(faces)
    assert np.allclose([vertices.min(axis=0), vertices.max(axis=0)], [[-0.5, 2.5, 6.5], [4.5, 7.5, 11.5]], atol=2e-3)
    assert 115 < signed_volume(vertices, faces) < 125
    vertices, faces = marching_cubes(field, closed=False)
    assert not is_closed(faces) and vertices.min() == 0


def test_two_balls_are_two_pieces():
    field = np.maximum(ball(centre=np.array([5, 6, 6]), radius=4), ball(centre=np.array([17, 18, 22]), radius=5))
    _, faces = marching_cubes(field)
    assert is_closed(faces) and pieces(faces)[0] == 2


def test_a_torus_keeps_its_hole():
    at = grid(40, 40, 20) - [19.4, 19.7, 9.3]
    ring = np.hypot(np.hypot(at[..., 0], at[..., 1]) - 12, at[..., 2])
    vertices, faces = marching_cubes(4 - ring)
    assert is_closed(faces)
    assert trimesh.Trimesh(vertices, faces, process=False).euler_number == 0


@pytest.mark.parametrize("share", [0.2, 0.5, 0.7])
def test_hard_noise_is_closed_too(share):
    """Each face between voxels of a 0-1 grid is an undecided case."""
    solid = np.random.default_rng(1).random((14, 15, 16)) < share
    _, faces = marching_cubes(solid.astype(np.float32), level=0.5)
    assert is_closed(faces)


def test_values_on_the_level_make_no_flat_faces():
    whole = np.round(ball(centre=np.array([11.0, 12, 14])))
    vertices, faces = marching_cubes(whole)
    assert is_closed(faces) and len(np.unique(vertices.astype(np.float32), axis=0)) == len(vertices)


@pytest.mark.parametrize(
    "field,why",
    [
        (np.zeros((4, 4)), "three axes"),
        (np.zeros((0, 4, 4)), "three axes"),
        (np.where(ball() > 7, np.nan, ball()), "NaN"),
        (np.where(ball() > 7, np.inf, ball()), "infinity"),
        (np.broadcast_to(np.float32(0), (100_000, 100_000, 100_000)), "at most 512"),
    ],
)
def test_what_is_no_grid_is_refused(field, why):
    for function in (marching_cubes, front_depth):
        with pytest.raises(BadInput, match=why):
            function(field)


def test_a_grid_is_not_changed():
    field = ball().astype(np.float32)
    before = field.copy()
    marching_cubes(field), front_depth(field)
    assert np.array_equal(field, before)


def slow_front(logits: np.ndarray) -> np.ndarray:
    """Twin: for many thresholds, the last index of each column above it."""
    thresholds = np.linspace(0.05, 0.95, 901)
    depth = np.full(logits.shape[:2], np.nan)
    for i, j in np.ndindex(depth.shape):
        column = 1 / (1 + np.exp(-logits[i, j]))
        if (column > 0.5).any():
            fronts = [np.flatnonzero(column > u)[-1] if (column > u).any() else -1 for u in thresholds]
            depth[i, j] = np.mean(fronts) + 0.5
    return depth


def test_the_front_is_the_mean_over_thresholds():
    logits = np.random.default_rng(2).normal(0, 2, (6, 7, 20)) - np.linspace(-2, 4, 20)
    logits[2, 3] = -3
    fast, slow = front_depth(logits), slow_front(logits)
    assert np.array_equal(np.isnan(fast), np.isnan(slow)) and np.isnan(fast[2, 3])
    assert np.nanmax(np.abs(fast - slow)) < 0.02


@pytest.mark.parametrize("softness", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_front_of_a_soft_slope_is_where_the_logit_is_zero(softness, axis):
    at = np.moveaxis(grid(20, 22, 60), 2, axis)
    front = 30.0 + 0.31 * at[..., 0 if axis else 1]
    depth = front_depth((front - at[..., 2]) / softness, axis)
    wanted = np.take(front, 0, axis)
    assert np.abs(depth - wanted).max() < (0.51 if softness < 0.5 else 0.05)


def test_front_and_iso_surface_agree_on_a_ball():
    depth = front_depth(4 * ball())
    rows, columns = np.meshgrid(np.arange(24.0), np.arange(26.0), indexing="ij")
    inside = RADIUS**2 - (rows - CENTRE[0]) ** 2 - (columns - CENTRE[1]) ** 2
    top = inside > 16
    assert np.abs(depth[top] - CENTRE[2] - np.sqrt(inside[top])).max() < 0.15
    assert np.isnan(depth[inside < -1]).all()


def test_logits_stay_finite():
    assert np.isfinite(logits_of(np.array([0.0, 1.0, 0.5]))).all() and logits_of(np.array([0.5]))[0] == 0
