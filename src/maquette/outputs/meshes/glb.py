"""head.glb: the neutral head with 52 morph targets, eyes that turn, texture, licence inside; person.glb: a rigged body.

A body stands in its rest pose, its joints turned as in the photo; a clip is an animation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Mesh
from maquette.geometry.mesh import vertex_normals, vertex_tangents
from maquette.imaging.srgb import linear
from maquette.morphable.refined.fine import STILL_M
from maquette.outputs.animation.head_motion import clip_animation, rested
from maquette.outputs.animation.influences import Influences
from maquette.outputs.animation.visemes import visemes_of
from maquette.outputs.asset import EYES, VERSION, Asset, kind_of_scale
from maquette.outputs.mesh_bones import MeshBones
from maquette.outputs.meshes.demo import demo
from maquette.outputs.meshes.gltf import ELEMENT_BUFFER, Builder, container, longer
from maquette.outputs.meshes.parts import SPECULAR, part_material, part_mesh, part_png, reflecting
from maquette.outputs.meshes.skeleton import animation, humanoid, joint_nodes, skin
from maquette.outputs.meshes.weld import split_seams

SMALLEST_TURN = 5e-3  # smaller changes of a unit normal are left out of a morph target, as are moves below STILL_M
JPEG_QUALITY = 92
SKIN, SHARED = 0, 3  # number of the skin's material; materials of the head itself: skin, eyes, mouth
SAMPLER = {"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}
MAPS_QUALITY = 95  # of JPEG: normals are more delicate than colours
MAPPED_SPECULAR = 0.3  # of the skin's reflection where a map says how rough it is; a whole one greys dark skin
SCENE = "scene"  # scenes, nodes and meshes differ in name: three.js numbers names that occur twice


@dataclass(frozen=True, eq=False)
class MorphTargets:
    """All moves of all vertices.

    Attributes:
        names: E target names.
        moves: (E, V, 3) float32 metres at weight 1; none is smaller than STILL_M, or it is zero.
        turns: (E, V, 3) float32 change of the unit normal at weight 1.
    """

    names: tuple[str, ...]
    moves: NDArray
    turns: NDArray


def morph_targets(asset: Asset, normals: NDArray) -> MorphTargets:
    """The model's expression units at this head's size, with the normals that result.

    Args:
        normals: (V, 3) of the neutral head.
    """
    model = asset.model
    if model is None or not len(asset.expression):
        return MorphTargets((), np.zeros((0, len(normals), 3), np.float32), np.zeros((0, len(normals), 3), np.float32))
    moves = (asset.scale * asset.units).astype(np.float32)
    moves[~longer(moves, STILL_M)] = 0
    turns = np.stack([_turned(asset, normals, move) for move in moves])
    return MorphTargets(tuple(model.expression_names), moves, turns)


def _turned(asset: Asset, normals: NDArray, move: NDArray) -> NDArray:
    """(V, 3) float32: the change of the unit normals by a move: none but at corners of faces that move."""
    faces, turn = asset.mesh.faces, np.zeros(move.shape, np.float32)
    touched = np.zeros(len(move), bool)
    touched[faces[_at(faces, longer(move, 0.0))]] = True
    near = faces[_at(faces, touched)]
    turn[touched] = (vertex_normals(asset.neutral.astype(float) + move, near) - normals)[touched]
    return turn


def _at(faces: NDArray, chosen: NDArray) -> NDArray:
    """(F,) bool: the faces with a corner at a chosen vertex, (V,) bool."""
    a, b, c = faces.T
    found: NDArray = chosen[a] | chosen[b] | chosen[c]
    return found


@dataclass(frozen=True, eq=False)
class MeshContext:
    """What the primitives of one file share.

    Attributes:
        asset: whose mesh it is.
        normals: (V, 3) of its neutral form.
        targets: how its vertices move with the expression.
        influences: how they move with the skeleton, or None without one.
    """

    asset: Asset
    normals: NDArray
    targets: MorphTargets
    influences: Influences | None


def mesh_context(asset: Asset) -> MeshContext:
    """Normals, morph targets and skin weights of an asset."""
    normals = vertex_normals(asset.neutral.astype(float), asset.mesh.faces)
    targets = morph_targets(asset, normals)
    if asset.bones is None:
        return MeshContext(asset, normals, targets, None)
    if asset.skinning is not None:  # at rest a surface is creased where arms were lifted: the photo's pose is right
        normals = asset.bones.rest_normals(asset.normals, 0)
    return MeshContext(asset, normals, targets, asset.bones.influences)


def _primitive(builder: Builder, context: MeshContext, faces: NDArray, material: int, centre: NDArray) -> dict:
    """One glTF primitive of the given faces, positions relative to `centre`."""
    asset, normals, targets = context.asset, context.normals, context.targets
    mesh = asset.mesh
    uv_faces = mesh.faces if mesh.uv_faces is None else mesh.uv_faces
    corners, vertex_of, uv_of = split_seams(mesh.faces[faces], uv_faces[faces])
    attributes = {
        "POSITION": builder.dense((asset.neutral[vertex_of] - centre).astype(np.float32)),
        "NORMAL": builder.dense(_unit(normals[vertex_of])),
    }
    if mesh.uvs is not None:
        uvs = mesh.uvs[uv_of]
        attributes["TEXCOORD_0"] = builder.dense(np.stack([uvs[:, 0], 1 - uvs[:, 1]], axis=1).astype(np.float32))
        if mesh.normal_map is not None and material == SKIN:
            places, units = asset.neutral[vertex_of], _unit(normals[vertex_of])
            attributes["TANGENT"] = builder.dense(vertex_tangents(places, corners, uvs, units))
    if mesh.vertex_colors is not None and mesh.texture is None:
        light = linear(mesh.vertex_colors[vertex_of] / 255)  # glTF multiplies vertex colours as light
        attributes["COLOR_0"] = builder.dense(light.astype(np.float32))
    if context.influences is not None:
        attributes |= context.influences.attributes(builder, vertex_of)
    index_type = np.uint16 if len(vertex_of) <= 65535 else np.uint32
    primitive = {
        "attributes": attributes,
        "indices": builder.dense(corners.ravel().astype(index_type), ELEMENT_BUFFER),
        "material": material,
        "mode": 4,
    }
    if targets.names:
        primitive["targets"] = [
            {
                "POSITION": builder.sparse(move[vertex_of], 0.0),
                "NORMAL": builder.sparse(turn[vertex_of], SMALLEST_TURN),
            }
            for move, turn in zip(targets.moves, targets.turns)
        ]
    return primitive


def _unit(normals: NDArray) -> NDArray:
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(length > 1e-6, normals / np.maximum(length, 1e-12), [0.0, 0.0, 1.0]).astype(np.float32)


def _materials(has_texture: bool, has_colours: bool) -> list[dict]:
    def material(name: str, roughness: float, two_sided: bool, specular: float = 1.0) -> dict:
        surface: dict[str, object] = {"metallicFactor": 0.0, "roughnessFactor": roughness}
        if has_texture:
            surface["baseColorTexture"] = {"index": 0}
        elif not has_colours:
            surface["baseColorFactor"] = [0.6, 0.57, 0.54, 1.0]
        found = {"name": name, "pbrMetallicRoughness": surface, "doubleSided": two_sided}
        return reflecting(found, specular)

    # The sky does not shine into a mouth, but in viewers it does: a whole reflection is a grey veil over the throat.
    return [material("skin", 1.0, True, 0.0), material("eyes", 0.15, False), material("mouth", 0.45, True, 0.2)]


def _jpeg(pixels: NDArray, quality: int = JPEG_QUALITY) -> bytes:
    import cv2

    ok, data = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise ValueError(f"texture of shape {pixels.shape} cannot be compressed")
    return data.tobytes()


def _textures(builder: Builder, asset: Asset) -> dict:
    """Images, sampler and textures: the head's own first, if it has one, then one per part, then the skin's maps."""
    pixels = asset.mesh.texture
    files = [] if pixels is None else [("texture", "image/jpeg", _jpeg(pixels))]
    for part in asset.result.reconstruction.parts:
        files.append((part.name, "image/png", part_png(asset, part)))
    files += [(name, "image/jpeg", _jpeg(pixels, MAPS_QUALITY)) for name, pixels in _maps(asset.mesh).items()]
    if not files:
        return {}
    images = [{"name": name, "mimeType": kind, "bufferView": builder.view(data)} for name, kind, data in files]
    textures = [{"sampler": 0, "source": index, "name": name} for index, (name, _, _) in enumerate(files)]
    return {"images": images, "samplers": [SAMPLER], "textures": textures}


def _maps(mesh: Mesh) -> dict[str, NDArray]:
    """glTF's name of a texture -> (H, W, 3) uint8: what the skin has besides its colour."""
    found: dict[str, NDArray] = {}
    if mesh.normal_map is not None:
        found["normalTexture"] = mesh.normal_map
    if mesh.roughness_map is not None:  # green is roughness, blue is metal
        plain = np.zeros_like(mesh.roughness_map)
        found["metallicRoughnessTexture"] = np.dstack([plain, mesh.roughness_map, plain])
    return found


