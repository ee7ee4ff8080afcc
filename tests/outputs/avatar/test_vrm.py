"""person.vrm: what VRM 1.0 wants of an avatar, and a body at rest in a T; three-vrm has read such files by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette import morphable
from maquette.core.errors import BadInput
from maquette.core.options import OutputOptions
from maquette.core.types import BodyPose, Mesh
from maquette.outputs.asset import open_asset
from maquette.outputs.avatar.vrm import EXTENSION, NEEDED, PRESETS, write_vrm
from maquette.outputs.meshes.gltf_file import GltfFile

LIGHT = OutputOptions(formats="glb,vrm", overview=False, turntable=False)
VRM_PRESETS = {
    "happy", "angry", "sad", "relaxed", "surprised", "aa", "ih", "ou", "ee", "oh", "blink", "blinkLeft", "blinkRight",
    "lookUp", "lookDown", "lookLeft", "lookRight", "neutral",
}  # fmt: skip


@pytest.fixture(scope="module")
def result(person_result):
    """Somebody with one arm up and the mouth open, on the shipped body."""
    body = morphable.load("maquette-body")
    identity, expression = np.zeros(len(body.identity_basis)), np.zeros((1, len(body.expression_names)))
    expression[0, body.expression_names.index("jawOpen")] = 0.7
    turns = np.tile([1.0, 0, 0, 0], (1, len(body.rig.bones), 1))
    turns[0, body.rig.bones.index("upperarm01.L")] = [np.cos(0.4), 0, 0, np.sin(0.4)]
    pose = BodyPose(body.name, turns, np.array([[0.1, 0.2, 0.3]]), np.array([np.nan]))
    shape = Mesh(body.vertices(identity, expression[0]).astype(np.float32), body.faces, body.uvs, body.uv_faces)
    made = replace(
        person_result.reconstruction, shape=shape, model=body.name, identity=identity, expression=expression, scale=1.0,
        pose=pose,
    )  # fmt: skip
    return replace(person_result, reconstruction=made)


@pytest.fixture(scope="module")
def file(result):
    return GltfFile.read(write_vrm(open_asset(result, LIGHT)))


def test_the_extension_says_what_the_standard_wants(file):
    document = file.document
    avatar = document["extensions"][EXTENSION]
    assert EXTENSION in document["extensionsUsed"] and avatar["specVersion"] == "1.0"
    assert {"name", "authors", "licenseUrl"} <= avatar["meta"].keys() and avatar["meta"]["authors"]
    bones = avatar["humanoid"]["humanBones"]
    nodes = [bone["node"] for bone in bones.values()]
    assert bones.keys() >= NEEDED and len(nodes) == len(set(nodes))
    parents = file.parents
    for child, above in (("head", "neck"), ("leftHand", "leftLowerArm"), ("leftUpperArm", "leftShoulder")):
        node = bones[child]["node"]
        while node >= 0 and node != bones[above]["node"]:
            node = parents[node]
        assert node == bones[above]["node"], f"{child} hangs on {above}"


def test_expressions_name_targets_that_are_there(file):
    made = file.document["extensions"][EXTENSION]["expressions"]
    assert made["preset"].keys() == PRESETS.keys() <= VRM_PRESETS and len(made["custom"]) == 52
    for expression in [*made["preset"].values(), *made["custom"].values()]:
        assert expression["morphTargetBinds"]
        for bind in expression["morphTargetBinds"]:
            names = file.document["meshes"][file.nodes[bind["node"]]["mesh"]]["extras"]["targetNames"]
            assert 0 <= bind["index"] < len(names) and 0 < bind["weight"] <= 1
    mesh = file.document["meshes"][0]
    jaw = made["custom"]["jawOpen"]["morphTargetBinds"][0]["index"]
    assert mesh["extras"]["targetNames"][jaw] == "jawOpen" and not any(mesh["weights"])


def test_it_rests_in_a_t_without_the_photos_pose(file):
    bones = file.document["extensions"][EXTENSION]["humanoid"]["humanBones"]
    assert "animations" not in file.document and not any("rotation" in node for node in file.nodes)
    world = np.zeros((len(file.nodes), 3))
    for node in file.order:
        above = file.parents[node]
        world[node] = np.array(file.nodes[node].get("translation", [0, 0, 0])) + (world[above] if above >= 0 else 0)
    for side, sign in (("left", 1), ("right", -1)):
        arm, hand = (world[bones[f"{side}{bone}"]["node"]] for bone in ("UpperArm", "Hand"))
        assert np.allclose((hand - arm) / np.linalg.norm(hand - arm), [sign, 0, 0], atol=1e-6)
    binds = file.values(file.document["skins"][0]["inverseBindMatrices"])
    assert np.allclose(-binds[:, 12:15], world[file.document["skins"][0]["joints"]], atol=1e-5)
    places = np.concatenate(
        [file.values(part["attributes"]["POSITION"]) for part in file.document["meshes"][0]["primitives"]]
    )
    hands = np.abs(world[bones["leftHand"]["node"]][0])
    assert np.ptp(places[:, 0]) > 2 * hands and places[:, 1].min() > -0.05, "it stands on the floor, arms out"
    normals = file.values(file.document["meshes"][0]["primitives"][0]["attributes"]["NORMAL"])
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-3)


def test_the_same_result_gives_the_same_bytes(result):
    assert write_vrm(open_asset(result, LIGHT)) == write_vrm(open_asset(result, LIGHT))


def test_what_is_no_whole_person_is_no_avatar(head_result, person_result):
    for made in (head_result, person_result):
        with pytest.raises(BadInput, match=r"\.vrm: .*leave vrm out of --formats"):
            write_vrm(open_asset(made, LIGHT))
