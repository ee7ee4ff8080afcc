"""Parts of a head in files: hair, brows, lashes, beard, glasses, each a mesh with a cut-out material of its own."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import PARTS, Part
from maquette.morphable.refined.fine import STILL_M
from maquette.outputs.asset import Asset
from maquette.outputs.meshes.gltf import ELEMENT_BUFFER, Builder, longer
from maquette.outputs.meshes.weld import split_seams
from maquette.outputs.shaded_mesh import part_normals

SPECULAR = "KHR_materials_specular"  # readers that do not know it show the whole reflection


def texture_file(name: str) -> str:
    """The file of a part's texture, beside the OBJ file.

    Example:
        >>> texture_file("hair")
        'hair.png'
    """
    return f"{name}.png"


def compact_png(picture: NDArray) -> bytes:
    """A picture, (H, W, 3) or (H, W, 4) uint8 sRGB, as a PNG file that is small rather than quickly made."""
    import cv2

    swapped = cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", swapped, [cv2.IMWRITE_PNG_COMPRESSION, 7])[1].tobytes()


def write_part_texture(asset: Asset, name: str) -> bytes:
    """PNG of the part of that name, which the result must have: sRGB and opacity."""
    return part_png(asset, next(part for part in asset.result.reconstruction.parts if part.name == name))


def part_png(asset: Asset, part: Part) -> bytes:
    """PNG of a part's texture, made once for the GLB and for itself."""
    assert part.mesh.texture is not None, "checked when it was made"
    name = texture_file(part.name)
    if name not in asset.made:
        asset.made[name] = compact_png(part.mesh.texture)
    return asset.made[name]


PART_WRITERS = {texture_file(name): partial(write_part_texture, name=name) for name in PARTS}


def part_mesh(builder: Builder, asset: Asset, part: Part, material: int) -> dict:
    """The glTF mesh of a part; where it follows the head, with the same morph targets as the head."""
    mesh = part.mesh
    assert mesh.uvs is not None and mesh.uv_faces is not None, "checked when it was made"
    corners, vertex_of, uv_of = split_seams(mesh.faces, mesh.uv_faces)
    uvs = mesh.uvs[uv_of]
    primitive: dict[str, object] = {
        "attributes": {
            "POSITION": builder.dense(mesh.vertices[vertex_of]),
            "NORMAL": builder.dense(part_normals(part)[vertex_of]),
            "TEXCOORD_0": builder.dense(np.stack([uvs[:, 0], 1 - uvs[:, 1]], axis=1).astype(np.float32)),
        },
        "indices": builder.dense(
            corners.ravel().astype(np.uint16 if len(vertex_of) <= 65535 else np.uint32), ELEMENT_BUFFER
        ),
        "material": material,
        "mode": 4,
    }
    if asset.bones is not None:
        attributes = asset.bones.of_part(part).attributes(builder, vertex_of)
        primitive["attributes"] = {**primitive["attributes"], **attributes}  # type: ignore[dict-item]
    made: dict[str, object] = {"name": f"{part.name}Mesh", "primitives": [primitive]}
    if part.anchors is not None and asset.model is not None and len(asset.expression):
        moves = part.follow(asset.scale * asset.units)
        moves[~longer(moves, STILL_M)] = 0
        primitive["targets"] = [{"POSITION": builder.sparse(move[vertex_of], 0.0)} for move in moves]
        made |= {"weights": asset.expression.tolist(), "extras": {"targetNames": list(asset.model.expression_names)}}
    return made


def part_material(part: Part, texture: int) -> dict:
    """The glTF material of a part with that texture."""
    surface = {"metallicFactor": 0.0, "roughnessFactor": part.roughness, "baseColorTexture": {"index": texture}}
    found = {"name": part.name, "pbrMetallicRoughness": surface, "doubleSided": part.double_sided}
    assert part.mesh.texture is not None, "checked when it was made"
    if part.mesh.texture.shape[2] == 4:
        found |= {"alphaMode": "BLEND"} if part.blended else {"alphaMode": "MASK", "alphaCutoff": part.alpha_cutoff}
    return reflecting(found, part.specular)


def reflecting(material: dict, specular: float) -> dict:
    """The material with a share, 0-1, of a dielectric's reflection."""
    return material if specular == 1 else material | {"extensions": {SPECULAR: {"specularFactor": specular}}}
