"""Head and body are one closed surface, and nothing of the old head is left."""

from __future__ import annotations

import numpy as np
import pytest

from maquette import morphable
from maquette.core.types import Mesh
from maquette.geometry.surfaces.clean import is_closed
from maquette.morphable.posing import rig_of
from maquette.reconstruction.own_head import bones
from maquette.reconstruction.own_head.join import GAP_M, join, neck_plane, rim_of


@pytest.fixture(scope="module", params=[(0.0, 0.0), (0.012, 0.01)])
def joint(request):
    """The mean head on the mean body, where it belongs and beside it."""
    body, head = morphable.load("maquette-body"), morphable.load("maquette-head")
    rig = rig_of(body)
    skin = body.parts["skin"]
    mesh = Mesh(body.mean, body.faces[skin], body.uvs, body.uv_faces[skin])
    eyes = rig.heads[[rig.bones.index(name) for name in ("eye.L", "eye.R")]].mean(axis=0)
    placed = head.mean.astype(float) + eyes + [request.param[0], 0, request.param[1]]
    weight = np.asarray(bones.whole_weights(rig).todense(), np.float32)
    return join(mesh, weight, rig, placed, head), head, placed


def test_the_join_is_watertight(joint):
    found, head, _ = joint
    closed = head.faces[np.concatenate([head.parts["skin"], head.parts["mouth"]])]
    whole = [closed, found.body.mesh.faces + len(head.mean), found.around[found.strip]]
    assert is_closed(np.concatenate(whole))
    corners = found.vertices[found.around[found.strip]]
    assert np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max() < 0.05


def test_nothing_of_the_old_head_is_left(joint):
    found, head, placed = joint
    below = found.body.mesh.vertices.astype(float)
    plane = neck_plane(placed[rim_of(head)])
    near = np.linalg.norm(plane.places(below)[:, :2], axis=1) < 0.2
    assert plane.places(below)[near, 2].max() < -GAP_M + 1e-4
    assert np.allclose(found.body.blend.sum(axis=1), 1)


def test_the_face_stays_where_it_was(joint):
    found, head, placed = joint
    moved = np.linalg.norm(found.vertices[: len(placed)] - placed, axis=1)
    assert moved[head.regions["face"] > 0.5].max() < 1e-3
    assert moved.max() < 0.013


def test_a_body_without_a_neck_is_left_alone():
    body, head = morphable.load("maquette-body"), morphable.load("maquette-head")
    rig = rig_of(body)
    weight = np.asarray(bones.whole_weights(rig).todense(), np.float32)
    mesh = Mesh(body.mean, body.faces, body.uvs, body.uv_faces)
    assert join(mesh, weight, rig, head.mean + np.array([0, 5.0, 0]), head) is None


def test_what_ties_a_hand_to_the_head_goes_as_a_whole():
    body, head = morphable.load("maquette-body"), morphable.load("maquette-head")
    rig, skin = rig_of(body), body.parts["skin"]
    weight = np.asarray(bones.whole_weights(rig).todense(), np.float32)
    hand, ear = (int(weight[:, rig.bones.index(name)].argmax()) for name in ("wrist.L", "head"))
    tied = np.concatenate([body.faces[skin], [[hand, ear, hand + 1]]]).astype(np.int32)
    mesh = Mesh(body.mean, tied, body.uvs, np.concatenate([body.uv_faces[skin], body.uv_faces[skin][:1]]))
    eyes = rig.heads[[rig.bones.index(name) for name in ("eye.L", "eye.R")]].mean(axis=0)
    found = join(mesh, weight, rig, head.mean.astype(float) + eyes, head)
    left = found.body.mesh
    longest = np.linalg.norm(left.vertices[left.faces] - np.roll(left.vertices[left.faces], 1, axis=1), axis=2).max()
    assert longest < 0.1
