"""Every writer: what it writes can be read back and is what the result holds."""

from __future__ import annotations

import io
import json

import av
import numpy as np
import pytest
import trimesh
from PIL import Image
from pygltflib import GLTF2

from maquette.core.options import OutputOptions
from maquette.outputs import turntable
from maquette.outputs.asset import open_asset
from maquette.outputs.writers import WRITERS


def read_glb(data, asset):
    gltf = GLTF2.load_from_bytes(data)
    assert gltf.meshes and gltf.asset.version == "2.0"


def read_obj(data, asset):
    text = data.decode("ascii")
    assert "mtllib head.mtl" in text and text.count("usemtl") == text.count("\ng ") == len(asset.part_names)
    places = np.array([line.split()[1:] for line in text.splitlines() if line.startswith("v ")], float)
    assert np.abs(places - asset.mesh.vertices).max() < 1e-6
    corners = [line.split()[1:] for line in text.splitlines() if line.startswith("f ")]
    order = np.concatenate([asset.part(part) for part in asset.part_names])
    indices = np.array([[[int(n or 0) for n in corner.split("/")] for corner in face] for face in corners])
    assert np.array_equal(indices[..., 0] - 1, asset.mesh.faces[order])
    if asset.mesh.uvs is not None:
        assert np.array_equal(indices[..., 1] - 1, asset.mesh.uv_faces[order])
        places = np.array([line.split()[1:] for line in text.splitlines() if line.startswith("vt ")], float)
        assert np.abs(places - asset.mesh.uvs).max() < 1e-6


def read_mtl(data, asset):
    text = data.decode("ascii")
    used = {line for line in WRITERS["head.obj"](asset).decode().splitlines() if line.startswith("usemtl ")}
    assert {line.replace("usemtl", "newmtl") for line in used} <= set(text.splitlines())
    assert ("map_Kd texture.png" in text) == (asset.mesh.texture is not None)


def read_picture(expected):
    def read(data, asset):
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), expected(asset))

    return read


def read_stl(data, asset):
    solid = trimesh.load(io.BytesIO(data), file_type="stl")
    assert solid.is_watertight and solid.volume > 0


def read_ply(data, asset):
    mesh = trimesh.load(io.BytesIO(data), file_type="ply", process=False)
    assert np.array_equal(mesh.vertices.astype(np.float32), asset.mesh.vertices)
    assert np.array_equal(mesh.faces, asset.mesh.faces)
    colors = np.asarray(mesh.visual.vertex_colors)[:, :3]
    assert colors.std() > 5 if asset.mesh.texture is not None else np.unique(colors).size == 1


def read_overview(data, asset):
    image = Image.open(io.BytesIO(data))
    assert image.format == "JPEG" and image.width == 2000


def read_turntable(data, asset):
    with av.open(io.BytesIO(data)) as container:
        assert len(list(container.decode(video=0))) == 4


def read_crop_sized(mode):
    def read(data, asset):
        image = Image.open(io.BytesIO(data))
        assert image.mode == mode and image.size == asset.result.observations[0].frame.size
        assert np.asarray(image).any()

    return read


def read_landmarks(data, asset):
    assert len(json.loads(data)["photos"]) == len(asset.result.observations)


def read_parameters(data, asset):
    told = asset.result.reconstruction
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        for name, value in told.parameters.items():
            assert np.array_equal(file[name], value)
        assert np.array_equal(file["camera_intrinsics"][0], told.cameras[0].intrinsics)
        assert np.array_equal(file["camera_world_to_camera"][0], told.cameras[0].world_to_camera)
        if asset.model is not None:
            rebuilt = asset.model.vertices(file["identity"], file["expression"][0], float(file["scale"][0]))
            assert np.abs(rebuilt - asset.mesh.vertices).max() < 1e-6
            assert tuple(file["expression_names"]) == asset.model.expression_names


def read_report(data, asset):
    assert json.loads(data)["method"] == asset.result.reconstruction.provenance["method"]


READERS = {
    "head.glb": read_glb,
    "head.obj": read_obj,
    "head.mtl": read_mtl,
    "texture.png": read_picture(lambda asset: asset.mesh.texture),
    "texture_confidence.png": read_picture(lambda asset: asset.mesh.texture_confidence),
    "head.stl": read_stl,
    "head.ply": read_ply,
    "overview.jpg": read_overview,
    "turntable.mp4": read_turntable,
    "depth.png": read_crop_sized("I;16"),
    "normals.png": read_crop_sized("RGB"),
    "landmarks.json": read_landmarks,
    "parameters.npz": read_parameters,
    "report.json": read_report,
}


@pytest.fixture(scope="module", params=["head_result", "ball_result"])
def asset(request):
    asset = open_asset(request.getfixturevalue(request.param), OutputOptions())
    yield asset
    asset.close()


@pytest.fixture(autouse=True)
def short_film(monkeypatch):
    monkeypatch.setattr(turntable, "FRAMES", 4)
    monkeypatch.setattr(turntable, "SIDE", 96)


@pytest.mark.parametrize("name", WRITERS)
def test_it_can_be_read_back(name, asset):
    if name.startswith("texture") and asset.mesh.texture is None:
        pytest.skip("this result has no texture")
    READERS[name](WRITERS[name](asset), asset)


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "report.json"])
def test_the_same_result_gives_the_same_bytes(name, asset):
    if name.startswith("texture") and asset.mesh.texture is None:
        pytest.skip("this result has no texture")
    assert WRITERS[name](asset) == WRITERS[name](asset)
