"""landmarks.json: pixels of the crop and of the photo, metres, visibility."""

from __future__ import annotations

import json

import numpy as np
import pytest

from maquette.core.options import OutputOptions
from maquette.geometry.camera import camera_centre, project
from maquette.outputs.asset import open_asset
from maquette.outputs.reports.landmarks import visible, write_landmarks
from results import BOX, make_result


@pytest.fixture
def told(head_result):
    return json.loads(write_landmarks(open_asset(head_result, OutputOptions())))


@pytest.mark.parametrize("scheme,count", [("mediapipe478", 478), ("ibug68", 68)])
def test_both_schemes_are_projected(told, head_result, scheme, count):
    rows = told["photos"][0]["schemes"][scheme]
    world, pixels = np.array(rows["world"]), np.array(rows["reprojected"])
    assert world.shape == (count, 3) and len(rows["visible"]) == count
    assert np.abs(project(head_result.reconstruction.cameras[0], world)[0] - pixels).max() < 0.01
    assert np.allclose(rows["reprojected_photo"], pixels * 2 + BOX[:2], atol=0.01), "the crop is half the photo's size"


def test_detected_points_are_kept(told, head_result):
    rows = told["photos"][0]["schemes"]["mediapipe478"]
    seen = head_result.observations[0].landmarks
    assert np.allclose(rows["detected"], seen, atol=1e-3)
    assert np.allclose(rows["detected_photo"], seen[:, :2] * 2 + BOX[:2], atol=1e-2)
    assert told["photos"][0]["schemes"]["ibug68"]["detected"] is None


def test_points_behind_the_head_are_hidden(head_result):
    asset = open_asset(head_result, OutputOptions())
    skin = asset.model.part_vertices("skin")
    points, normals = asset.mesh.vertices[skin].astype(float), asset.normals[skin]
    eye = camera_centre(head_result.reconstruction.cameras[0])
    seen = visible(asset.mesh.vertices, asset.mesh.faces, points, normals, eye)
    assert seen[points[:, 2].argmax()], "the tip of the nose"
    assert not seen[points[:, 2].argmin()], "the back of the head"
    assert 0.2 < seen.mean() < 0.8


def test_each_photo_has_its_own_expression():
    result = make_result(photos=2, jawOpen=0.8)
    first, second = json.loads(write_landmarks(open_asset(result, OutputOptions())))["photos"]
    moved = np.array(first["schemes"]["ibug68"]["world"]) - np.array(second["schemes"]["ibug68"]["world"])
    assert np.abs(moved).max() > 0.005


def test_a_mesh_without_a_model_tells_what_was_detected(ball_result):
    rows = json.loads(write_landmarks(open_asset(ball_result, OutputOptions())))["photos"][0]["schemes"]
    assert list(rows) == ["mediapipe478"] and len(rows["mediapipe478"]["detected"]) == 478
