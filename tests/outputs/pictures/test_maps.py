"""texture, depth and normals: what each pixel says."""

from __future__ import annotations

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from maquette.core.options import OutputOptions
from maquette.core.types import Camera, Frame
from maquette.geometry.camera import project
from maquette.outputs import asset as assets
from maquette.outputs.asset import Asset, open_asset
from maquette.outputs.pictures.maps import depth_unit, frame_depth, full_size, write_depth, write_normals, write_texture


@pytest.fixture
def ball(ball_result):
    """A ball of 10 cm, 0.8 m in front of the camera."""
    return open_asset(ball_result, OutputOptions())


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_depth_is_in_the_unit_it_names(ball):
    image = opened(write_depth(ball))
    assert image.mode == "I;16" and image.size == (240, 300)
    assert "0.0001 metres" in image.text["Description"]
    depth = np.asarray(image)
    assert depth[150, 120] * depth_unit(ball) == pytest.approx(0.7, abs=1e-3), "the ball's near point"
    assert depth[0, 0] == 0


def test_depth_is_the_distance_along_the_axis(head_result):
    asset = open_asset(head_result, OutputOptions())
    depth = np.asarray(opened(write_depth(asset)))
    front = asset.mesh.vertices[asset.mesh.vertices[:, 2].argmax()].astype(float)
    (x, y), expected = project(head_result.reconstruction.cameras[0], front)
    assert depth[int(y), int(x)] * depth_unit(asset) == pytest.approx(float(expected), abs=2e-3)


def test_normals_look_right_up_and_at_the_camera(ball):
    data = write_normals(ball)
    stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)[:, :, ::-1]
    assert stored.dtype == np.uint16
    normals = stored.astype(float) / 32767.5 - 1
    assert normals[150, 120] == pytest.approx([0, 0, 1], abs=0.06)
    assert normals[150, 185][0] > 0.5 and normals[150, 55][0] < -0.5, "red grows to the right"
    assert normals[90, 120][1] > 0.5, "green grows upwards"
    inside = stored.any(axis=2)
    assert np.abs(np.linalg.norm(normals[inside], axis=1) - 1).max() < 1e-4
    assert "blue to the camera" in opened(data).text["Description"], "its chunks are valid too"


def test_a_large_crop_is_cast_small_and_enlarged(ball, monkeypatch):
    sharp = np.asarray(opened(write_depth(ball))).astype(float)
    monkeypatch.setattr(assets, "MAX_RAYS_SIDE", 150)
    soft = np.asarray(opened(write_depth(Asset(ball.result)))).astype(float)
    assert soft.shape == sharp.shape
    both = (sharp > 0) & (soft > 0)
    assert both.sum() > 0.97 * (sharp > 0).sum()
    assert np.median(np.abs(soft - sharp)[both]) * 1e-4 < 1e-3


def test_enlarging_does_not_mix_the_background_in():
    inside = np.zeros((8, 8), bool)
    inside[:, 4:] = True
    values, mask = full_size(np.where(inside, 5.0, 0.0), inside, (32, 32))
    assert np.allclose(values[mask], 5.0) and mask.mean() == pytest.approx(0.5, abs=0.02)


def test_the_texture_is_kept_bit_by_bit(head_result):
    data = write_texture(open_asset(head_result, OutputOptions()))
    assert np.array_equal(np.asarray(opened(data)), head_result.reconstruction.shape.texture)


def test_pixels_are_those_of_the_first_crop(ball_result):
    """A crop of another size than its camera's rays still gives a picture of the crop's size."""
    seen = ball_result.observations[0]
    large = Frame(np.zeros((900, 720, 3), np.uint8))
    seen = replace(seen, frame=large, mask=np.ones((900, 720), np.float32))
    camera = ball_result.reconstruction.cameras[0]
    camera = Camera(np.diag([3.0, 3.0, 1.0]) @ camera.intrinsics, camera.world_to_camera, (720, 900))
    result = replace(
        ball_result, observations=(seen,), reconstruction=replace(ball_result.reconstruction, cameras=(camera,))
    )
    assert opened(write_depth(Asset(result))).size == (720, 900)


def test_a_distant_head_gets_coarser_steps(ball_result):
    camera = ball_result.reconstruction.cameras[0]
    away = camera.world_to_camera.copy()
    away[2, 3] = 9.0
    camera = Camera(np.diag([10.0, 10.0, 1.0]) @ camera.intrinsics, away, camera.size)
    camera.intrinsics[:2, 2] = [120, 150]
    asset = Asset(replace(ball_result, reconstruction=replace(ball_result.reconstruction, cameras=(camera,))))
    image = opened(write_depth(asset))
    assert depth_unit(asset) == 1e-3 and "0.001 metres" in image.text["Description"]
    assert np.asarray(image)[150, 120] * 1e-3 == pytest.approx(8.9, abs=0.01)


def test_a_frames_depth_is_in_tenths_of_a_millimetre():
    square = np.array([[-1, -1, 0.5], [1, -1, 0.5], [1, 1, 0.5], [-1, 1, 0.5]], np.float32)
    faces = np.array([[0, 2, 1], [0, 3, 2]], np.int32)
    camera = Camera(np.array([[10.0, 0, 20], [0, 10, 15], [0, 0, 1]]), np.eye(4), (40, 30))
    picture = np.asarray(Image.open(io.BytesIO(frame_depth(square, faces, camera))))
    assert picture.shape == (30, 40) and abs(int(picture[15, 20]) - 5000) <= 1 and picture[0, 39] in (0, 5000)
