"""Every writer: what it writes can be read back and is what the result holds."""

from __future__ import annotations

import io
import json
from base64 import b64decode
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np
import pytest
import trimesh
from PIL import Image
from pygltflib import GLTF2

from browser import data_of
from maquette.core.options import OutputOptions
from maquette.core.types import PARTS
from maquette.outputs.asset import open_asset
from maquette.outputs.detail import swing
from maquette.outputs.detail.dense import dense_asset
from maquette.outputs.detail.maps import encoded
from maquette.outputs.meshes.parts import PART_WRITERS, texture_file
from maquette.outputs.pictures import turntable
from maquette.outputs.printing import threemf
from maquette.outputs.reports.parameters import coefficients
from maquette.outputs.writers import DENSE, GUESSED, KEYPOINTS, LEVELS, WRITERS, wanted


def read_glb(data, asset):
    gltf = GLTF2.load_from_bytes(data)
    assert gltf.meshes and gltf.asset.version == "2.0"
    assert [skin.name for skin in gltf.skins] == (["skeleton"] if asset.rig else [])
    head = asset.stem == "head" and asset.model is not None
    assert not head or gltf.animations[0].name == ("demo" if asset.result.motion is None else "clip")
    assert len(gltf.animations) == (1 if head else asset.is_clip)


def read_lod(data, asset):
    read_glb(data, asset)
    whole, less = (GLTF2.load_from_bytes(one) for one in (WRITERS["{stem}.glb"](asset), data))
    of = [len(mesh.primitives[0].targets or []) for mesh in whole.meshes]
    assert of == [len(mesh.primitives[0].targets or []) for mesh in less.meshes]
    assert [node.name for node in whole.nodes] == [node.name for node in less.nodes]


def read_bvh(data, asset):
    text = data.decode("ascii")
    assert text.startswith("HIERARCHY\nROOT ") and text.count("{") == text.count("}")
    moves = asset.result.motion or asset.motion
    assert f"Frames: {len(moves)}\n" in text


def read_film(data, asset):
    with av.open(io.BytesIO(data)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert np.abs(times - (asset.result.motion.times - asset.result.motion.times[0])).max() < 1e-3


def read_curves(data, asset):
    head, *rows = data.decode("ascii").splitlines()
    assert head.count(",") == 62 and len(rows) == len(asset.result.motion)
    place = head.split(",").index("JawOpen")
    jaw = [float(row.split(",")[place]) for row in rows]
    wanted = asset.result.motion.expression[:, asset.model.expression_names.index("jawOpen")]
    assert np.abs(jaw - wanted).max() < 1e-6


def read_obj(data, asset):
    text = data.decode("ascii")
    assert f"mtllib {asset.stem}.mtl" in text and text.count("usemtl") == text.count("\ng ") == len(asset.part_names)
    places = np.array([line.split()[1:] for line in text.splitlines() if line.startswith("v ")], float)
    assert np.abs(places[:, :3] - asset.mesh.vertices).max() < 1e-6
    if places.shape[1] == 6:
        assert np.abs(places[:, 3:] - asset.mesh.vertex_colors / 255).max() < 1e-6
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
    used = {line for line in WRITERS["{stem}.obj"](asset).decode().splitlines() if line.startswith("usemtl ")}
    assert {line.replace("usemtl", "newmtl") for line in used} <= set(text.splitlines())
    assert ("map_Kd texture.png" in text) == (asset.mesh.texture is not None)


def read_picture(expected):
    def read(data, asset):
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), expected(asset))

    return read


def read_part_texture(name):
    def read(data, asset):
        (part,) = (part for part in asset.result.reconstruction.parts if part.name == name)
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), part.mesh.texture)

    return read


def read_stl(data, asset):
    solid = trimesh.load(io.BytesIO(data), file_type="stl")
    assert solid.is_watertight and solid.volume > 0
    assert solid.bounds[0, 2] == 0 and np.allclose(solid.bounds[:, :2].sum(axis=0), 0, atol=1e-3), "on z = 0, centred"


