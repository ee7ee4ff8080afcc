"""head.obj and head.mtl (person.*): the mesh as in the photo, one group per part."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Part, Subject
from maquette.outputs.asset import EYES, VERSION, Asset
from maquette.outputs.meshes.parts import texture_file
from maquette.outputs.shaded_mesh import own_colours, part_normals

MATERIALS = {"skin": (0.10, 20), "eyes": (0.45, 250), "mouth": (0.25, 80)}  # specular, Phong exponent


def material_of(part: str) -> str:
    """The material's name of a part.

    Example:
        >>> material_of("eyeLeft"), material_of("teeth")
        ('eyes', 'mouth')
    """
    return "eyes" if part in EYES else "skin" if part == "skin" else "mouth"


def rows(keyword: str, values: NDArray, digits: int) -> str:
    """One line per row of values, after a keyword, with that many digits behind the point."""
    form = f"{keyword} " + " ".join([f"%.{digits}f"] * values.shape[1]) + "\n"
    return (form * len(values)) % tuple(values.ravel().tolist())


def write_obj(asset: Asset) -> bytes:
    """Wavefront OBJ in metres, y up, facing +z; v up; refers to the MTL file of the same name.

    Without a texture each vertex has its sRGB colour, 0-1, behind its position.
    """
    mesh, stem = asset.mesh, asset.stem
    shown = "pose" if asset.subject is Subject.PERSON else "expression"
    text = [f"# maquette {VERSION}: metres, y up, facing +z, {shown} of the photo\nmtllib {stem}.mtl\no {stem}\n"]
    colours = own_colours(mesh)
    places = mesh.vertices if colours is None else np.concatenate([mesh.vertices.astype(float), colours / 255], axis=1)
    text.append(rows("v", places, 6))
    corner, columns = "%d//%d", [mesh.faces, mesh.faces]
    if mesh.uvs is not None and mesh.uv_faces is not None:
        text.append(rows("vt", mesh.uvs, 6))
        corner, columns = "%d/%d/%d", [mesh.faces, mesh.uv_faces, mesh.faces]
    text.append(rows("vn", asset.normals, 4))
    form = f"f {corner} {corner} {corner}\n"
    corners = np.stack(columns, axis=2) + 1
    for part in asset.part_names:
        own = corners[asset.part(part)]
        text.append(f"g {part}\nusemtl {material_of(part)}\n" + (form * len(own)) % tuple(own.ravel().tolist()))
    above = np.array([len(mesh.vertices), 0 if mesh.uvs is None else len(mesh.uvs), len(mesh.vertices)])
    for further in asset.result.reconstruction.parts:
        text.append(_further(asset, further, above, colours is not None))
        count, uvs = len(further.mesh.vertices), further.mesh.uvs
        above = above + np.array([count, 0 if uvs is None else len(uvs), count])
    return "".join(text).encode("ascii")


def _further(asset: Asset, part: Part, above: NDArray, coloured: bool) -> str:
    """The lines of hair and the like; `above` (3,): how many vertices, uvs and normals there are above them."""
    mesh, places = part.mesh, asset.posed_part(part)
    assert mesh.uvs is not None and mesh.uv_faces is not None, "checked when it was made"
    if coloured:
        places = np.concatenate([places, np.ones_like(places)], axis=1)
    corners = np.stack([mesh.faces, mesh.uv_faces, mesh.faces], axis=2) + above + 1
    lines = [rows("v", places, 6), rows("vt", mesh.uvs, 6), rows("vn", part_normals(part), 4)]
    lines.append(f"g {part.name}\nusemtl {part.name}\n")
    lines.append(("f %d/%d/%d %d/%d/%d %d/%d/%d\n" * len(corners)) % tuple(corners.ravel().tolist()))
    return "".join(lines)


def write_mtl(asset: Asset) -> bytes:
    """The materials of the OBJ file; those of the head share texture.png, each part has a texture with opacity."""
    text = [f"# maquette {VERSION}\n"]
    for name in dict.fromkeys(material_of(part) for part in asset.part_names):
        specular, exponent = MATERIALS[name]
        text.append(f"\nnewmtl {name}\nKa 0 0 0\nKd 1 1 1\nKs {specular} {specular} {specular}\nNs {exponent}\nd 1\n")
        text.append("illum 2\n" + ("map_Kd texture.png\n" if asset.mesh.texture is not None else ""))
    for further in asset.result.reconstruction.parts:
        file = texture_file(further.name)
        text.append(f"\nnewmtl {further.name}\nKa 0 0 0\nKd 1 1 1\nKs 0.05 0.05 0.05\nNs 10\nd 1\nillum 2\n")
        text.append(f"map_Kd {file}\n" + (f"map_d -imfchan m {file}\n" if _is_cut_out(further) else ""))
    return "".join(text).encode("ascii")


def _is_cut_out(part: Part) -> bool:
    return part.mesh.texture is not None and part.mesh.texture.shape[2] == 4
