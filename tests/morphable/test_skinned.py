"""A mesh that follows bones is a model of one person: its mean at the person's scale is the mesh at rest."""

from __future__ import annotations

import numpy as np

from maquette import morphable
from maquette.core.motion import Skinning
from maquette.core.types import Mesh
from maquette.morphable.skinned import model_of


def test_the_model_gives_back_the_mesh_and_its_units():
    body = morphable.load("maquette-body")
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    faces = np.array([[0, 2, 1], [0, 1, 3]], np.int32)
    index = np.zeros((4, 4), np.int32)
    weight = np.tile(np.array([1, 0, 0, 0], np.float32), (4, 1))
    joints = body.rig.joints(np.zeros(1), 0.5)
    turns = np.tile([1.0, 0, 0, 0], (1, len(joints), 1))
    unit = np.array([[[0, 0.25, 0]]], np.float32)
    skinning = Skinning(
        vertices, joints, index, weight, turns, np.zeros((1, 3)), np.array([2], np.int32), unit, ("jawOpen",), {}, {}
    )
    mesh = Mesh(vertices, faces, np.zeros((4, 2), np.float32), faces)
    model = model_of(skinning, mesh, body, 0.5)
    moved = model.vertices(np.zeros(0), np.ones(1), 0.5)
    assert np.allclose(moved - vertices, [[0, 0, 0], [0, 0, 0], [0, 0.25, 0], [0, 0, 0]], atol=1e-6)
    assert np.allclose(model.rig.joints(np.zeros(0), 0.5), joints, atol=1e-6)