def read_ply(data, asset):
    mesh = trimesh.load(io.BytesIO(data), file_type="ply", process=False)
    assert np.array_equal(mesh.vertices.astype(np.float32), asset.mesh.vertices)
    assert np.array_equal(mesh.faces, asset.mesh.faces)
    colors = np.asarray(mesh.visual.vertex_colors)[:, :3]
    plain = asset.mesh.texture is None and asset.mesh.vertex_colors is None
    assert np.unique(colors).size == 1 if plain else colors.std() > 5


def read_volume_ply(data, asset):
    mesh = trimesh.load(io.BytesIO(data), file_type="ply", process=False)
    told = asset.drawn.asset.mesh
    assert np.array_equal(mesh.vertices.astype(np.float32), told.vertices) and np.array_equal(mesh.faces, told.faces)
    assert np.array_equal(np.asarray(mesh.visual.vertex_colors)[:, :3], told.vertex_colors)
    assert mesh.is_volume


def read_volume_obj(data, asset):
    mesh = trimesh.load(io.BytesIO(data), file_type="obj", process=False, maintain_order=True)
    told = asset.drawn.asset.mesh
    assert np.abs(mesh.vertices - told.vertices).max() < 1e-6 and np.array_equal(mesh.faces, told.faces)
    assert np.abs(np.asarray(mesh.visual.vertex_colors)[:, :3].astype(int) - told.vertex_colors).max() <= 1
    assert b"mtllib" not in data


def read_volume_stl(data, asset):
    solid = trimesh.load(io.BytesIO(data), file_type="stl")
    told = asset.drawn.surface
    assert solid.is_volume and solid.body_count == 1
    assert solid.volume == pytest.approx(told.volume_cm3 * 1000, rel=1e-3), "cubic millimetres"
    bounds = 1000 * trimesh.Trimesh(told.mesh.vertices, told.mesh.faces).bounds
    centre = [*bounds[:, :2].mean(axis=0), bounds[0, 2]]
    assert np.allclose(solid.bounds, bounds - centre, atol=0.05) and solid.bounds[0, 2] == 0, "on its back"


def read_volume_glb(data, asset):
    gltf, told = GLTF2.load_from_bytes(data), asset.drawn.asset.mesh
    assert len(gltf.meshes) == 1 and not gltf.images and not gltf.meshes[0].primitives[0].targets
    mesh = trimesh.load(io.BytesIO(data), file_type="glb", process=False).to_geometry()
    assert mesh.vertices.shape == told.vertices.shape and mesh.volume == pytest.approx(
        asset.drawn.surface.volume_cm3 * 1e-6, rel=1e-3
    )
    accessor = gltf.accessors[gltf.meshes[0].primitives[0].attributes.COLOR_0]
    view = gltf.bufferViews[accessor.bufferView]
    blob = gltf.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
    light = np.frombuffer(blob, np.float32).reshape(-1, 3).astype(float)
    value = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)
    assert np.array_equal(np.rint(255 * value).astype(np.uint8), told.vertex_colors)


def read_overview(data, asset):
    image = Image.open(io.BytesIO(data))
    assert image.format == "JPEG" and (image.width >= 2400 if asset.stem == "person" else image.width == 2000)
    assert asset.result.motion is None or image.height > 1400


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


def read_codes(data, asset):
    told = asset.result.reconstruction.parameters
    assert np.allclose(json.loads(data)["codes"]["shape"], told["code_shape"], atol=1e-6)
    assert np.shape(json.loads(data)["landmarks"]["landmarks3d"]) == (68, 4)


def read_parameters(data, asset):
    told = asset.result.reconstruction
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        for name, value in (told.parameters | coefficients(told)).items():
            assert np.array_equal(file[name], value, equal_nan=value.dtype.kind == "f")
        assert told.identity is None or np.array_equal(file["identity"], told.identity)
        assert len(file["box"]) == len(file["time"]) == len(file["photo"]) == len(file["camera_size"])
        assert np.array_equal(file["camera_intrinsics"][0], told.cameras[0].intrinsics)
        assert np.array_equal(file["camera_world_to_camera"][0], told.cameras[0].world_to_camera)
        if asset.body is not None:
            assert np.array_equal(file["bone_names"], asset.body.rig.bones)
        elif asset.model is not None:
            rebuilt = asset.model.vertices(file["identity"], file["expression"][0], float(file["scale"][0]))
            assert np.abs(rebuilt - asset.mesh.vertices).max() < 1e-6
            assert tuple(file["expression_names"]) == asset.model.expression_names


