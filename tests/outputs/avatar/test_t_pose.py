"""Arms level, lengths and everything else as they were; a reader of plain glTF sees the T."""

from __future__ import annotations

import numpy as np
import pytest

from maquette import morphable
from maquette.outputs.avatar.t_pose import ARM, t_pose


@pytest.fixture(scope="module")
def body():
    model = morphable.load("maquette-body")
    return model.rig, model.rig.joints(np.zeros(len(model.identity_basis)))


def test_arms_are_level_and_bones_keep_their_lengths(body):
    rig, joints = body
    pose = t_pose(rig, joints)
    for side, sign in (("L", 1), ("R", -1)):
        upper, lower, hand = (pose.moved[rig.bones.index(f"{name}.{side}")] for name in ARM)
        for way in (lower - upper, hand - lower):
            assert np.allclose(way / np.linalg.norm(way), [sign, 0, 0], atol=1e-6)
    for bone, parent in enumerate(rig.parents):
        if parent >= 0:
            before = np.linalg.norm(joints[bone] - joints[parent])
            assert np.linalg.norm(pose.moved[bone] - pose.moved[parent]) == pytest.approx(before, abs=1e-6)
    arms = [bone for bone, name in enumerate(rig.bones) if not np.allclose(pose.turns[bone], np.eye(3))]
    assert all("head" not in rig.bones[bone] and "leg" not in rig.bones[bone] for bone in arms)
    assert np.allclose(np.linalg.det(pose.turns), 1) and len(arms) > 30


def test_what_hangs_on_one_bone_moves_as_it_does(body):
    rig, joints = body
    pose, random = t_pose(rig, joints), np.random.default_rng(0)
    bone = rig.bones.index("lowerarm01.L")
    points = joints[bone] + random.normal(size=(5, 3))
    bones, weights = np.full((5, 4), bone), np.tile([1.0, 0, 0, 0], (5, 1))
    moved = pose.points(points, bones, weights)
    assert np.allclose(moved - pose.moved[bone], (points - joints[bone]) @ pose.turns[bone].T)
    assert np.allclose(pose.directions(np.eye(3), bones[:3], weights[:3]), pose.turns[bone].T)
    still = np.full((5, 4), rig.bones.index("head"))
    assert np.allclose(pose.points(points, still, weights), points)


def test_a_rig_without_such_arms_stays_as_it_is(tiny):
    joints = tiny.rig.joints(np.zeros(2))
    pose = t_pose(tiny.rig, joints)
    assert np.allclose(pose.moved, joints) and np.allclose(pose.turns, np.eye(3))
