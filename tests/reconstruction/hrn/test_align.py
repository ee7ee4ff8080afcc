"""Crops lie where the published ones do, within the pixel they cut off; cameras see the world as HRN saw the face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from basel_twin import model
from hrn_by_seed import PHOTO, coefficients, face, golden, marks68, observed
from maquette.core.errors import BadInput
from maquette.geometry.camera import project as seen_by
from maquette.morphable.bfm import five_of
from maquette.perception.affine import apply
from maquette.perception.faces.skin import face_mask
from maquette.perception.faces.topology import landmarks68
from maquette.reconstruction.hrn.align import (
    aligned,
    camera_of,
    crop_transform,
    lean,
    placement,
)
from maquette.reconstruction.hrn.coefficients import split
from maquette.reconstruction.hrn.face_model import posed, project, rotation
from maquette.reconstruction.hrn.result import world_frame


@pytest.mark.parametrize("side", [224, 512])
def test_crops_lie_where_the_published_ones_do(side):
    for marks, wanted in zip(marks68(), golden(f"aligned_{side}").numpy()):
        at = apply(crop_transform(five_of(marks), model().five_points, side), marks)
        # Theirs count whole pixels, y up.
        found = np.stack([at[:, 0] - 0.5, side - 0.5 - at[:, 1]], axis=1)
        assert np.abs(found - wanted).max() < 1.0


def test_a_face_of_known_size_and_place():
    points = model().five_points
    scale, place = placement(7.0 * points[:, :2] + [30, 40], points)
    assert scale == pytest.approx(7.0, rel=0.01) and place == pytest.approx([30, 40], abs=0.05)
    flat = points * [1, 1, 0] + np.array([0, 0, 1e-6])
    matrix = crop_transform(7.0 * points[:, :2] * [1, -1] + [30, 40], flat)
    assert matrix[0, 0] == pytest.approx(102 / 7.0, rel=1e-6)
    assert apply(matrix, np.array([30.0, 40.0])) == pytest.approx([112, 112], abs=1e-6)


def test_points_on_one_spot_are_refused():
    with pytest.raises(BadInput, match="on one spot"):
        crop_transform(np.zeros((5, 2)), model().five_points)


def test_the_large_crop_is_the_small_one_enlarged():
    found = aligned(observed(), model().five_points)
    assert found.crops.small.shape == (1, 3, 224, 224) and found.crops.large.shape == (1, 3, 512, 512)
    assert found.crops.mask.shape == (1, 1, 224, 224) and found.landmarks.shape == (68, 2)
    small = torch.nn.functional.interpolate(found.crops.large, (224, 224), mode="area")
    assert torch.nn.functional.mse_loss(small, found.crops.small) < 0.02


def test_eyes_and_lips_are_of_the_face_though_no_skin():
    seen = observed()
    mask = face_mask(seen)
    right_eye = landmarks68(seen)[36:42].mean(axis=0).astype(int)
    assert mask[right_eye[1], right_eye[0]] == 1 and mask[0, 0] == 0
    covered = replace(seen, covered=np.ones_like(seen.mask))
    assert not face_mask(covered).any()


def test_other_landmarks_are_refused():
    seen = observed()
    with pytest.raises(BadInput, match="coco17"):
        landmarks68(
            replace(seen, landmark_scheme="coco17", landmarks=np.zeros((17, 3)), landmark_confidence=np.ones(17))
        )


def test_the_camera_sees_the_world_as_hrn_saw_the_face():
    basel, found = face(), split(coefficients(1))
    shape = basel.shape(found.identity, found.expression)
    given = aligned(observed(1), basel.basel.five_points)
    five = five_of(landmarks68(observed(1)))
    leaning = replace(given, to_crop=crop_transform(five, basel.basel.five_points, turn=0.7))
    for cut_out, distance in ((given, None), (given, 0.063), (leaning, None)):
        frame = world_frame(shape[0, basel.landmarks], distance)
        camera = camera_of(
            cut_out.to_crop,
            rotation(found.angles)[0].double().numpy(),
            found.translation[0].double().numpy(),
            frame,
            PHOTO,
        )
        pixels, depth = seen_by(camera, frame.to_world(shape[0].numpy()).astype(float))
        crop = project(posed(shape, found))[0].numpy()
        np.testing.assert_allclose(
            apply(cut_out.to_crop, pixels), np.stack([crop[:, 0], 224 - crop[:, 1]], 1), atol=2e-3
        )
        assert camera.intrinsics[0, 1] == camera.intrinsics[1, 0] == 0
        assert (depth > 0).all() and np.allclose(np.linalg.det(camera.world_to_camera), 1)


@pytest.mark.parametrize("degrees", [-75, 35, 8])
def test_a_face_that_leans_more_than_the_networks_saw_is_turned_upright(degrees):
    points, leaning = model().five_points, observed(0)
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array(PHOTO) / 2
    marks = leaning.landmarks.copy()
    marks[:, :2] = (marks[:, :2] - middle) @ turn.T + middle
    plain, leaned = aligned(leaning, points), aligned(replace(leaning, landmarks=marks), points)
    upright = abs(degrees) > 10
    assert lean(five_of(landmarks68(replace(leaning, landmarks=marks)))) == pytest.approx(
        angle + lean(five_of(landmarks68(leaning))), abs=1e-6
    )
    shift = (leaned.landmarks - plain.landmarks).abs().max().item()
    assert (shift < 12) == upright, "the first face leans a little itself"
    assert abs(leaned.to_crop[0, 1]) > 1e-3 if upright else leaned.to_crop[0, 1] == 0