def read_report(data, asset):
    assert json.loads(data)["method"] == asset.result.reconstruction.provenance["method"]


def read_guessed(sign):
    def read(data, asset):
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)[..., ::-1]
        width, height = asset.result.observations[0].frame.size
        assert picture.shape == (height, width, 3) and picture.dtype == np.uint16
        known = picture.any(axis=2)
        assert 0.1 < known.mean() < 0.9 and np.allclose(picture[known][:, 2] / 32767.5 - 1, sign, atol=0.02)

    return read


def read_keypoints(data, asset):
    (person,) = json.loads(data)["people"]
    rows = np.array(person["pose_keypoints_2d"]).reshape(25, 3)
    assert 0 < rows[:, 2].max() <= 1 and not rows[rows[:, 2] == 0].any()
    assert (rows[:, :2] <= np.array(asset.result.observations[0].full_size) * 1.5).all()


def read_map(name):
    def read(data, asset):
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        picture = picture if picture.ndim == 2 else picture[..., ::-1]
        assert np.array_equal(picture, encoded(asset.result.reconstruction.parameters[name]))

    return read


def read_view(data, asset):
    found = data_of(data)
    assert found["name"] == asset.result.name
    read_glb(b64decode(found["glb"]), asset)
    assert (found["photo"] is None) == (asset.is_clip or asset.result.motion is not None)


def read_usdz(data, asset):
    stage = pytest.importorskip("pxr.Usd").Stage
    with TemporaryDirectory() as folder:
        (Path(folder) / "x.usdz").write_bytes(data)
        opened = stage.Open(str(Path(folder) / "x.usdz"))
        assert opened.GetDefaultPrim().GetName() == asset.stem
        assert any(prim.GetTypeName() == "Mesh" for prim in opened.Traverse())


def read_3mf(data, asset):
    library = pytest.importorskip("lib3mf").get_wrapper()
    model = library.CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    with threemf.kept_locale():
        reader.ReadFromBuffer(data)
    objects = model.GetMeshObjects()
    assert objects.MoveNext() and reader.GetWarningCount() == 0
    solid = objects.GetCurrentMeshObject()
    assert solid.IsManifoldAndOriented() and min(point.Coordinates[2] for point in solid.GetVertices()) == 0


READERS = {
    "{stem}.usdz": read_usdz,
    "{stem}.3mf": read_3mf,
    "{stem}.vrm": read_glb,
    "view.html": read_view,
    "{stem}_detail.glb": lambda data, asset: read_glb(data, dense_asset(asset)),
    "{stem}_detail.obj": lambda data, asset: read_obj(data, dense_asset(asset)),
    "{stem}_detail.stl": lambda data, asset: read_stl(data, dense_asset(asset)),
    "{stem}_detail.ply": lambda data, asset: read_ply(data, dense_asset(asset)),
    "swing.mp4": read_turntable,
    "deformation.png": read_map("deformation"),
    "displacement.png": read_map("displacement"),
    "albedo.png": read_picture(lambda asset: asset.result.reconstruction.parameters["albedo"]),
    "levels.png": read_picture(lambda asset: asset.result.reconstruction.parameters["levels"]),
    "normals_front.png": read_guessed(1),
    "normals_back.png": read_guessed(-1),
    "{stem}.glb": read_glb,
    "{stem}_lod1.glb": read_lod,
    "{stem}_lod2.glb": read_lod,
    "{stem}.bvh": read_bvh,
    "overlay.mp4": read_film,
    "curves.csv": read_curves,
    "{stem}.obj": read_obj,
    "{stem}.mtl": read_mtl,
    "texture.png": read_picture(lambda asset: asset.mesh.texture),
    "texture_confidence.png": read_picture(lambda asset: asset.mesh.texture_confidence),
    "normal_map.png": read_picture(lambda asset: asset.mesh.normal_map),
    "roughness.png": read_picture(lambda asset: asset.mesh.roughness_map),
    "{stem}.stl": read_stl,
    "{stem}.ply": read_ply,
    "volume.glb": read_volume_glb,
    "volume.obj": read_volume_obj,
    "volume.stl": read_volume_stl,
    "volume.ply": read_volume_ply,
    "overview.jpg": read_overview,
    "turntable.mp4": read_turntable,
    **{texture_file(name): read_part_texture(name) for name in PARTS},
    "depth.png": read_crop_sized("I;16"),
    "normals.png": read_crop_sized("RGB"),
    "landmarks.json": read_landmarks,
    "codes.json": read_codes,
    KEYPOINTS: read_keypoints,
    "parameters.npz": read_parameters,
    "report.json": read_report,
}


