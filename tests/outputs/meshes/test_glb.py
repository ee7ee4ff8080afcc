"""head.glb: structure, morph targets, eyes, licence; Khronos' validator where it is installed."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from pygltflib import GLTF2

from gltf_reader import decoded
from maquette.core.options import MESHES, OutputOptions
from maquette.geometry.mesh import vertex_normals
from maquette.morphable.refined.fine import STILL_M
from maquette.outputs.asset import EYES, open_asset
from maquette.outputs.meshes.glb import mesh_context, write_glb
from parts import with_maps

NAMES = """browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft
cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight
eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight
jawForward jawLeft jawOpen jawRight mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight
mouthFunnel mouthLeft mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker mouthRight
mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft mouthSmileRight mouthStretchLeft
mouthStretchRight mouthUpperUpLeft mouthUpperUpRight noseSneerLeft noseSneerRight tongueOut"""
RESULTS = ["head_result", "shut_result", "ball_result", "person_result", "clip_result", "cloth_result"]
ON_A_TREE = """
const mesh = (...names) => ({
  morphTargetDictionary: Object.fromEntries(names.map((name, index) => [name, index])),
  morphTargetInfluences: names.map(() => 0),
});
const parts = [1, 2, 3].map(() => mesh("eyeBlinkLeft", "jawOpen")), other = mesh("jawOpen"), group = {};
const tree = [group, ...parts, other, mesh("mouthLeft")], scene = { traverse: (visit) => tree.forEach(visit) };
setUnit(scene, "jawOpen", 0.7);
console.log(JSON.stringify([...parts, other].map((object) => object.morphTargetInfluences)));
"""
VALIDATE = """
const validator = require(process.argv[1]), fs = require('fs');
validator.validateBytes(new Uint8Array(fs.readFileSync(process.argv[2])), {maxIssues: 0})
  .then(report => console.log(JSON.stringify(report.issues)));
