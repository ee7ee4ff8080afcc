"""The field of one person: its cube, and that columns and grids change nothing that the network says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import dolls
from maquette.core.types import Camera, Frame
from maquette.geometry.camera import project
from maquette.geometry.surfaces.distance import DistanceGrid, surface_distance, winding_ahead
from maquette.reconstruction.body_fit.skeleton import load_skeleton
from maquette.reconstruction.pifuhd.bodyfield import (
    CLOTH,
    FILL,
    STEEP,
    BodyField,
    Cube,
    cube_of,
    depth_range,
    square_of,
)
from maquette.reconstruction.pifuhd.conditioned import FARTHEST, BodyPIFuHD, BodySize
from maquette.training.datasets.persons import PersonSamples, shards_of

SIDE = 64


@pytest.fixture(scope="module")
def network() -> BodyPIFuHD:
    torch.manual_seed(2)
    return BodyPIFuHD(BodySize(side=SIDE)).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def scene():
    """The standing doll, its skin and the cube about it."""
    placement, observation = dolls.seen()
    vertices, model = placement.vertices(0), load_skeleton().model
    skin = model.faces[model.parts["skin"]]
    camera = placement.camera(0, observation)
    square = square_of(observation, camera, vertices)
    return observation, vertices, skin, cube_of(camera, square, np.array([0, 0.9, 0]))


@pytest.fixture(scope="module")
def field(network, scene) -> BodyField:
    observation, vertices, skin, cube = scene
    return BodyField(network, observation, cube, vertices, skin)


def turned_camera(spot=(31.0, 47.0), distance=None) -> Camera:
    """150 pixels per metre 9.7 m ahead, or so many metres ahead of a camera that is near."""
    c, s = np.cos(0.4), np.sin(0.4)
    pose = np.eye(4)
    pose[:3, :3] = np.diag([1.0, -1, -1]) @ [[c, 0, s], [0, 1, 0], [-s, 0, c]]
    pose[:3, 3] = 0.3, 0.8, 0.3 + (distance or 9.7)
    focal, kind = (150.0, "orthographic") if distance is None else (150.0 * distance, "perspective")
    return Camera(np.array([[focal, 0, spot[0]], [0, focal, spot[1]], [0, 0, 1]]), pose, (200, 300), kind)


@pytest.mark.parametrize("distance", [None, 4.0])
def test_there_and_back_again(distance):
    cube = Cube(turned_camera(distance=distance), np.array([-20, 15]), 260, distance or 9.7)
    points = np.random.default_rng(0).uniform(-1, 1, (500, 3))
    assert np.allclose(cube.to_cube(cube.to_world(points)), points, atol=1e-9)
    world = np.random.default_rng(1).uniform(-1, 2, (500, 3))
    assert np.allclose(cube.to_world(cube.to_cube(world)), world, atol=1e-9)
    lengths = np.linalg.norm(np.diff(cube.to_world(np.vstack([np.zeros(3), np.eye(3)])), axis=0)[:1], axis=1)
    assert lengths == pytest.approx(cube.half) and cube.half == pytest.approx(260 / 2 / 150)


def test_what_a_pixel_of_a_near_camera_shows_is_one_column():
    camera = turned_camera(distance=3.0)
    cube = Cube(camera, np.array([-20, 15]), 260, 3.0)
    column = np.array([[0.4, -0.7, z] for z in (-1.0, 0.0, 1.0)])
    pixels, depth = project(camera, cube.to_world(column))
    assert np.allclose(pixels, [-20 + 1.4 * 130, 15 + 1.7 * 130])
    assert np.allclose(depth, 3.0 - column[:, 2] * 130 / 150)


def test_the_cube_is_upright_and_its_front_is_near():
    """Right, up and towards the viewer are those of the camera; the corners are the corners of the square."""
    camera = turned_camera()
    cube = Cube(camera, np.array([-20, 15]), 260, 9.7)
    corners = cube.to_world(np.array([[-1.0, 1, 0], [1, -1, 0], [0, 0, 0.5]]))
    seen = corners @ camera.world_to_camera[:3, :3].T + camera.world_to_camera[:3, 3]
    pixels = seen[:, :2] * 150 + camera.intrinsics[:2, 2]
    assert np.allclose(pixels[:2], [[-20, 15], [240, 275]]) and np.allclose(seen[:2, 2], 9.7) and seen[2, 2] < 9.7


@pytest.mark.parametrize("corner", [(-30, -10), (5, 3), (60, 170)])
def test_a_cut_at_the_border_is_black_there(corner):
    picture = np.random.default_rng(0).integers(1, 255, (300, 200, 3)).astype(np.uint8)
    cube = Cube(turned_camera(), np.array(corner), 160, 9.7)
    found = cube.cut(picture, 160)
    for v in (0, 37, 80, 159):
        for u in (0, 41, 80, 159):
            x, y = u + corner[0], v + corner[1]
            inside = 0 <= x < 200 and 0 <= y < 300
            assert np.array_equal(found[v, u], picture[y, x] if inside else np.zeros(3, np.uint8))
    assert cube.cut(picture, 64).shape == (64, 64, 3) and cube.cut(picture[..., 0], 400).shape == (400, 400)


def test_the_cube_holds_the_body_and_the_mask(scene):
    observation, vertices, skin, cube = scene
    placed = cube.to_cube(vertices[np.unique(skin)].astype(float))
    assert np.abs(placed).max() < 0.85 and np.ptp(placed[:, 1]) == pytest.approx(2 * FILL, abs=0.05)
    wide = np.zeros_like(observation.mask)
    wide[50:60, 5:215] = 1
    seen = replace(observation, mask=np.maximum(wide, observation.mask))
    wider = cube_of(cube.camera, square_of(seen, cube.camera, vertices), np.zeros(3))
    assert wider.corner[0] <= 5 and wider.corner[0] + wider.side >= 215 and wider.side >= cube.side


def test_distances_are_the_true_ones(scene, field):
    _, vertices, skin, cube = scene
    placed = cube.to_cube(vertices.astype(float))
    rng = np.random.default_rng(0)
    near = placed[rng.choice(np.unique(skin), 1500)] + 0.03 * rng.normal(size=(1500, 3))
    points = np.clip(np.concatenate([near, rng.uniform(-1, 1, (1500, 3))]), -1, 1)
    true = surface_distance(placed, skin, points, FARTHEST)
    true = np.where(winding_ahead(placed, skin, points) > 0, -true, true)
    off = np.abs(DistanceGrid.of(placed, skin, FARTHEST)(points) - true)
    # A cell is 0.021 wide; between fingers the grid sees no gap.
    assert off.mean() < 0.002 and np.quantile(off, 0.99) < 0.012
    assert np.allclose(field.distance(points), DistanceGrid.of(placed, skin, FARTHEST)(points), atol=1e-6)


def test_columns_change_nothing(network, field):
    rng = np.random.default_rng(3)
    loose = rng.uniform(-1, 1, (700, 3))
    column = np.repeat(rng.uniform(-1, 1, (20, 2)), 30, axis=0)
    points = np.concatenate([loose, np.column_stack([column, rng.uniform(-1, 1, 600)])]).astype(np.float32)
    distance = field.distance(points)
    one = torch.from_numpy(points)[None], torch.from_numpy(distance)[None]
    with torch.inference_mode():
        wanted = network.logits(field.features, *one)[0][0]
        found = field._logits(torch.from_numpy(points), distance)
    assert (found - wanted).abs().max() < 1e-5
    bounded = wanted - torch.from_numpy(STEEP * field._beyond(points))
    assert np.allclose(field(points), torch.sigmoid(bounded).numpy(), atol=1e-5)


def test_the_field_sees_what_training_shows(network, tmp_path):
    """The same doll as an example of the data set and as an observation: maps, features and answers agree."""
    folder = dolls.write(tmp_path / "persons", 1, SIDE)
    batch = PersonSamples(shards_of(str(folder), 1, 0), 1500, SIDE, augment=False).batch(0)
    made, (naked, faces) = dolls.example(0, SIDE), dolls.body(0)
    pose = np.diag([1.0, -1, -1, 1])
    pose[2, 3] = 10
    flat = np.array([[SIDE / 2, 0, SIDE / 2], [0, SIDE / 2, SIDE / 2], [0, 0, 1.0]])
    camera = Camera(flat, pose, (SIDE, SIDE), "orthographic")
    seen = dolls.observation(made["mask"].astype(np.float32) / 255, np.zeros((33, 2)))
    seen = replace(seen, frame=Frame(made["image"]))
    field = BodyField(network, seen, Cube(camera, np.zeros(2, int), SIDE, 10.0), naked, faces)
    parts = {name: torch.from_numpy(value) for name, value in batch.items()}
    with torch.inference_mode():
        wanted = network.prepare(parts["picture"], parts["body"])
        logits = network.logits(wanted, parts["points"], parts["distance"])[0][0]
        found = network.logits(field.features, parts["points"], parts["distance"])[0][0]
    assert np.allclose(field.normals, wanted.normals[0].numpy(), atol=2e-3)
    assert (found - logits).abs().max() < 2e-3
    assert np.quantile(np.abs(field.distance(batch["points"][0]) - batch["distance"][0]), 0.95) < 0.012


def test_nothing_is_deeper_than_the_body_and_what_stands_out_beside_it():
    maps, mask = np.zeros((SIDE, SIDE, 8), np.float32), np.zeros((SIDE, SIDE), np.float32)
    maps[16:48, 28:36, 2], maps[16:48, 28:36, 6], maps[16:48, 28:36, 7] = 1, 0.1, -0.1
    mask[16:48, 28:36] = 1
    narrow = depth_range(maps, mask)
    assert np.allclose(narrow[:, 30, 32], [-0.1 - CLOTH, 0.1 + CLOTH])
    mask[32:48, 12:52] = 1
    low, high = depth_range(maps, mask)
    assert high[40, 35] > narrow[1, 40, 35] + 0.02 and high[18, 32] == pytest.approx(narrow[1, 18, 32])
    assert (low < high).all() and high[40, 12] < high[40, 20] < 0.7 and high[40, 12] < 0.25
    assert depth_range(0 * maps, mask).tolist()[0][0][0] == -1
