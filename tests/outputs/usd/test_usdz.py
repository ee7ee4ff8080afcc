"""USDZ: valid for Pixar's own validators, and, posed by Pixar's own skinning, the mesh of the result."""

from __future__ import annotations

import zipfile
from io import BytesIO

import numpy as np
import pytest
from scipy.spatial import cKDTree

from maquette.core.errors import ExtraMissing
from maquette.core.options import OutputOptions
from maquette.outputs.asset import open_asset
from maquette.outputs.usd import usdz as module
from maquette.outputs.usd.usdz import RATE, write_usdz

pytest.importorskip("pxr")
from pxr import Usd, UsdGeom, UsdSkel, UsdValidation

LIGHT = OutputOptions(mesh="light")


@pytest.fixture
def stage_of(request, tmp_path):
    def opened(name):
        asset = open_asset(request.getfixturevalue(name), LIGHT)
        (tmp_path / "x.usdz").write_bytes(write_usdz(asset))
        return asset, Usd.Stage.Open(str(tmp_path / "x.usdz"))

    return opened


@pytest.mark.parametrize("name", ["head_result", "moving_result", "person_result", "clip_result", "ball_result"])
def test_pixars_validators_find_nothing(stage_of, name):
    _, stage = stage_of(name)
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) > 10
    errors = UsdValidation.ValidationContext(validators).Validate(stage)
    assert not [(error.GetName(), error.GetMessage()) for error in errors]


def test_the_package_is_a_plain_zip_whose_files_start_at_64_bytes(head_result):
    data = write_usdz(open_asset(head_result, LIGHT))
    with zipfile.ZipFile(BytesIO(data)) as package:
        assert package.namelist()[0] == "head.usdc" and len(package.namelist()) > 1
        for entry in package.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            name, extra = np.frombuffer(data, "<u2", 2, entry.header_offset + 26)
            assert (entry.header_offset + 30 + int(name) + int(extra)) % 64 == 0


def posed(stage, time):
    """Points in the world of all meshes after Pixar's skinning."""
    root = UsdSkel.Root(stage.GetDefaultPrim())
    flat = Usd.Stage.Open(stage.Flatten())
    assert UsdSkel.BakeSkinning(UsdSkel.Root(flat.GetPrimAtPath(root.GetPath())))
    meshes = [UsdGeom.Mesh(prim) for prim in flat.Traverse() if prim.IsA(UsdGeom.Mesh)]
    return np.concatenate([np.array(mesh.GetPointsAttr().Get(time)) for mesh in meshes])


def near(points, mesh, vertices):
    """Whether two surfaces agree; the files keep four of a vertex's six bones, which moves a few by a centimetre."""
    vertices = vertices[np.unique(mesh.faces)]
    apart = np.concatenate([cKDTree(points).query(vertices)[0], cKDTree(vertices).query(points)[0]])
    return np.median(apart) < 1e-4 and np.quantile(apart, 0.95) < 5e-3 and apart.max() < 0.02


@pytest.mark.parametrize("name", ["head_result", "person_result"])
def test_skinned_by_pixar_it_is_the_mesh_of_the_photo(stage_of, name):
    asset, stage = stage_of(name)
    vertices = asset.mesh.vertices
    if name == "head_result":  # eyeballs look ahead in the file, in the mesh where the person looked
        eyes = np.concatenate([asset.model.part_vertices(eye) for eye in ("eyeLeft", "eyeRight")])
        vertices = vertices[np.setdiff1d(asset.mesh.faces, eyes)]
        points = posed(stage, Usd.TimeCode.Default())
        assert cKDTree(points).query(vertices)[0].max() < 2e-4
    else:
        assert near(posed(stage, Usd.TimeCode.Default()), asset.mesh, vertices)


def test_a_clip_moves_at_its_own_times(stage_of):
    asset, stage = stage_of("clip_result")
    for frame in range(len(asset.motion.times)):
        time = (asset.motion.times[frame] - asset.motion.times[0]) * RATE
        assert near(posed(stage, float(time)), asset.mesh, asset.posed(frame)), frame
    assert stage.GetEndTimeCode() == pytest.approx((asset.motion.times[-1] - asset.motion.times[0]) * RATE, rel=1e-5)


def test_a_head_in_a_clip_turns_and_speaks(stage_of):
    _, stage = stage_of("moving_result")
    start, end = posed(stage, 0.0), posed(stage, stage.GetEndTimeCode())
    assert np.linalg.norm(end - start, axis=1).max() > 0.005


def test_units_keep_their_names(stage_of):
    asset, stage = stage_of("head_result")
    animation = next(UsdSkel.Animation(prim) for prim in stage.Traverse() if prim.IsA(UsdSkel.Animation))
    assert list(animation.GetBlendShapesAttr().Get()) == list(asset.model.expression_names)
    assert np.allclose(animation.GetBlendShapeWeightsAttr().Get(), asset.expression, atol=1e-6)


def test_without_usd_core_one_line_names_the_extra(head_result, monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    with pytest.raises(ExtraMissing, match=r"head.usdz: .*pip install 'maquette\[usd\]'"):
        write_usdz(open_asset(head_result, LIGHT))
