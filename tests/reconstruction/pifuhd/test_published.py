"""The published way: pictures are cut and resized as published, and the surface is that of the published grid."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import trimesh
from safetensors import safe_open
from scipy.spatial import cKDTree

from maquette.core.errors import BadInput, NothingFound
from maquette.reconstruction.pifuhd.field import Field
from maquette.reconstruction.pifuhd.network import PIFuHD
from maquette.reconstruction.pifuhd.published import cut, inputs, normal_colors, read, surface
from pifuhd_by_key import SMALL, fill, pictures

GOLDEN = Path(__file__).parents[2] / "golden" / "pifuhd.safetensors"
CENTRE, RADIUS = np.array([0.1, 0.2, 0.3]), 0.4


def ball(points: np.ndarray) -> np.ndarray:
    """Occupancy of a soft ball in model space."""
    distance = np.linalg.norm(points - CENTRE, axis=1)
    return (1 / (1 + np.exp((distance - RADIUS) / 0.02))).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> PIFuHD:
    network = PIFuHD(SMALL).eval().requires_grad_(False)
    fill(network)
    return network


def test_the_surface_is_that_of_the_published_code(network):
    """Most vertices: ours has none of the degenerate triangles, and is closed at the border.

    In float64, in which processors agree.
    """
    network = deepcopy(network).double()
    field = Field(network, network.prepare(*(value.double() for value in pictures(64))))
    with safe_open(GOLDEN, framework="np") as file:
        wanted = file.get_tensor("surface.vertices")
        low, high = file.get_tensor("surface.low"), file.get_tensor("surface.high")
    found = surface(field, 64, "exact", level=0.51)
    distance = cKDTree(found.vertices).query(wanted)[0]
    assert np.quantile(distance, 0.97) < 1e-4
    # The lattice ends at x = 62/64 to the right and, since it counts y downwards, at -62/64 below.
    assert low[1] > -0.97 and high[1] == 1 and high[0] < 0.97
    closed = 0.5 * 2 / 64
    assert np.all(found.vertices.min(0) > low - closed - 1e-4) and np.all(found.vertices.max(0) < high + closed + 1e-4)
    assert abs(found.vertices.min(0)[1] - low[1]) < 1e-4


@pytest.mark.parametrize("grid", ["exact", "fast"])
def test_a_ball_comes_out_where_it_is(grid):
    found = surface(ball, 128, grid)
    mesh = trimesh.Trimesh(found.vertices, found.faces, process=False)
    assert mesh.is_watertight and mesh.volume > 0, "faces look outwards"
    assert np.abs(mesh.center_mass - CENTRE).max() < 1e-3
    assert np.abs(np.linalg.norm(found.vertices - CENTRE, axis=1) - RADIUS).max() < 1 / 128
    assert found.evaluations < 128**3


def test_columns_beside_the_mask_are_left_out():
    mask = np.zeros((200, 200), np.float32)
    u, v = (CENTRE[0] + 1) * 100, (1 - CENTRE[1]) * 100
    rows, columns = np.mgrid[:200, :200] + 0.5
    mask[(columns - u) ** 2 + (rows - v) ** 2 < 40**2] = 1
    whole, masked = surface(ball, 128), surface(ball, 128, mask=mask)
    assert masked.evaluations < 0.6 * whole.evaluations
    assert np.allclose(np.sort(whole.vertices, axis=0), np.sort(masked.vertices, axis=0))


def test_what_a_surface_refuses():
    with pytest.raises(NothingFound, match="no surface"):
        surface(lambda points: np.zeros(len(points), np.float32), 64)
    with pytest.raises(BadInput, match="fast or exact"):
        surface(ball, 64, "quick")


def test_a_crop_beyond_the_photo_is_black_there():
    pixels = np.full((40, 60, 3), 200, np.uint8)
    pixels[0, 0] = 77
    crop = cut(pixels, np.array([-5, -3, 50, 50]))
    assert crop.shape == (50, 50, 3) and crop[3, 5, 0] == 77
    assert not crop[:3].any() and not crop[:, :5].any() and not crop[43:].any() and crop[3:43, 5:].all()
    assert np.array_equal(cut(pixels, np.array([10, 20, 5, 5])), pixels[20:25, 10:15])
    for rect in ([0, 0, 5, 6], [60, 0, 9, 9], [-9, 0, 9, 9], [0, 0, 1, 1]):
        with pytest.raises(BadInput, match=f"rect {rect[0]} {rect[1]} .*60 x 40"):
            cut(pixels, np.array(rect))


def test_inputs_are_two_sizes_of_one_crop():
    crop = np.zeros((100, 100, 3), np.uint8)
    crop[:, 50:, 0] = 255
    small, large = inputs(crop, 64)
    assert small.shape == (1, 3, 64, 64) and large.shape == (1, 3, 128, 128)
    for picture in (small, large):
        assert picture[0, 0].min() == -1 and picture[0, 0].max() == 1 and (picture[0, 1:] == -1).all()
    # Shrunk without smoothing: an edge between two pixels stays one.
    assert set(small[0, 0, 0].tolist()) == {-1, 1}
    with pytest.raises(ValueError, match="crop"):
        inputs(crop[:, :90])


def test_from_a_crop_to_a_surface(network):
    crop = np.random.default_rng(2).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    field = read(network, crop)
    assert field.features.fine.shape == (1, 16, 64, 64)
    found = surface(field, 64, level=0.52)
    corners = found.vertices[found.faces]
    outwards = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outwards /= np.maximum(np.linalg.norm(outwards, axis=1, keepdims=True), 1e-12)
    middles = corners.mean(axis=1)
    inner = (np.abs(middles) < 0.9).all(axis=1)
    sides = (middles[inner] + step * outwards[inner] for step in (-0.002, 0.002))
    within, beyond = (field(points.astype(np.float32)) for points in sides)
    assert (within > beyond).mean() > 0.9, "faces look outwards"
    normals = field.normals(middles[inner][:2000].astype(np.float32))
    assert (np.sum(outwards[inner][:2000] * normals, axis=1) > 0).mean() > 0.9, "and so do normals"


def test_colors_of_normals():
    assert normal_colors(np.array([[0, 0, 1], [-1, 1, 0]])).tolist() == [[128, 128, 255], [0, 255, 128]]
