"""Hair and lashes in GLB, OBJ and PLY: nodes of their own, cut out, and what follows the head moves with its units."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import trimesh
from pygltflib import GLTF2

from gltf_reader import decoded
from maquette.core.options import OutputOptions
from maquette.morphable.refined.fine import STILL_M
from maquette.outputs.asset import open_asset
from maquette.outputs.meshes.glb import write_glb
from maquette.outputs.meshes.obj import write_mtl, write_obj
from maquette.outputs.meshes.parts import part_material
from maquette.outputs.meshes.ply import shown_faces, write_ply
from maquette.outputs.writers import WRITERS, wanted
from parts import with_parts


@pytest.fixture(scope="module", params=["light", "fine"])
def asset(request, head_result):
    options = OutputOptions(mesh=request.param)
    plain = open_asset(head_result, OutputOptions(mesh="light"))
    return open_asset(with_parts(head_result, plain), options)


@pytest.fixture(scope="module")
def gltf(asset):
    return GLTF2.load_from_bytes(write_glb(asset))


def mesh_of(gltf, name):
    node = next(node for node in gltf.nodes if node.name == name)
    return gltf.meshes[node.mesh]


def test_each_part_is_a_node_below_the_heads_cut_out_and_two_sided(gltf):
    names = [gltf.nodes[child].name for child in gltf.nodes[0].children]
    assert names[0] == "skin" and names[-2:] == ["hair", "lashes"]
    for name in ("hair", "lashes"):
        (primitive,) = mesh_of(gltf, name).primitives
        material = gltf.materials[primitive.material]
        assert (material.name, material.alphaMode, material.doubleSided) == (name, "MASK", True)
        assert material.alphaCutoff == pytest.approx(0.35)
        texture = gltf.textures[material.pbrMetallicRoughness.baseColorTexture.index]
        image = gltf.images[texture.source]
        view = gltf.bufferViews[image.bufferView]
        data = gltf.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
        assert image.name == name
        assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED).shape == (16, 16, 4)
    skin = gltf.materials[gltf.meshes[0].primitives[0].material]
    assert skin.name == "skin" and skin.pbrMetallicRoughness.baseColorTexture.index == 0


def test_what_is_finer_than_a_pixel_is_blended(asset):
    fine = replace(asset.result.reconstruction.parts[1], blended=True)
    assert part_material(fine, 1)["alphaMode"] == "BLEND" and "alphaCutoff" not in part_material(fine, 1)


def test_lashes_move_as_the_lids_they_hang_on(gltf, asset):
    lashes, head = mesh_of(gltf, "lashes"), gltf.meshes[0]
    names = head.extras["targetNames"]
    assert lashes.extras["targetNames"] == names and lashes.weights == head.weights
    part = asset.result.reconstruction.parts[1]
    (primitive,) = lashes.primitives
    assert len(primitive.targets) == len(names)
    for unit in ("eyeBlinkLeft", "jawOpen"):
        number = names.index(unit)
        move = asset.scale * asset.units[number]
        slow = np.array([w @ move[a] for a, w in zip(part.anchors, part.weights)])
        found = decoded(gltf, primitive.targets[number]["POSITION"])
        order = [int(np.abs(part.mesh.vertices - p).sum(axis=1).argmin()) for p in positions(gltf, primitive)]
        assert np.abs(found - slow[order]).max() < 1.1 * STILL_M, unit
    assert np.linalg.norm(slow, axis=1).max() < STILL_M, "a jaw does not move the lids"


def positions(gltf, primitive):
    return decoded(gltf, primitive.attributes.POSITION)


def test_hair_is_rigid_and_has_no_targets(gltf):
    (primitive,) = mesh_of(gltf, "hair").primitives
    assert not primitive.targets and not mesh_of(gltf, "hair").weights


def test_a_head_without_parts_is_as_before(head_result):
    gltf = GLTF2.load_from_bytes(write_glb(open_asset(head_result, OutputOptions(mesh="light"))))
    assert [node.name for node in gltf.nodes] == ["head", "skin", "eyeLeft", "eyeRight"] and len(gltf.images) == 1


def test_obj_and_mtl_name_the_parts_and_their_textures(asset):
    text, materials = write_obj(asset).decode(), write_mtl(asset).decode()
    assert "g hair\nusemtl hair\n" in text and "g lashes\nusemtl lashes\n" in text
    assert "newmtl hair" in materials and "map_Kd hair.png\nmap_d -imfchan m hair.png" in materials
    keys = set(wanted(asset))
    assert {"hair.png", "lashes.png"} <= keys and not {"brows.png", "glasses.png"} & keys
    assert cv2.imdecode(np.frombuffer(WRITERS["hair.png"](asset), np.uint8), cv2.IMREAD_UNCHANGED).shape == (16, 16, 4)
    places = np.array([line.split()[1:4] for line in text.splitlines() if line.startswith("v ")], float)
    corners = [line.split()[1:] for line in text.splitlines() if line.startswith("f ")]
    last = np.array([corner.split("/") for corner in corners[-1]], int)
    assert last.max(axis=0).tolist() == [len(places), text.count("\nvt "), text.count("\nvn ")]


def test_obj_shows_lashes_with_the_photos_expression(shut_result):
    """A blink in the photo takes the lashes down with the lids."""
    from results import make_result

    blinking = make_result(eyeBlinkLeft=1.0)
    asset = open_asset(blinking, OutputOptions(mesh="light"))
    asset = open_asset(with_parts(blinking, asset), OutputOptions(mesh="light"))
    lashes = asset.result.reconstruction.parts[1]
    lids = asset.mesh.vertices[lashes.anchors[:3, 0]]
    assert np.abs(asset.posed_part(lashes)[:3] - lids).max() < 1e-6
    assert np.linalg.norm(lids - lashes.mesh.vertices[:3], axis=1).max() > 0.003


def test_ply_has_the_parts_without_what_is_cut_out(asset):
    hair = asset.result.reconstruction.parts[0]
    assert shown_faces(hair).tolist() == [1], "the triangle on the texture's left"
    file = trimesh.load(trimesh.util.wrap_as_stream(write_ply(asset)), file_type="ply", process=False)
    assert len(file.vertices) == len(asset.mesh.vertices) + 8
    assert len(file.faces) == len(asset.mesh.faces) + 2
    assert file.visual.vertex_colors[len(asset.mesh.vertices)].tolist() == [200, 20, 20, 255]


def test_the_same_input_gives_the_same_bytes(asset):
    assert write_glb(asset) == write_glb(asset)