"""


def posed(gltf: GLTF2, weights: np.ndarray) -> np.ndarray:
    """(N, 3) all positions of the file in world metres under the given weights."""
    points = []
    for node in gltf.nodes:
        for part in [] if node.mesh is None else gltf.meshes[node.mesh].primitives:
            place = decoded(gltf, part.attributes.POSITION).astype(float)
            for weight, target in zip(weights, part.targets):
                place += weight * decoded(gltf, target["POSITION"])
            points.append(place + (node.translation or [0, 0, 0]))
    return np.concatenate(points)


def gap(points: np.ndarray, others: np.ndarray) -> float:
    """Largest distance from one of the points to the nearest of the others."""
    from scipy.spatial import cKDTree

    return float(cKDTree(others).query(points)[0].max())


@pytest.fixture(scope="module", params=MESHES)
def asset(head_result, request):
    return open_asset(head_result, OutputOptions(mesh=request.param))


@pytest.fixture(scope="module")
def data(asset):
    return write_glb(asset)


@pytest.fixture(scope="module")
def gltf(data):
    return GLTF2.load_from_bytes(data)


def test_every_mesh_has_apples_52_targets_and_the_photos_weights(gltf, asset):
    assert {mesh.name for mesh in gltf.meshes} == {"skinMesh", "eyeLeftMesh", "eyeRightMesh"}
    for mesh in gltf.meshes:
        assert mesh.extras["targetNames"] == NAMES.split()
        assert mesh.weights == pytest.approx(asset.expression.tolist())
        assert all(len(part.targets) == 52 for part in mesh.primitives)
    assert max(gltf.meshes[0].weights) == pytest.approx(0.5)


def test_without_weights_it_is_the_neutral_head(gltf, asset):
    neutral = asset.model.vertices(asset.identity, np.zeros(52), 1.05)
    points = posed(gltf, np.zeros(52))
    assert gap(points, neutral) < 1e-6 and gap(neutral, points) < 1e-6


@pytest.mark.parametrize("name", ["jawOpen", "eyeBlinkLeft", "eyeLookUpRight", "tongueOut"])
def test_one_target_moves_the_head_as_the_model_does(gltf, asset, name):
    weights = np.zeros(52)
    weights[NAMES.split().index(name)] = 1
    expected = asset.model.vertices(asset.identity, weights, 1.05)
    points = posed(gltf, weights)
    assert gap(points, expected) < 1.1 * STILL_M and gap(expected, points) < 1.1 * STILL_M
    assert gap(points, asset.neutral) > 1e-3, "the target moves something"


def test_the_default_weights_give_the_photos_expression(gltf, asset):
    points = posed(gltf, np.array(gltf.meshes[0].weights))
    assert gap(points, asset.mesh.vertices) < 52 * STILL_M


def test_targets_are_sparse_and_carry_normals(gltf):
    part = gltf.meshes[0].primitives[0]
    count = gltf.accessors[part.attributes.POSITION].count
    base = decoded(gltf, part.attributes.NORMAL)
    for name, target in zip(NAMES.split(), part.targets):
        accessor = gltf.accessors[target["POSITION"]]
        assert accessor.bufferView is None and 1 <= accessor.sparse.count < count, name
    turned = base + decoded(gltf, part.targets[NAMES.split().index("jawOpen")]["NORMAL"])
    assert np.abs(np.linalg.norm(turned, axis=1) - 1).max() < 0.01
    assert np.abs(np.linalg.norm(base, axis=1) - 1).max() < 1e-5


def test_bounds_are_those_of_the_data(gltf):
    for index, accessor in enumerate(gltf.accessors):
        if accessor.type == "VEC3":
            values = decoded(gltf, index)
            assert np.array_equal(values.min(axis=0), np.float32(accessor.min))
            assert np.array_equal(values.max(axis=0), np.float32(accessor.max))


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_an_eye_turns_about_its_own_centre(gltf, asset, side):
    node = next(node for node in gltf.nodes if node.name == f"eye{side}")
    centre = asset.model.eye_centre(asset.neutral, side)
    assert node.translation == pytest.approx(centre.tolist(), abs=1e-6)
    assert np.sign(node.translation[0]) == (1 if side == "Left" else -1)
    place = decoded(gltf, gltf.meshes[node.mesh].primitives[0].attributes.POSITION)
    assert np.abs(place.min(axis=0) + place.max(axis=0)).max() < 1e-6


def test_triangles_face_outwards_and_uvs_run_down(gltf, asset):
    part = gltf.meshes[1].primitives[0]
    place, faces = decoded(gltf, part.attributes.POSITION), decoded(gltf, part.indices).reshape(-1, 3)
    assert trimesh.Trimesh(place, faces, process=False).volume > 0
    uvs = decoded(gltf, part.attributes.TEXCOORD_0)
    used = np.unique(asset.mesh.uv_faces[asset.part("eyeLeft")])
    assert gap(np.pad(uvs, ((0, 0), (0, 1))), np.pad(asset.mesh.uvs[used] * [1, -1] + [0, 1], ((0, 0), (0, 1)))) < 1e-6


def test_licence_provenance_and_units_travel_along(gltf):
    assert gltf.asset.generator.startswith("maquette ")
    extras = gltf.asset.extras
    assert extras["model_licence"]["spdx"] == "MIT AND CC0-1.0"
    assert (extras["units"], extras["up"], extras["forward"]) == ("m", "+Y", "+Z")
    assert (extras["method"], extras["scale"]) == ("parametric", "metric")


def test_trimesh_reads_it(data, asset):
    scene = trimesh.load(io.BytesIO(data), file_type="glb")
    assert len(scene.geometry) >= 3
    assert np.allclose(scene.bounds, [asset.neutral.min(axis=0), asset.neutral.max(axis=0)], atol=1e-6)


def test_a_mesh_without_a_model_is_one_plain_mesh(ball_result):
    gltf = GLTF2.load_from_bytes(write_glb(open_asset(ball_result, OutputOptions())))
    assert [mesh.name for mesh in gltf.meshes] == ["skinMesh"]
    assert not gltf.meshes[0].primitives[0].targets and not gltf.images


def test_the_same_input_gives_the_same_bytes(data, asset, head_result):
    assert write_glb(open_asset(head_result, asset.options)) == data


def test_it_leaves_room_for_a_texture_below_4_mb(data, asset):
    """Textures of portraits take up to 0.6 MB beside what a small one takes here."""
    assert len(data) < (3.4e6 if asset.is_fine else 2.6e6)


def test_a_normal_turns_where_its_faces_do(asset):
    """The slow twin: all normals of the whole moved head."""
    context = mesh_context(asset)
    for unit in range(0, 52, 7):
        moved = vertex_normals(asset.neutral.astype(float) + context.targets.moves[unit], asset.mesh.faces)
        error = np.linalg.norm(moved - context.normals - context.targets.turns[unit], axis=1)
        assert error.max() < 1e-6


def document(data: bytes) -> dict:
    """The JSON of a GLB as it stands, without what a reader adds to it."""
    return json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])


@pytest.mark.parametrize("which", RESULTS)
def test_nothing_is_left_to_a_readers_defaults(which, request):
    """Assimp, VTK and what is built on them refuse accessors without data, and views of data without an offset."""
    found = document(write_glb(open_asset(request.getfixturevalue(which), OutputOptions())))
    for number, accessor in enumerate(found["accessors"]):
        blocks = [accessor] if "bufferView" in accessor else []
        if "sparse" in accessor:
            blocks += [accessor["sparse"]["indices"], accessor["sparse"]["values"]]
            assert 1 <= accessor["sparse"]["count"] <= accessor["count"], number
        else:
            assert "bufferView" in accessor, number
        assert blocks and all(block["byteOffset"] == 0 for block in blocks), number
        assert all(0 <= block["bufferView"] < len(found["bufferViews"]) for block in blocks), number
    ends = [view["byteOffset"] + view["byteLength"] for view in found["bufferViews"]]
    starts = [view["byteOffset"] for view in found["bufferViews"]]
    assert all(start % 4 == 0 for start in starts) and max(ends) <= found["buffers"][0]["byteLength"]
    assert all(end <= start for end, start in zip(ends, starts[1:])), "no two views overlap"


@pytest.mark.parametrize("which", RESULTS)
def test_every_name_occurs_once(which, request):
    """Scenes, nodes and meshes are objects of one tree in three.js, which numbers the names that it meets again."""
    found = document(write_glb(open_asset(request.getfixturevalue(which), OutputOptions())))
    names = [thing["name"] for kind in ("scenes", "nodes", "meshes") for thing in found[kind]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("which", ["head_result", "person_result"])
def test_what_sets_a_unit_on_all_meshes_moves_the_whole_face(which, request):
    """The recipe in docs/opening_results.md: each mesh that knows the unit's name gets the weight."""
    asset = open_asset(request.getfixturevalue(which), OutputOptions())
    gltf = GLTF2.load_from_bytes(write_glb(asset))
    names = gltf.meshes[0].extras["targetNames"]
    parts = [part for mesh in gltf.meshes for part in mesh.primitives]
    assert all(mesh.extras["targetNames"] == names for mesh in gltf.meshes)
    assert all(len(part.targets) == len(names) for part in parts)
    jaw = names.index("jawOpen")
    steps = [np.linalg.norm(decoded(gltf, part.targets[jaw]["POSITION"]), axis=1).max() for part in parts]
    inside = [step for step, part in zip(steps, parts) if gltf.materials[part.material].name == "mouth"]
    assert steps[0] > 0.002, "the skin"
    assert len(inside) == sum(name not in ("skin", *EYES) for name in asset.part_names)


