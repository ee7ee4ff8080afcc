"""The face solid: where it is, and that it lies where the picture shows the face."""

import numpy as np
import pytest
import torch

from maquette.core.types import Camera
from maquette.geometry.camera import project
from maquette.morphable import load
from maquette.reconstruction.vrn import solid


@pytest.fixture(scope="module")
def model():
    return load("maquette-head")


@pytest.fixture(scope="module")
def photographed(model):
    """A head turned by half a radian before a near camera, and its landmarks as (x, y, d)."""
    turn, distance, focal = 0.5, 0.6, 300.0
    matrix = np.diag([1.0, -1, -1, 1]) @ np.array(
        [[np.cos(turn), 0, np.sin(turn), 0], [0, 1, 0, 0], [-np.sin(turn), 0, np.cos(turn), 0], [0, 0, 0, 1]]
    )
    matrix[2, 3] = distance
    camera = Camera(np.array([[focal, 0, 60.0], [0, focal, 70.0], [0, 0, 1]]), matrix, (128, 128))
    points = solid.head_points(model, model.mean).astype(float)

    def seen(points_world, middle):
        pixels, depth = project(camera, points_world)
        return np.column_stack([pixels, (depth - middle) * focal / middle])

    middle = project(camera, points)[1].mean()
    return points, seen(points, middle), lambda p: seen(p, middle)


def unprojected(placed: solid.CropProjection, seen: np.ndarray) -> np.ndarray:
    """(N, 3) metres of x, y, d (N, 3) in the crop: the inverse of `project`."""
    wide = 1 + placed.slope * seen[:, 2:]
    camera = np.concatenate([seen[:, :2] * wide, seen[:, 2:]], axis=1)
    return np.linalg.solve(placed.matrix[:, :3], (camera - placed.matrix[:, 3]).T).T


def test_the_map_is_the_face_without_ears_and_holes(model):
    front = solid.depth_map(model.mean)
    rows, columns = np.nonzero(np.isfinite(front))
    x = solid.CORNER_M[0] + (columns + 0.5) * solid.CELL_M
    y = solid.CORNER_M[1] - (rows + 0.5) * solid.CELL_M
    face = model.mean[model.regions["face"] > 0.5]
    assert np.abs([x.min(), x.max()] - np.array([face[:, 0].min(), face[:, 0].max()])).max() < 0.003
    assert np.abs([y.min(), y.max()] - np.array([face[:, 1].min(), face[:, 1].max()])).max() < 0.003
    assert np.nanmax(front) == pytest.approx(face[:, 2].max(), abs=0.002)
    assert np.nanmin(front) > solid.BACK_M
    from scipy.ndimage import binary_fill_holes

    inside = np.isfinite(front)
    assert (binary_fill_holes(inside) == inside).all()


def test_an_open_mouth_is_bridged(model):
    expression = np.zeros(len(model.expression_names))
    expression[model.expression_names.index("jawOpen")] = 1
    front = solid.depth_map(model.vertices(np.zeros(1), expression))
    rows, _ = np.gradient(front)
    middle = front.shape[1] // 2
    mouth = slice(70, 105)  # rows from the nose to the chin
    assert np.abs(rows[mouth, middle - 3 : middle + 3]).max() < 0.009  # no step down to the teeth


def test_the_place_is_recovered_from_what_is_seen(photographed):
    points, seen, _ = photographed
    placed = solid.CropProjection.of(points, seen)
    assert np.abs(placed.project(points) - seen).max() < 1e-6
    assert np.abs(unprojected(placed, seen) - points).max() < 1e-9
    assert 1 / placed.slope == pytest.approx(300, rel=1e-6)


def test_a_place_follows_its_crop(photographed):
    points, seen, _ = photographed
    turn, scale = 0.2, 1.7
    matrix = np.eye(3)
    matrix[:2, :2] = scale * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    matrix[:2, 2] = 5, -8
    moved = solid.CropProjection.of(points, seen).moved(matrix).project(points)
    assert np.abs(moved[:, :2] - (seen[:, :2] @ matrix[:2, :2].T + matrix[:2, 2])).max() < 1e-6
    assert np.abs(moved[:, 2] - scale * seen[:, 2]).max() < 1e-6


def test_a_mirrored_head_in_a_mirrored_crop(photographed):
    points, seen, _ = photographed
    mirrored = solid.CropProjection.of(points, seen).mirrored(128).project(points * [-1, 1, 1])
    assert np.abs(mirrored - seen * [-1, 1, 1] - [128, 0, 0]).max() < 1e-6


def test_occupancy_agrees_with_asking_point_by_point(model, photographed):
    points, seen, _ = photographed
    placed = solid.CropProjection.of(points, seen)
    front = solid.depth_map(model.mean)
    d = solid.slices(80)
    pixels = torch.arange(0, 128, 4) + 0.5
    inside = solid.occupancy(
        torch.from_numpy(front)[None],
        solid.CropProjections.of([placed]),
        solid.CropGrid(pixels, pixels, torch.from_numpy(d).float()),
    )[0].numpy()
    assert inside.shape == (80, 32, 32) and 0.02 < (inside > 0.5).mean() < 0.6
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(400):
        k, i, j = rng.integers([80, 32, 32])
        x, y, z = unprojected(placed, np.array([[pixels[j], pixels[i], d[k]]], float))[0]
        column = int((x - solid.CORNER_M[0]) / solid.CELL_M)
        row = int((solid.CORNER_M[1] - y) / solid.CELL_M)
        beside = not (0 <= row < solid.GRID[1] and 0 <= column < solid.GRID[0])
        slow = not beside and bool(solid.BACK_M < z < front[row, column])  # False beside the face: NaN
        wrong += slow != (inside[k, i, j] > 0.5)
    assert wrong <= 8  # within a cell of the surface the two may differ


def test_the_surface_of_the_solid_is_the_skin(model, photographed):
    points, seen, see = photographed
    placed = solid.CropProjection.of(points, seen)
    front = torch.from_numpy(solid.depth_map(model.mean))[None]
    nose = model.mean[[model.mean[:, 2].argmax()]].astype(float)
    x, y, tip = see(nose)[0]
    d = torch.linspace(float(tip) - 6, float(tip) + 6, 49)
    column = solid.occupancy(
        front,
        solid.CropProjections.of([placed]),
        solid.CropGrid(torch.tensor([float(y)]), torch.tensor([float(x)]), d),
    )[0, :, 0, 0].numpy()
    at = np.interp(0.5, column, d.numpy())
    assert abs(at - tip) / (300 / 0.6) < 0.0025  # metres


def test_the_slices_count_towards_the_camera():
    d = solid.slices(100)
    assert (np.diff(d) == -solid.DEPTH_STEP).all() and d[60] == pytest.approx(-0.25)
