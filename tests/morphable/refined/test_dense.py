"""The head with its wrinkles as shape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.core.types import Mesh, Reconstruction
from maquette.geometry.mesh import vertex_normals
from maquette.morphable import load
from maquette.morphable.refined.dense import WRINKLES, dense_model, dense_reconstruction, displacements, wrinkled_model

HEAD = load("maquette-head")
DENSE = dense_model(HEAD)


SHAPE = Mesh(HEAD.mean, HEAD.faces, HEAD.uvs, HEAD.uv_faces)
MADE = Reconstruction(SHAPE, (), model=HEAD.name, identity=np.zeros(4), expression=np.zeros((1, 52)))


def test_it_has_as_many_triangles_as_a_person_can_use_and_a_millimetre_between_on_the_face():
    assert 70_000 < len(DENSE.faces) < 100_000
    face = DENSE.regions["face"] > 0.6
    corners = DENSE.faces[face[DENSE.faces].all(axis=1)]
    edges = np.linalg.norm(DENSE.mean[corners] - DENSE.mean[np.roll(corners, 1, axis=1)], axis=2)
    assert np.median(edges) < 0.0012


def test_its_units_and_shapes_are_the_models():
    rng = np.random.default_rng(2)
    identity, weights = 0.6 * rng.normal(size=len(HEAD.identity_basis)), 0.3 * rng.random(52)
    light, dense = HEAD.vertices(identity, weights), DENSE.vertices(identity, weights)
    still = HEAD.regions["face"] > 0.5
    apart = np.linalg.norm(dense[: len(light)] - light, axis=1)[still]
    assert np.median(apart) < 3e-4 and apart.max() < 2e-3
    assert DENSE.expression_names == HEAD.expression_names


def test_a_height_everywhere_moves_every_vertex_along_its_normal():
    made = MADE
    flat = dense_reconstruction(made, HEAD).shape
    higher = replace(made, shape=replace(made.shape, displacement_map=np.full((64, 64), 5e-4, np.float32)))
    moved = dense_reconstruction(higher, HEAD).shape
    normals = vertex_normals(flat.vertices.astype(float), flat.faces)
    assert np.abs(moved.vertices - flat.vertices - 5e-4 * normals).max() < 2e-6
    assert moved.displacement_map is None and moved.normal_map is None


def test_a_height_lies_where_the_texture_shows_it():
    shape = dense_reconstruction(MADE, HEAD).shape
    ramp = np.broadcast_to(np.linspace(0, 1, 256, dtype=np.float32), (256, 256))
    found = displacements(replace(shape, displacement_map=np.ascontiguousarray(ramp)))
    left, right = (shape.vertices[:, 0] * side > 0.01 for side in (-1, 1))
    front = shape.vertices[:, 2] > 0.03
    assert abs(found[left & front].mean() - found[right & front].mean()) > 0.1, "across the texture is across the face"
    with pytest.raises(AssertionError):
        displacements(shape)


def test_wrinkles_come_with_their_unit_alone():
    names = list(HEAD.expression_names)
    weights = np.zeros((1, 52), np.float32)
    weights[0, names.index("browInnerUp")] = 0.5
    folded = np.full((1, 32, 32), -4e-4, np.float16)
    parameters = {WRINKLES: folded, f"{WRINKLES}_units": np.array(["browInnerUp"])}
    made = replace(MADE, expression=weights, parameters=parameters)
    plain, shape = (dense_reconstruction(one, HEAD).shape for one in (MADE, made))
    depth = np.linalg.norm(shape.vertices - plain.vertices, axis=1)
    assert np.median(depth) == pytest.approx(2e-4, rel=0.01), "half of it at a weight of a half"
    model = wrinkled_model(DENSE, made, plain)
    changed = np.abs(model.expression_basis - DENSE.expression_basis).max(axis=(1, 2)) > 1e-5
    assert [names[k] for k in np.flatnonzero(changed)] == ["browInnerUp"]
    assert wrinkled_model(DENSE, MADE, plain) is DENSE