def test_the_recipe_for_the_web_reaches_every_mesh():
    """It runs on what three.js makes of a head: a group with a mesh per material, and two eyes."""
    if not shutil.which("node"):
        pytest.skip("needs node")
    page = (Path(__file__).parents[3] / "docs/opening_results.md").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"```js\n(.*?)```", page, re.S)
    done = subprocess.run(["node", "-e", recipe + ON_A_TREE], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[0, 0.7], [0, 0.7], [0, 0.7], [0.7]], "and nothing else, and no error"


@pytest.mark.parametrize("part", ["mouth", "teeth", "tongue"])
def test_the_mouths_inside_follows_the_jaw(asset, gltf, part):
    names = ["skin", *(name for name in asset.part_names if name not in ("skin", *EYES))]
    primitive = gltf.meshes[0].primitives[names.index(part)]
    moves = np.linalg.norm(decoded(gltf, primitive.targets[NAMES.split().index("jawOpen")]["POSITION"]), axis=1)
    heights = decoded(gltf, primitive.attributes.POSITION)[:, 1]
    assert moves[heights.argmin()] > 0.005, "metres, at its lowest point"
    if part == "teeth":
        assert moves[heights.argmax()] == 0, "the upper teeth stay"


def test_maps_of_the_skin_are_on_the_skin_alone(head_result):
    asset = open_asset(with_maps(head_result), OutputOptions(mesh="light"))
    gltf = GLTF2.load_from_bytes(write_glb(asset))
    skin, *others = gltf.materials
    names = [texture.name for texture in gltf.textures]
    assert names == ["texture", "normalTexture", "metallicRoughnessTexture"]
    assert names[skin.normalTexture.index] == "normalTexture"
    surface = skin.pbrMetallicRoughness
    assert names[surface.metallicRoughnessTexture.index] == "metallicRoughnessTexture"
    assert surface.roughnessFactor == 1 and surface.metallicFactor == 0
    assert skin.extensions["KHR_materials_specular"]["specularFactor"] > 0
    assert all(other.normalTexture is None for other in others)
    view = gltf.bufferViews[gltf.images[2].bufferView]
    stored = gltf.binary_blob()[view.byteOffset :][: view.byteLength]
    rough = np.asarray(Image.open(io.BytesIO(stored)))
    assert np.abs(rough[..., 1].astype(int) - asset.mesh.roughness_map).max() <= 4 and rough[..., 2].max() <= 4


@pytest.mark.parametrize("which", RESULTS)
def test_khronos_validator_has_nothing_to_say(which, request, tmp_path):
    package = os.environ.get("MAQUETTE_GLTF_VALIDATOR")
    if not package or not shutil.which("node"):
        pytest.skip("needs node and MAQUETTE_GLTF_VALIDATOR, the folder of the npm package gltf-validator")
    file = tmp_path / "head.glb"
    file.write_bytes(write_glb(open_asset(request.getfixturevalue(which), OutputOptions())))
    done = subprocess.run(["node", "-e", VALIDATE, package, file], capture_output=True, text=True, check=True)
    issues = json.loads(done.stdout)
    counts = [issues[f"num{kind}"] for kind in ("Errors", "Warnings", "Infos", "Hints")]
    assert counts == [0, 0, 0, 0], issues["messages"][:5]
