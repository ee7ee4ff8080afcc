"""The body is found again from a picture of it; the world stands as it should."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from known_bodies import MODEL, SCALE, SIZE, SKELETON, STANDING, STOUT, pose, seen
from maquette.core.errors import BadInput
from maquette.core.options import BodyOptions, Options
from maquette.core.types import Frame
from maquette.geometry.camera import project
from maquette.morphable.posing import posed_body
from maquette.reconstruction.body_fit import method
from maquette.reconstruction.body_fit.solve import MODES
from maquette.weights.store import fetch


@lru_cache(maxsize=1)
def found():
    observation = seen(STANDING, STOUT, np.random.default_rng(0), noise=1.0)
    return observation, method.build(fetch, Options(body=BodyOptions(height=180)))([observation])


def test_the_body_is_found_again():
    observation, result = found()
    assert result.provenance["silhouette_iou"][0] > 0.93
    assert result.provenance["keypoint_error_percent"][0] < 1.0
    points = MODEL.rig.keypoints_of("mediapipe33", result.shape.vertices).astype(float)
    pixels, depth = project(result.cameras[0], points)
    assert np.linalg.norm(pixels - observation.landmarks[:, :2], axis=1).mean() < 4
    off = (depth - depth.mean()) * SCALE * 1.8 / 1.7 - (
        observation.landmarks[:, 2] - observation.landmarks[:, 2].mean()
    )
    assert np.abs(off).mean() / SCALE < 0.08, "metres in depth"


def test_the_world_stands_as_it_should():
    _, result = found()
    vertices = result.shape.vertices
    assert vertices[:, 1].min() == pytest.approx(0, abs=1e-4)
    ahead = Rotation.from_quat(result.pose.rotations[0, 0][[1, 2, 3, 0]]).apply([0, 0, 1])
    assert abs(np.arctan2(ahead[0], ahead[2])) < 1e-5, "the pelvis faces +z"
    assert result.metric and result.provenance["height_cm"] == pytest.approx(180, abs=0.1)
    rest = MODEL.vertices(result.identity, np.zeros(52), result.scale)
    assert np.ptp(rest[:, 1]) == pytest.approx(1.8, abs=1e-3)


def test_parameters_give_the_shape_back():
    _, result = found()
    assert np.abs(posed_body(result, MODEL, 0).vertices - result.shape.vertices).max() < 1e-4


def test_other_key_points_are_refused():
    observation, _ = found()
    with pytest.raises(BadInput, match="mediapipe33"):
        method.fitted([replace(observation, landmark_scheme="coco17")], SKELETON, Options())


def test_legs_that_the_picture_cuts_off_go_on_beyond_it():
    whole = seen(pose(shoulder_L=(0, 0, -30), shoulder_R=(0, 0, 30)), np.zeros(MODES), np.random.default_rng(4))
    knees = int(whole.landmarks[[25, 26], 1].mean())
    shown = whole.landmarks[:, 1] < knees - 2
    half = replace(
        whole,
        frame=Frame(whole.frame.pixels[:knees].copy(), None, "cut"),
        box=np.array([0.0, 0, SIZE[0], knees]),
        mask=whole.mask[:knees].copy(),
        landmark_confidence=np.where(shown, 1.0, 0.05),
        full_size=(SIZE[0], knees),
    )
    placement = method.fitted([half], SKELETON, Options())
    points = MODEL.rig.keypoints_of("mediapipe33", placement.vertices(0)).astype(float)
    pixels, _ = project(placement.camera(0, half), points)
    assert np.linalg.norm(pixels - whole.landmarks[:, :2], axis=1)[shown].mean() < 5
    assert (pixels[[27, 28], 1] > knees + 0.6 * (whole.landmarks[[27, 28], 1] - knees)).all(), "feet are not pulled up"
