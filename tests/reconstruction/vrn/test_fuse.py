"""Volumes of several photos in one."""

import numpy as np
import pytest

from maquette.geometry.surfaces.extract import surface_of
from maquette.morphable import load
from maquette.reconstruction.vrn import solid
from maquette.reconstruction.vrn.fuse import CELL_M, LOW_M, fused
from maquette.reconstruction.vrn.read import FrontPlane

STILL = FrontPlane(0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def placed(scene):
    points = solid.head_points(load("maquette-head"), scene.vertices)
    return [reading.projection(view, points) for reading, view in zip(scene.readings, scene.views)]


def test_the_surface_of_the_volume_is_the_face(scene, placed):
    for count in (1, 2):
        volume = fused(scene.readings[:count], placed[:count], [STILL] * count)
        surface = surface_of(volume, None)
        assert surface.closed and surface.components == 1 and surface.volume_cm3 > 500
        front = solid.depth_map(scene.vertices)
        rows, columns = np.nonzero(np.isfinite(front))
        inner = (rows > 30) & (rows < 95) & (columns > 25) & (columns < 63)
        rows, columns = rows[inner], columns[inner]
        x = solid.CORNER_M[0] + (columns + 0.5) * solid.CELL_M
        y = solid.CORNER_M[1] - (rows + 0.5) * solid.CELL_M
        truth = np.stack([x, y, front[rows, columns]], axis=1)
        from scipy.spatial import cKDTree

        apart = cKDTree(surface.mesh.vertices).query(truth)[0]
        assert np.median(apart) < 0.0015 and np.quantile(apart, 0.95) < 0.005


def test_the_order_of_the_photos_does_not_matter(scene, placed):
    planes = [FrontPlane(0.4, 1.0, 0.0), FrontPlane(-0.3, 0.0, -1.0)]
    one = fused(scene.readings, placed, planes)
    other = fused(scene.readings[::-1], placed[::-1], planes[::-1])
    assert np.array_equal(one.values, other.values)


def test_the_same_photo_twice_changes_nothing(scene, placed):
    once = fused(scene.readings[:1], placed[:1], [STILL])
    twice = fused(scene.readings[:1] * 2, placed[:1] * 2, [STILL, STILL])
    assert np.allclose(once.values, twice.values, atol=1e-6)


def test_a_photo_counts_where_it_looks_straight(scene, placed):
    """Left and right photo disagree; each cheek follows the photo that sees it."""
    moved = FrontPlane(2.0, 0.0, 0.0)
    both = fused(scene.readings, placed, [STILL, moved])
    first, second = (fused([r], [p], [s]) for r, p, s in zip(scene.readings, placed, [STILL, moved]))
    index = np.round((np.array([[0.055, -0.03, 0.0], [-0.055, -0.03, 0.0]]) - LOW_M) / CELL_M).astype(int)
    columns = [tuple(i[:2]) for i in index]
    apart = [[np.abs(both.values[c] - one.values[c]).sum() for one in (first, second)] for c in columns]
    nearest = np.argmin(apart, axis=1)
    assert sorted(nearest) == [0, 1]


def test_grid_and_head_share_a_frame(scene, placed):
    volume = fused(scene.readings, placed, [STILL, STILL])
    assert volume.grid_to_world[:3, :3] == pytest.approx(np.eye(3) * CELL_M)
    nose = scene.vertices[scene.vertices[:, 2].argmax()]
    index = np.linalg.solve(volume.grid_to_world, np.append(nose, 1))[:3]
    ahead = np.array([0, 0, 3])
    inside, outside = index - ahead, index + ahead
    within, beyond = (volume.values[tuple(np.round(i).astype(int))] for i in (inside, outside))
    assert within > 0.5 > beyond


def test_beside_the_face_it_is_empty(scene, placed):
    front = solid.depth_map(scene.vertices)
    whole = fused(scene.readings, placed, [STILL, STILL])
    cut = fused(scene.readings, placed, [STILL, STILL], front)
    narrow = np.where(np.arange(front.shape[1]) < 44, front, np.nan)  # half a face: the other half goes
    half = fused(scene.readings, placed, [STILL, STILL], narrow)
    sizes = [(volume.values > 0.5).sum() for volume in (whole, cut, half)]
    assert 0.9 * sizes[0] < sizes[1] <= sizes[0] and 0.4 * sizes[1] < sizes[2] < 0.65 * sizes[1]
