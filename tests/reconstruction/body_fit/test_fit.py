"""The body is found again from a picture of it; the world stands as it should."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from maquette.core.errors import BadInput
from maquette.core.options import BodyOptions, Options
from maquette.core.types import Frame, Observation, Subject
from maquette.geometry.camera import project
from maquette.morphable.posing import posed_body
from maquette.reconstruction.body_fit import method
from maquette.reconstruction.body_fit.fit import SHARED, WINDOW, fit_clip
from maquette.reconstruction.body_fit.initial import first_turns
from maquette.reconstruction.body_fit.place import place, silhouette
from maquette.reconstruction.body_fit.skeleton import TURNS, load_skeleton, points_of, rotation_matrices
from maquette.reconstruction.body_fit.solve import MODES
from maquette.weights.store import fetch

SKELETON = load_skeleton()
MODEL = SKELETON.model
SIZE, SCALE = (220, 400), 200.0  # pixels, and pixels per metre


def pose(**turns) -> np.ndarray:
    """(T, 3) rotation vectors; degrees by name of the turn."""
    out = np.zeros((len(TURNS), 3))
    for name, vector in turns.items():
        out[TURNS.index(name.replace("_", "."))] = np.radians(vector)
    return out


def seen(turns: np.ndarray, identity: np.ndarray, rng, noise: float = 0.0, time: float | None = None) -> Observation:
    """What perception would find of a body with this pose, in view axes, seen orthographically."""
    rotations = SKELETON.full_rotations(torch.as_tensor(turns[None]).float())[0]
    joints = MODEL.rig.joints(identity)
    vertices, _ = MODEL.rig.pose(MODEL.vertices(identity, np.zeros(52)), joints, rotations, -joints[0])
    points = MODEL.rig.keypoints_of("mediapipe33", vertices).astype(float)
    centre = np.array([SIZE[0] / 2, 0.45 * SIZE[1]])
    flat = points[:, :2] * [1, -1] * SCALE + centre + noise * rng.normal(size=(33, 2))
    camera = camera_of(centre)
    mask = silhouette(vertices, MODEL.faces, camera)
    hips = points[[23, 24]].mean(axis=0)
    metric = (points - hips) * [1, -1, -1] * rng.uniform(0.93, 1.07) + noise * 0.01 * rng.normal(size=(33, 3))
    return Observation(
        frame=Frame(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), time, "drawn"),
        box=np.array([0.0, 0, *SIZE]),
        subject=Subject.PERSON,
        landmarks=np.column_stack([flat, -points[:, 2] * SCALE]),
        landmark_scheme="mediapipe33",
        landmark_confidence=np.ones(33),
        mask=mask.astype(np.float32),
        landmarks_metric=metric,
        full_size=SIZE,
    )


def camera_of(centre):
    from maquette.core.types import Camera

    matrix = np.eye(4)
    matrix[:3, :3] = np.diag([1.0, -1, -1])
    matrix[2, 3] = 10
    return Camera(np.array([[SCALE, 0, centre[0]], [0, SCALE, centre[1]], [0, 0, 1.0]]), matrix, SIZE, "orthographic")


STANDING = pose(shoulder_L=(0, 0, -30), shoulder_R=(0, 0, 30), hip_L=(-15, 0, 0), knee_L=(25, 0, 0), root=(0, 20, 0))
STOUT = np.array([0.5, 0.8, -0.6, 0.4, *np.zeros(12)])


@lru_cache(maxsize=1)
def found():
    observation = seen(STANDING, STOUT, np.random.default_rng(0), noise=1.0)
    return observation, method.build(fetch, Options(body=BodyOptions(height=180)))([observation])


def test_the_closed_form_start_turns_limbs_where_they_are():
    rng = np.random.default_rng(1)
    turns = pose(shoulder_L=(0, 0, 60), hip_R=(-60, 0, 10), knee_R=(70, 0, 0), root=(0, 150, 0))
    observation = seen(turns, np.zeros(MODES), rng)
    state = torch.as_tensor(first_turns(SKELETON, observation.landmarks_metric)[None]).float()
    moved = points_of(SKELETON, np.arange(0, len(MODEL.mean), 50)).posed(SKELETON, torch.zeros(MODES), state)
    true = points_of(SKELETON, np.arange(0, len(MODEL.mean), 50)).posed(
        SKELETON, torch.zeros(MODES), torch.as_tensor(turns[None]).float()
    )
    assert float((moved - true).norm(dim=2).mean()) < 0.05


def test_torch_poses_as_the_rig_does():
    rng = np.random.default_rng(2)
    turns = torch.as_tensor(0.4 * rng.normal(size=(2, len(TURNS), 3))).float()
    identity = torch.as_tensor(rng.normal(size=MODES)).float()
    chosen = np.arange(0, len(MODEL.mean), 37)
    fast = points_of(SKELETON, chosen).posed(SKELETON, identity, turns)
    joints = MODEL.rig.joints(identity.numpy())
    rest = MODEL.vertices(identity.numpy(), np.zeros(52))
    for number in range(2):
        slow, _ = MODEL.rig.pose(rest, joints, SKELETON.full_rotations(turns)[number], np.zeros(3))
        assert np.abs(fast[number].numpy() - slow[chosen]).max() < 1e-4


def test_rotation_vectors_are_rotations_also_near_zero():
    vectors = np.array([[0.0, 0, 0], [1e-5, 0, 0], [0.3, -0.2, 1.0], [3.0, 0.1, 0]])
    fast = rotation_matrices(torch.as_tensor(vectors).float()).numpy()
    assert np.abs(fast - Rotation.from_rotvec(vectors).as_matrix()).max() < 1e-5


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


def test_unlikely_poses_cost():
    still = torch.zeros(1, len(TURNS), 3)
    knee = still.clone()
    knee[0, TURNS.index("knee.L"), 0] = -0.8  # bent forward
    assert float(SKELETON.pose_energy(knee)) > float(SKELETON.pose_energy(still)) + 50


@pytest.mark.slow
def test_a_clip_has_one_shape_and_smooth_motion():
    rng = np.random.default_rng(3)
    count = WINDOW + SHARED

    def angle(k: int) -> float:
        return 40 * np.sin(2 * np.pi * k / count)

    poses = [STANDING + pose(shoulder_L=(0, 0, angle(k)), root=(0, angle(k) / 2, 0)) for k in range(count)]
    rows = [seen(p, STOUT, rng, noise=1.0, time=k / 30) for k, p in enumerate(poses)]
    progress: list[int] = []
    state, plane = fit_clip(rows, SKELETON, progress.append)
    placement = place(state, SKELETON, plane, None)
    assert progress[-1] == count and len(placement.rotations) == count
    points = np.stack([MODEL.rig.keypoints_of("mediapipe33", placement.vertices(k)) for k in range(count)])
    assert np.abs(np.diff(points, n=2, axis=0)).mean() < 0.01, "metres per frame squared"
    errors = []
    for k, row in enumerate(rows):
        pixels, _ = project(placement.camera(k, row), points[k].astype(float))
        errors.append(np.linalg.norm(pixels - row.landmarks[:, :2], axis=1).mean())
    assert np.mean(errors) < 4 and np.max(errors) < 8, "pixels"