def _with_maps(material: dict, document: dict) -> dict:
    """The skin's material with its maps, as far as the document has them."""
    index = {texture["name"]: number for number, texture in enumerate(document.get("textures", []))}
    if "normalTexture" in index:
        material = material | {"normalTexture": {"index": index["normalTexture"]}}
    if "metallicRoughnessTexture" in index:
        rough = {"metallicRoughnessTexture": {"index": index["metallicRoughnessTexture"]}}
        material = material | {"pbrMetallicRoughness": material["pbrMetallicRoughness"] | rough}
        material = material | {"extensions": {SPECULAR: {"specularFactor": MAPPED_SPECULAR}}}
    return material


def _add_parts(builder: Builder, asset: Asset, document: dict) -> None:
    """A node, a mesh and a material for each part of a head, the nodes below the head's; changes `document`."""
    for part in asset.result.reconstruction.parts:
        node: dict[str, object] = {"name": part.name, "mesh": len(document["meshes"])}
        siblings = document["nodes"][0].get("children")
        if siblings is None:  # what follows bones lies where they bring it, below no other node
            siblings, node = document["scenes"][0]["nodes"], node | {"skin": 0}
        siblings.append(len(document["nodes"]))
        document["nodes"].append(node)
        document["meshes"].append(part_mesh(builder, asset, part, len(document["materials"])))
        texture = len(document["materials"]) - SHARED + (asset.mesh.texture is not None)
        document["materials"].append(part_material(part, texture))


