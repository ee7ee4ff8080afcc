"""The body in torch moves as the rig does; its prior."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from known_bodies import MODEL, SKELETON
from maquette.reconstruction.body_fit.skeleton import TURNS, points_of, rotation_matrices
from maquette.reconstruction.body_fit.solve import MODES


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


def test_unlikely_poses_cost():
    still = torch.zeros(1, len(TURNS), 3)
    knee = still.clone()
    knee[0, TURNS.index("knee.L"), 0] = -0.8  # bent forward
    assert float(SKELETON.pose_energy(knee)) > float(SKELETON.pose_energy(still)) + 50
