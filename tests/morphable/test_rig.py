"""The rigged body: its skeleton is a tree, posing is rigid where one bone rules, key points follow."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maquette import morphable

BODY = morphable.load("maquette-body")
RIG = BODY.rig
STILL = np.tile(np.eye(3), (len(RIG.bones), 1, 1))


def test_a_parent_comes_before_its_children():
    assert RIG.parents[0] == -1 and (RIG.parents[1:] < np.arange(1, len(RIG.bones))).all()
    assert RIG.bone_weight.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_without_turns_nothing_moves():
    joints = RIG.joints(np.zeros(0))
    vertices, heads = RIG.pose(BODY.mean, joints, STILL, np.array([1.0, 2, 3]))
    assert np.abs(vertices - BODY.mean - [1, 2, 3]).max() < 1e-5 and np.abs(heads - joints - [1, 2, 3]).max() < 1e-5


def test_the_root_turns_the_whole_body_rigidly():
    turned = STILL.copy()
    turned[0] = Rotation.from_rotvec([0.3, -1.0, 0.4]).as_matrix()
    joints = RIG.joints(np.zeros(0))
    vertices, _ = RIG.pose(BODY.mean, joints, turned, np.zeros(3))
    assert np.abs(vertices - ((BODY.mean - joints[0]) @ turned[0].T + joints[0])).max() < 1e-5


def test_an_elbow_moves_the_forearm_and_nothing_else():
    turned = STILL.copy()
    bone = RIG.bones.index("lowerarm01.L")
    turned[bone] = Rotation.from_euler("x", -1.0).as_matrix()
    joints = RIG.joints(np.zeros(0))
    vertices, heads = RIG.pose(BODY.mean, joints, turned, np.zeros(3))
    children = {bone}
    for k, parent in enumerate(RIG.parents):
        if parent in children:
            children.add(k)
    other = [k for k in range(len(RIG.bones)) if k not in children - {bone}]
    assert np.abs(heads[other] - joints[other]).max() < 1e-6
    hand = RIG.bones.index("wrist.L")
    lengths = [np.linalg.norm(at[hand] - at[bone]) for at in (heads, joints)]
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-5) and np.linalg.norm(heads[hand] - joints[hand]) > 0.1
    assert np.abs(vertices - BODY.mean)[BODY.mean[:, 0] < 0].max() < 1e-6


def test_key_points_lie_in_the_body_and_left_is_plus_x():
    points = dict(zip(range(33), RIG.keypoints_of("mediapipe33", BODY.mean)))
    assert points[11][0] > 0.1 > -0.1 > points[12][0], "shoulders"
    assert points[27][1] < 0.2 < 1.2 < points[0][1], "ankle and nose"
    for scheme, (index, weight) in RIG.keypoints.items():
        assert weight.sum(axis=1) == pytest.approx(1, abs=1e-4), scheme
        assert RIG.keypoints_of(scheme, BODY.mean)[:, 1].min() > -0.02 and index.max() < len(BODY.mean)


def test_the_first_mode_is_size_and_the_skin_is_closed():
    heights = [np.ptp(BODY.vertices(np.array([s]), np.zeros(52))[:, 1]) for s in (-2.0, 0.0, 2.0)]
    assert abs(heights[2] - heights[0]) > 0.4 and heights[1] == pytest.approx(1.65, abs=0.05)
    skin = BODY.faces[BODY.parts["skin"]]
    edges = np.sort(np.concatenate([skin[:, [0, 1]], skin[:, [1, 2]], skin[:, [2, 0]]]), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