def asset_extras(asset: Asset) -> dict:
    """Licence, provenance and units, as the file carries them."""
    provenance = asset.result.reconstruction.provenance
    visemes = {} if asset.model is None else visemes_of(asset.model.expression_names)
    return {
        "generator_version": VERSION,
        "method": str(provenance.get("method", "unknown")),
        "model": asset.result.reconstruction.model or "none",
        "model_licence": dict(asset.model.licence) if asset.model else {},
        "texture_licence": "follows the photograph it was made from",
        "units": "m",
        "up": "+Y",
        "forward": "+Z",
        "scale": kind_of_scale(asset.result.reconstruction),
        "scale_source": str(provenance.get("scale_source", "unknown")),
        **({"visemes": visemes} if visemes else {}),
        **({} if asset.bones is None else {"humanoid": humanoid(asset.bones.rig)}),
    }


def _mesh(builder: Builder, context: MeshContext, name: str, parts: list[tuple[str, int]], centre: NDArray) -> dict:
    """The glTF mesh of a node of that name: some parts, each with its material."""
    asset = context.asset
    own = [_primitive(builder, context, asset.part(part), material, centre) for part, material in parts]
    mesh: dict[str, object] = {"name": f"{name}Mesh", "primitives": own}
    if context.targets.names:
        mesh |= {"weights": asset.expression.tolist(), "extras": {"targetNames": list(context.targets.names)}}
    return mesh


def _material_of(part: str) -> int:
    return 1 if part in EYES else 0 if part == "skin" else 2


