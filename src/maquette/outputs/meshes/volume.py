"""volume.ply, .obj, .stl and .glb: the surface that the volume itself has, before any model was laid onto it."""

from __future__ import annotations

import numpy as np

from maquette.outputs.asset import VERSION, Asset
from maquette.outputs.meshes.glb import write_glb
from maquette.outputs.meshes.obj import rows
from maquette.outputs.meshes.ply import vertex_colors, write_ply
from maquette.outputs.printing.stl import MM, solid_arrays, stl_bytes


def _surface(asset: Asset) -> Asset:
    """The volume's surface as an asset of its own.

    Raises:
        ValueError: there is no volume beside the mesh.
    """
    if asset.drawn is None:
        raise ValueError(f"{asset.result.name}: there is no volume beside its mesh")
    return asset.drawn.asset


def write_volume_ply(asset: Asset) -> bytes:
    """Binary PLY in metres, y up, facing +z: positions, normals, colours."""
    return write_ply(_surface(asset))


def write_volume_glb(asset: Asset) -> bytes:
    """Binary glTF 2.0 in metres, y up, facing +z: one mesh with vertex colours."""
    return write_glb(_surface(asset))


def write_volume_obj(asset: Asset) -> bytes:
    """Wavefront OBJ in metres, y up, facing +z; each vertex has its sRGB colour, 0-1, behind its position."""
    surface = _surface(asset)
    mesh = surface.mesh
    corners = np.repeat(mesh.faces.astype(np.int64) + 1, 2, axis=1)
    text = [
        f"# maquette {VERSION}: metres, y up, facing +z, surface of the volume with vertex colours\no volume\n",
        rows("v", np.concatenate([mesh.vertices.astype(float), vertex_colors(mesh) / 255], axis=1), 6),
        rows("vn", surface.normals, 4),
        ("f %d//%d %d//%d %d//%d\n" * len(corners)) % tuple(corners.ravel().tolist()),
    ]
    return "".join(text).encode("ascii")


def write_volume_stl(asset: Asset) -> bytes:
    """Binary STL in millimetres: one watertight solid that lies with its flat back on z = 0, face up."""
    from manifold3d import Manifold, Mesh

    mesh = _surface(asset).mesh
    solid = Manifold(Mesh(np.ascontiguousarray(mesh.vertices * MM, np.float32), mesh.faces.astype(np.uint32)))
    return stl_bytes(*solid_arrays(solid), "maquette volume, millimetres, z up")
