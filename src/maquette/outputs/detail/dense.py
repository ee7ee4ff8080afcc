"""head_detail.*: the displaced mesh, with the texture of the plain one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from maquette.core.types import Mesh
from maquette.outputs.asset import Asset
from maquette.outputs.meshes.glb import write_glb
from maquette.outputs.meshes.obj import write_obj
from maquette.outputs.meshes.ply import write_ply
from maquette.outputs.printing.stl import write_stl

VERTICES, FACES, UVS = "detail_vertices", "detail_faces", "detail_uvs"  # names of a reconstruction's parameters


def has_levels(asset: Asset) -> bool:
    """Whether the method made a displaced mesh of its own beside the plain one."""
    return VERTICES in asset.result.reconstruction.parameters


def has_dense(asset: Asset) -> bool:
    """Whether a displaced mesh is there and wanted."""
    return has_levels(asset) or (asset.options.detail_mesh and asset.detailed is not None)


def dense_asset(asset: Asset) -> Asset:
    """The displaced mesh as an asset of its own: metres, the frame of the plain one, its texture and its cameras.

    A head of our model keeps its 52 units; a method's own mesh has none.
    """
    if not has_levels(asset):
        assert asset.detailed is not None, "wanted only where there is one"
        return asset.detailed
    whole = asset.result.reconstruction
    vertices, faces, uvs = (np.asarray(whole.parameters[name]) for name in (VERTICES, FACES, UVS))
    plain = whole.shape
    mesh = Mesh(vertices, faces, uvs, faces, plain.texture, plain.texture_confidence)
    alone = replace(whole, shape=mesh, motion=None, parameters={}, parts=())
    return Asset(replace(asset.result, reconstruction=alone), None, asset.options)


def write_dense_obj(asset: Asset) -> bytes:
    """Wavefront OBJ of the displaced mesh; it refers to the plain mesh's MTL file."""
    return write_obj(dense_asset(asset))


def write_dense_glb(asset: Asset) -> bytes:
    """GLB of the displaced mesh."""
    return write_glb(dense_asset(asset))


def write_dense_stl(asset: Asset) -> bytes:
    """The displaced mesh as a closed solid for printing."""
    return write_stl(dense_asset(asset))


def write_dense_ply(asset: Asset) -> bytes:
    """PLY of the displaced mesh."""
    return write_ply(dense_asset(asset))
