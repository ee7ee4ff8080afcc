"""Cameras stand where they say and see the face."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.geometry.camera import camera_centre, project
from maquette.synthesis.rendering.viewpoint import AIM_M, FACE_WIDTH_M, FILM_WIDTH_MM, draw_view, framed, look_at
from maquette.synthesis.scenes.head_scene import head_model

SIZE = (256, 256)


def drawn(count, yaw=None, seed=0):
    rng = np.random.default_rng(seed)
    return [draw_view(rng, SIZE, yaw) for _ in range(count)]


def test_the_angles_can_be_read_from_the_camera():
    for camera, (yaw, pitch, _) in drawn(200):
        away = camera_centre(camera) - AIM_M
        assert np.arctan2(away[0], away[2]) == pytest.approx(yaw, abs=1e-9)
        assert np.arcsin(away[1] / np.linalg.norm(away)) == pytest.approx(pitch, abs=1e-9)


def test_roll_turns_the_picture():
    for roll in (-0.4, 0.0, 0.3):
        camera = look_at(0.2, 0.1, roll, 1.0, SIZE, 0.5)
        up, _ = project(camera, np.array([AIM_M, AIM_M + np.array([0, 0.01, 0])]))
        x, y = up[1] - up[0]
        assert np.arctan2(x, -y) == pytest.approx(roll, abs=0.02)


def test_positive_yaw_shows_the_left_side():
    ears = AIM_M + np.array([[0.075, 0, -0.03], [-0.075, 0, -0.03]])  # the subject's left is +x
    for yaw in (0.3, 1.0, 1.5):
        left, right = project(look_at(yaw, 0, 0, 1.0, SIZE, 0.5), ears)[1]
        assert left < right
    pixels, _ = project(look_at(0, 0, 0, 1.0, SIZE, 0.5), ears)
    assert pixels[0, 0] > pixels[1, 0]  # seen from the front the left is on the right


@pytest.mark.parametrize("fill, distance", [(0.5, 0.4), (0.6, 1.7), (0.45, 3.0)])
def test_fill_distance_and_focal_length_belong_together(fill, distance):
    camera = look_at(0.3, 0.1, 0.2, distance, SIZE, fill)
    assert np.linalg.norm(camera_centre(camera) - AIM_M) == pytest.approx(distance)
    assert camera.intrinsics[0, 0] * FACE_WIDTH_M / distance == pytest.approx(fill * SIZE[0])
    assert np.allclose(project(camera, AIM_M)[0], np.array(SIZE) / 2)


def test_focal_lengths_are_those_of_24_to_200_mm():
    focal = np.array([camera.intrinsics[0, 0] / SIZE[0] * FILM_WIDTH_MM for camera, _ in drawn(500)])
    assert focal.min() >= 24 and focal.max() <= 200
    assert (focal < 35).mean() > 0.1 and (focal > 135).mean() > 0.1


def test_half_look_at_the_camera_and_some_show_their_profile():
    yaw = np.degrees([pose[0] for _, pose in drawn(1000)])
    assert 0.5 < (np.abs(yaw) < 30).mean() < 0.75 and 0.1 < (np.abs(yaw) > 60).mean() < 0.3
    assert np.abs(yaw).max() <= 90 and abs(yaw.mean()) < 5


def test_a_yaw_can_be_asked_for_and_changes_nothing_else():
    for (free, pose), (fixed, given) in zip(drawn(20), drawn(20, yaw=0.7)):
        assert given[0] == 0.7 and np.allclose(given[1:], pose[1:]) and np.allclose(free.intrinsics, fixed.intrinsics)


def test_the_landmarks_are_in_the_picture():
    model = head_model()
    points = model.embeddings["mediapipe478"].points(model.mean, model.faces).astype(float)
    share = [((p >= 0) & (p < 256)).all(axis=1).mean() for p in (project(c, points)[0] for c, _ in drawn(1000))]
    assert np.mean(np.array(share) == 1) > 0.98 and min(share) > 0.8


def test_a_framed_camera_sees_what_would_be_cut_from_its_picture():
    rng = np.random.default_rng(0)
    points = AIM_M + rng.uniform(-0.1, 0.1, (40, 3))
    for camera, _ in drawn(5):
        turn, scale = rng.uniform(-1, 1), rng.uniform(0.4, 2)
        matrix = np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0]]) * scale
        matrix[:, 2] = rng.uniform(-50, 50, 2)
        (whole, before), (part, after) = (project(c, points) for c in (camera, framed(camera, matrix, (96, 80))))
        assert np.allclose(part, whole @ matrix[:, :2].T + matrix[:, 2], atol=1e-6) and np.allclose(before, after)
        assert np.allclose(camera_centre(camera), camera_centre(framed(camera, matrix, (96, 80))))
