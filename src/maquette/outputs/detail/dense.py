"""head_detail.obj and head_detail.glb: the displaced mesh, with the texture of the plain one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from maquette.core.types import Mesh
from maquette.outputs.asset import Asset
from maquette.outputs.meshes.glb import write_glb
from maquette.outputs.meshes.obj import write_obj

VERTICES, FACES, UVS = "detail_vertices", "detail_faces", "detail_uvs"  # names of a reconstruction's parameters


def has_detail(asset: Asset) -> bool:
    """Whether the result has a displaced mesh beside its plain one."""
    return VERTICES in asset.result.reconstruction.parameters


def dense_asset(asset: Asset) -> Asset:
    """The displaced mesh as an asset of its own: metres, the frame of the plain one, its texture and its cameras."""
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
