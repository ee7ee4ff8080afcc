"""Crops as published, and cameras that see the head where DECA saw it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from deca_by_seed import codes, golden, head, marks68, observed, some
from maquette.core.errors import BadInput
from maquette.geometry.camera import project as seen_by
from maquette.morphable.flame_decoder import rotations_of
from maquette.perception.affine import apply, scale_of
from maquette.reconstruction.deca.align import FlameFrame, aligned, camera_of, crop_transform, cut, inverted, to_frame
from maquette.reconstruction.deca.codes import HeadCodes
from maquette.reconstruction.deca.head import project


def test_the_crop_is_the_published_one():
    torch.testing.assert_close(some(aligned(observed()).picture), golden("crop"), atol=1e-5, rtol=0)


def test_beyond_the_photo_it_is_black():
    pixels = np.full((20, 30, 3), 255, np.uint8)
    found = cut(pixels, np.array([[1.0, 0, 100], [0, 1, 100]]))
    assert found[0, :, 110, 110].tolist() == [1, 1, 1] and found[0, :, 90, 110].sum() == 0
    assert not cut(pixels, np.array([[1.0, 0, 1000], [0, 1, 0]])).any()


def test_places_go_there_and_back():
    to_crop = crop_transform(marks68(), 0.3)
    points = np.random.default_rng(0).random((40, 2)) * 400
    there = apply(to_crop, points) / 112 - 1
    np.testing.assert_allclose(to_frame(to_crop, there), points, atol=1e-9)
    np.testing.assert_allclose(apply(inverted(to_crop), apply(to_crop, points)), points, atol=1e-9)


def test_a_face_that_lies_is_turned_upright():
    seen, angle = observed(), 1.2
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    marks = seen.landmarks.copy()
    marks[:, :2] = (marks[:, :2] - [320, 240]) @ turn.T + [320, 240]
    plain, lying = aligned(seen), aligned(replace(seen, landmarks=marks))
    assert scale_of(lying.to_crop) == pytest.approx(scale_of(plain.to_crop), rel=0.2)
    eyes, mouth = lying.landmarks[36:48].mean(axis=0), lying.landmarks[48:68].mean(axis=0)
    assert abs(eyes[0] - mouth[0]) < 3 and eyes[1] < mouth[1] - 30
    slightly = marks68() @ np.array([[np.cos(0.3), np.sin(0.3)], [-np.sin(0.3), np.cos(0.3)]])
    assert not crop_transform(slightly)[0, 1]


def test_landmarks_on_one_spot_are_refused():
    with pytest.raises(BadInput, match="one spot"):
        crop_transform(np.ones((68, 2)))


@pytest.mark.parametrize("turn", [0.0, 0.5])
def test_the_camera_sees_what_deca_saw(turn):
    found = HeadCodes(**codes(1))
    to_crop, rotation = crop_transform(marks68(), turn), rotations_of(found.pose)[0, 0].double().numpy()
    shape = head().shape(found)
    still = head().shape(replace(found, pose=found.pose * torch.tensor([0, 0, 0, 1, 1, 1])))
    root = head().decoder.joints(head().decoder.shaped(found.coefficients))[0, 0].double().numpy()
    frame = FlameFrame(np.array([0.01, 0.02, 0.03]), 1.3)
    camera = camera_of(to_crop, rotation, root - rotation @ root, found.cam[0].double().numpy(), frame, (640, 480))
    pixels, depth = seen_by(camera, frame.to_world(still.vertices[0].numpy()).astype(float))
    wanted = project(shape.vertices, found.cam)[0].double().numpy()
    np.testing.assert_allclose(pixels, to_frame(to_crop, wanted), atol=1e-3)
    assert (depth > 0).all() and np.corrcoef(depth, wanted[:, 2])[0, 1] > 0.999
    np.testing.assert_allclose(camera.world_to_camera[:3, :3] @ camera.world_to_camera[:3, :3].T, np.eye(3), atol=1e-6)