def _static_meshes(builder: Builder, context: MeshContext) -> tuple[list[dict], list[dict]]:
    """Meshes and nodes without a skeleton: the skin with the mouth's inside, and each eye about its own centre."""
    asset = context.asset
    groups = {"skin": ["skin", *(name for name in asset.part_names if name not in ("skin", *EYES))]}
    groups |= {name: [name] for name in EYES}
    meshes: list[dict] = []
    nodes: list[dict] = []
    for name, parts in groups.items():
        filled = [(part, _material_of(part)) for part in parts if len(asset.part(part))]
        if not filled:
            continue
        centre = np.zeros(3)
        node: dict[str, object] = {"name": name, "mesh": len(meshes)}
        if name in EYES and asset.model is not None:
            centre = asset.model.eye_centre(asset.neutral, name.removeprefix("eye")).astype(np.float32).astype(float)
            node["translation"] = centre.tolist()
        meshes.append(_mesh(builder, context, name, filled, centre))
        nodes.append(node)
    return meshes, [{"name": asset.stem, "children": list(range(1, len(nodes) + 1))}, *nodes]


def _rigged_document(builder: Builder, context: MeshContext, bones: MeshBones) -> dict:
    """Mesh, nodes, skin and animation of a body: the mesh's node first, then one per bone."""
    asset, rig, motion, joints = context.asset, bones.rig, bones.motion, bones.joints.astype(float)
    names = ["skin", *(name for name in asset.part_names if name != "skin")]
    parts = [(part, _material_of(part)) for part in names if len(asset.part(part))]
    root = 1 + int(np.flatnonzero(rig.parents < 0)[0])
    document = {
        "scenes": [{"name": SCENE, "nodes": [0, root]}],
        "nodes": [{"name": asset.stem, "mesh": 0, "skin": 0}, *joint_nodes(rig, joints, motion, 1)],
        "meshes": [_mesh(builder, context, asset.stem, parts, np.zeros(3))],
        "skins": [skin(builder, rig, joints, 1)],
    }
    clip = animation(builder, rig, joints, motion, (0, 1)) if asset.is_clip else None
    return document | ({} if clip is None else {"animations": [clip]})


def write_glb(asset: Asset) -> bytes:
    """Binary glTF 2.0 (metres, y up, facing +z): the neutral head, or the body in its rest pose with its skeleton.

    Hair and other parts of a head are nodes and meshes of their own below it.

    The photo's expression is the default weight of 52 morph targets named as Apple's ARKit names them, the photo's pose
    the default turn of the joints; the poses of a clip are an animation that begins at 0 s. A head
    that was not filmed has an animation "demo" in its place: it blinks, smiles and speaks for three seconds.
    """
    builder = Builder()
    context = mesh_context(asset)
    document: dict = {
        "asset": {"version": "2.0", "generator": f"maquette {VERSION}", "extras": asset_extras(asset)},
        "scene": 0,
        "scenes": [{"name": SCENE, "nodes": [0]}],
    }
    if asset.bones is None:
        document["meshes"], document["nodes"] = _static_meshes(builder, context)
    else:
        document |= _rigged_document(builder, context, asset.bones)
    document["materials"] = _materials(asset.mesh.texture is not None, asset.mesh.vertex_colors is not None)
    _add_parts(builder, asset, document)
    if asset.bones is None and context.targets.names:
        nodes, meshes = document["nodes"], document["meshes"]
        moves = asset.result.motion is not None
        if moves:
            rested(nodes, meshes, asset)
        document["animations"] = [
            clip_animation(builder, nodes, meshes, asset)
            if moves
            else demo(builder, nodes, meshes, context.targets.names, asset.expression)
        ]
    document |= _textures(builder, asset)
    document["materials"][0] = _with_maps(document["materials"][0], document)
    parts = [part for mesh in document["meshes"] for part in mesh["primitives"]]
    used = sorted({part["material"] for part in parts})
    for part in parts:
        part["material"] = used.index(part["material"])
    document["materials"] = [document["materials"][index] for index in used]
    if any("extensions" in material for material in document["materials"]):
        document["extensionsUsed"] = [SPECULAR]
    document |= {
        "bufferViews": builder.views,
        "accessors": builder.accessors,
        "buffers": [{"byteLength": len(builder.blob)}],
    }
    return container(document, bytes(builder.blob))
