"""Charts and texels of a surface that has none."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from maquette.core.types import Mesh
from maquette.evaluation.meshes import Shape
from maquette.evaluation.shapes import ClosestPoints
from maquette.geometry.mesh import face_areas
from maquette.texturing.atlas import draw_faces, texel_coordinates
from maquette.texturing.texels import texels_of
from maquette.texturing.unwrap import charts_of, face_links, unwrap


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    """A torus with a bar before it that grows out of it: parts lie above each other."""
    ring = trimesh.creation.torus(0.3, 0.1, major_sections=64, minor_sections=32)
    arm = trimesh.creation.capsule(0.8, 0.06, count=[32, 32])
    arm.apply_transform(trimesh.transformations.rotation_matrix(0.5, [0, 1, 0]))
    arm.apply_translation([0.1, 0, 0.05])
    whole = trimesh.boolean.union([ring, arm], engine="manifold")
    return Mesh(whole.vertices.astype(np.float32), whole.faces.astype(np.int32))


def test_every_face_has_its_own_texels(mesh):
    done = unwrap(mesh)
    assert done.uvs.min() >= 0 and done.uvs.max() <= 1
    corners = texel_coordinates(done.uvs, 1024)[done.uv_faces]
    flat = corners[:, 1:] - corners[:, :1]
    area = np.abs(flat[:, 0, 0] * flat[:, 1, 1] - flat[:, 0, 1] * flat[:, 1, 0]).sum() / 2
    covered = (draw_faces(corners, (1024, 1024)) >= 0).sum()
    # Drawn triangles take half a texel more around a chart; what lay below others would be missing.
    assert covered > 0.985 * area and covered > 0.25 * 1024**2


def test_charts_do_not_stretch(mesh):
    done = unwrap(mesh)
    true = face_areas(mesh.vertices.astype(float), mesh.faces)
    corners = done.uvs[done.uv_faces].astype(float)
    flat = corners[:, 1:] - corners[:, :1]
    ratio = np.abs(flat[:, 0, 0] * flat[:, 1, 1] - flat[:, 0, 1] * flat[:, 1, 0]) / 2 / np.maximum(true, 1e-12)
    weight = true > np.quantile(true, 0.2)
    assert np.quantile(ratio[weight], 0.1) > 0.4 * ratio[weight].max()


def test_charts_are_connected(mesh):
    _, chart = charts_of(mesh.vertices.astype(float), mesh.faces)
    links = face_links(mesh.faces).tocoo()
    assert (links.sum(axis=1) == 3).all(), "closed: three neighbours each"
    same = chart[links.row] == chart[links.col]
    for number in np.flatnonzero(np.bincount(chart) > 1):
        members = chart == number
        assert np.isin(np.flatnonzero(members), links.row[same]).all()


def test_texels_know_their_place(mesh):
    done = unwrap(mesh)
    texels = texels_of(done, 256)
    at = texels.spread(done.vertices)
    _, away, _ = ClosestPoints(Shape(done.vertices, done.faces)).query(at[::97])
    assert away.max() < 1e-5
    picture = texels.picture(127 + 200 * at, 512)
    assert picture.shape == (512, 512, 3) and (picture.reshape(-1, 3) > 0).any(axis=1).all(), "padded everywhere"