@pytest.fixture(
    scope="module",
    params=[
        "head_result",
        "moving_result",
        "ball_result",
        "volume_result",
        "person_result",
        "clip_result",
        "cloth_result",
        "haired_result",
        "detailed_face",
        "coded_face",
    ],
)
def asset(request):
    asset = open_asset(request.getfixturevalue(request.param), OutputOptions())
    yield asset
    asset.close()


DETAIL = {*DENSE, *LEVELS, "displacement.png"}
MOVING = {"{stem}.bvh", "overlay.mp4", "curves.csv"}
MAPS = {"normal_map.png", "roughness.png"}


@pytest.fixture(autouse=True)
def short_film(monkeypatch):
    monkeypatch.setattr(turntable, "FRAMES", 4)
    monkeypatch.setattr(turntable, "SIDE", 96)
    monkeypatch.setattr(swing, "FRAMES", 2)
    monkeypatch.setattr(swing, "SIDE", 96)
    monkeypatch.setattr(threemf, "TRIANGLES", 3000)
    monkeypatch.setattr(threemf, "POINTS", 20_000)


def skip_what_does_not_move(name, asset):
    moves = asset.result.motion is not None
    if moves and name not in {*MOVING, "{stem}.glb", "overview.jpg", "parameters.npz", "report.json"}:
        pytest.skip("as of a head in a photo")
    if name in MOVING and not moves and not (name == "{stem}.bvh" and asset.is_clip):
        pytest.skip("nothing moves over time")


def skip_what_is_absent(name, asset):
    skip_what_does_not_move(name, asset)
    if name == "{stem}.vrm":
        pytest.skip("the small rigs of tests are no humanoids: see test_vrm.py")
    parts = PART_WRITERS.keys() & {*wanted(asset)}
    if name in PART_WRITERS.keys() - parts:
        pytest.skip("this result has no such part")
    if name in MAPS - {*wanted(asset)}:
        pytest.skip("this result has no maps of its skin")
    if parts and name not in {*parts, *MAPS, "{stem}.glb", "report.json"}:
        pytest.skip("as of a head without hair, or in test_parts.py")
    if name.startswith("texture") and asset.mesh.texture is None:
        pytest.skip("this result has no texture")
    if name in DETAIL - {*wanted(asset)}:
        pytest.skip("this result has no levels of detail")
    if name in GUESSED and "guessed_normals" not in asset.result.reconstruction.parameters:
        pytest.skip("no network guessed normals")
    if name == KEYPOINTS and KEYPOINTS not in wanted(asset):
        pytest.skip("no key points of a person in a photo")
    if name.startswith("volume") != (asset.result.reconstruction.volume is not None) and name != "report.json":
        pytest.skip("the other results show it" if asset.drawn else "this result has no volume")


@pytest.mark.parametrize("name", WRITERS)
def test_it_can_be_read_back(name, asset):
    skip_what_is_absent(name, asset)
    READERS[name](WRITERS[name](asset), asset)


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "report.json"])
def test_the_same_result_gives_the_same_bytes(name, asset):
    skip_what_is_absent(name, asset)
    assert WRITERS[name](asset) == WRITERS[name](asset)
