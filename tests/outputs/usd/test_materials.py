"""Materials: pictures, opacity and relief arrive; colours of vertices where there is no picture."""

from __future__ import annotations

import pytest

from maquette.core.options import OutputOptions
from maquette.outputs.asset import open_asset
from maquette.outputs.meshes.glb import write_glb
from maquette.outputs.meshes.gltf_file import GltfFile
from maquette.outputs.usd.materials import define_materials

pytest.importorskip("pxr")
from pxr import Usd, UsdShade


def shaders(result, tmp_path):
    file = GltfFile.read(write_glb(open_asset(result, OutputOptions(mesh="light"))))
    stage = Usd.Stage.CreateInMemory()
    materials = define_materials(stage, "/x", file, tmp_path)
    assert len(materials) == len(file.document["materials"])
    return stage, {str(p.GetPath()): UsdShade.Shader(p) for p in stage.Traverse() if p.IsA(UsdShade.Shader)}


def test_the_skin_has_its_picture(head_result, tmp_path):
    _stage, found = shaders(head_result, tmp_path)
    picture = found["/x/material0/colour"].GetInput("file").Get().path
    assert picture == "./picture0.jpg" and (tmp_path / picture).is_file()
    assert found["/x/material0/surface"].GetInput("diffuseColor").HasConnectedSource()
    assert not found["/x/material0/surface"].GetInput("opacity")


def test_a_mesh_without_picture_has_a_colour(ball_result, tmp_path):
    _stage, found = shaders(ball_result, tmp_path)
    assert "/x/material0/colour" not in found
    assert found["/x/material0/surface"].GetInput("diffuseColor")
