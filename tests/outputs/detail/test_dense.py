"""The displaced mesh in files: its own vertices and coordinates, the plain mesh's texture."""

from __future__ import annotations

import io

import numpy as np
import pytest
import trimesh

from detailed import detailed_result
from maquette.core.options import OutputOptions
from maquette.outputs.asset import open_asset
from maquette.outputs.detail.dense import dense_asset, has_levels, write_dense_glb, write_dense_obj
from maquette.outputs.meshes.obj import write_mtl
from maquette.outputs.writers import DENSE, LEVELS, SOLID, file_name, wanted

DETAIL = {*DENSE, *LEVELS, "displacement.png"} - SOLID - {"codes.json"}


@pytest.fixture(scope="module")
def asset():
    return open_asset(detailed_result(), OutputOptions())


def test_it_is_written_where_there_is_one(asset, ball_result):
    assert has_levels(asset) and set(wanted(asset)) >= DETAIL
    assert not set(wanted(open_asset(ball_result, OutputOptions()))) & DETAIL
    few = open_asset(detailed_result(), OutputOptions(formats="glb", turntable=False))
    left = {file_name(key, few) for key in set(wanted(few)) & DETAIL}
    assert left == {"head_detail.glb", "deformation.png", "displacement.png", "albedo.png", "levels.png"}


def test_the_glb_opens_with_its_texture(asset):
    mesh = next(iter(trimesh.load(io.BytesIO(write_dense_glb(asset)), file_type="glb").geometry.values()))
    held = asset.result.reconstruction.parameters
    assert len(mesh.vertices) == len(held["detail_vertices"]) and len(mesh.faces) == len(held["detail_faces"])
    np.testing.assert_allclose(mesh.bounds, [held["detail_vertices"].min(0), held["detail_vertices"].max(0)], atol=1e-5)
    assert mesh.visual.material.baseColorTexture is not None


def test_the_obj_uses_the_material_and_has_coordinates(asset):
    text = write_dense_obj(asset).decode()
    held = asset.result.reconstruction.parameters
    counts = {word: sum(line.startswith(word + " ") for line in text.splitlines()) for word in ("v", "vt", "vn", "f")}
    assert counts["v"] == counts["vt"] == counts["vn"] == len(held["detail_vertices"])
    assert counts["f"] == len(held["detail_faces"])
    material = next(line.split()[1] for line in text.splitlines() if line.startswith("usemtl"))
    assert "mtllib head.mtl" in text and f"newmtl {material}" in write_mtl(asset).decode()
    assert "map_Kd texture.png" in write_mtl(asset).decode()


def test_the_plain_mesh_is_left_alone(asset):
    dense = dense_asset(asset)
    assert len(dense.mesh.vertices) != len(asset.mesh.vertices) and dense.mesh.texture is asset.mesh.texture
