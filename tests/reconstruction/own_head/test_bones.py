"""Rest and pose are each other's inverse, arms are out at rest, four bones carry each point."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maquette import morphable
from maquette.morphable.posing import rig_of
from maquette.reconstruction.own_head import bones


@pytest.fixture(scope="module")
def body():
    return morphable.load("maquette-body")


@pytest.fixture(scope="module")
def turned(body):
    """Random turns of the limbs from the body's own rest."""
    rig, random = rig_of(body), np.random.default_rng(3)
    return Rotation.from_rotvec(random.normal(size=(len(rig.bones), 3)) * 0.15).as_matrix()


def test_arms_are_held_out_at_rest(body):
    rig = rig_of(body)
    rest = bones.arms_out(rig, rig.joints(np.zeros(1)))
    for side, outward in bones.SIDES.items():
        names = (f"upperarm01.{side}", f"lowerarm01.{side}", f"wrist.{side}", f"finger3-1.{side}")
        along = np.diff([rest.joints[rig.bones.index(name)] for name in names], axis=0)
        assert np.abs(along[:, 1:]).max() < 2e-3 and (outward * along[:, 0] > 0.05).all()
    assert np.allclose(rest.joints[rig.bones.index("head")], rig.heads[rig.bones.index("head")], atol=1e-6)


def test_turns_from_the_new_rest_bring_the_joints_to_the_same_place(body, turned):
    rig = rig_of(body)
    joints = rig.joints(np.zeros(1))
    rest = bones.arms_out(rig, joints)
    ours = rest.rotations(rig, bones.total_turns(rig, turned))
    _, expected = rig.pose(body.mean, joints, turned, np.zeros(3))
    _, found = rig.pose(body.mean, rest.joints, ours, np.zeros(3))
    assert np.abs(expected - found).max() < 1e-5


def test_a_surface_unposed_and_posed_again_is_as_it_was(body, turned):
    rig = rig_of(body)
    moves = rig.transforms(rig.joints(np.zeros(1)).astype(float), turned)
    index, weight = bones.sturdy(*bones.strongest(np.asarray(bones.whole_weights(rig).todense())), moves)
    assert np.abs(weight.sum(axis=1) - 1).max() < 1e-5
    rest = bones.unposed(body.mean.astype(float), index, weight, moves)
    assert np.abs(bones.posed(rest, index, weight, moves) - body.mean).max() < 1e-6


def test_the_four_strongest_change_without_a_jump():
    first = np.array([[0.3, 0.3, 0.2, 0.1001, 0.0999], [0.3, 0.3, 0.2, 0.0999, 0.1001]])
    index, weight = bones.strongest(first)
    whole = np.zeros((2, 5))
    np.put_along_axis(whole, index.astype(np.int64), weight, axis=1)
    assert np.abs(whole[0] - whole[1]).max() < 1e-3


def test_a_surface_takes_the_weights_of_the_body_next_to_it(body):
    rig = rig_of(body)
    skin = body.faces[body.parts["skin"]]
    found = bones.inherited(body.mean.astype(float), body.faces, body.mean, rig)
    own = np.asarray(bones.whole_weights(rig).todense())
    used = np.unique(skin)
    assert np.abs(found.sum(axis=1) - 1).max() < 1e-4
    assert np.abs(found - own)[used].sum(axis=1).mean() < 0.25


def test_cloth_between_two_legs_follows_both(body):
    """A straight cloth from one leg to the other: its weights pass over evenly, however far from both its middle is."""
    rig, still = rig_of(body), body.mean.astype(float)
    knees = [rig.heads[rig.bones.index(f"lowerleg01.{side}")].astype(float) for side in "LR"]
    along = np.linspace(0, 1, 21)[:, None]
    low = knees[0] + along * (knees[1] - knees[0]) + [0, 0, 0.25] * np.sin(np.pi * along)
    points = np.concatenate([low, low + np.array([0, 0.02, 0])])
    faces = np.array([(k, k + 1, k + 21) for k in range(20)] + [(k + 1, k + 22, k + 21) for k in range(20)])
    weight = bones.inherited(points, faces, still, rig)
    left = weight[:21, [name.endswith(".L") for name in rig.bones]].sum(axis=1)
    assert left[0] > 0.8 and left[-1] < 0.2
    assert np.diff(left).min() > -0.2, "no step within the cloth"
    assert np.allclose(weight.sum(axis=1), 1, atol=1e-5)
