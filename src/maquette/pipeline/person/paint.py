"""The colours of a person with a head of its own: body, head and the strip at the neck in one texture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Mesh
from maquette.geometry.camera import project
from maquette.morphable import MorphableModel
from maquette.outputs.asset import Asset
from maquette.reconstruction.own_head.join import JoinedNeck
from maquette.reconstruction.own_head.place import HeadPlace
from maquette.texturing.person import neck

STRIP_COLUMNS = 512
FACE = 0.7  # of the model's region: the middle of the face
LIGHTEST, DARKEST = 2.0, 0.4  # times the head's own light
SEEN, FEWEST = 128, 24  # of a texture's confidence, and vertices that are seen: fewer make no colour of skin
DIM = 4  # 8-bit steps added where colours are divided


def painted_mesh(joint: JoinedNeck, asset: Asset, light: NDArray, vertices: NDArray) -> Mesh:
    """The joined mesh in one texture: the head in the light of the photo, its neck in the colours of the body's.

    Args:
        asset: the head. light: (3,) the photo's, see `light_of`.
        vertices: (V, 3) float32 metres, of head and body as they shall be.
    """
    own, below, count, model = asset.mesh, joint.body.mesh, len(asset.neutral), asset.model
    assert model is not None and own.texture is not None and own.uvs is not None and own.uv_faces is not None
    assert below.texture is not None and below.uvs is not None and below.uv_faces is not None
    edge = int(np.flatnonzero(joint.around >= count)[0])
    rims = joint.around[:edge], joint.around[edge:]
    seen_below = neck.sampled(below.texture, neck.first_uvs(below, rims[1] - count))
    lit = replace(own, texture=neck.matched(own.texture, light))
    picture = neck_painted(joint, lit, model, rims, seen_below)
    seen_above = neck.sampled(picture, neck.first_uvs(own, rims[0]))
    turn = np.linspace(0, 1, STRIP_COLUMNS)
    upper, lower = (
        np.stack([np.interp(turn, at, colours[:, k]) for k in range(3)], axis=1)
        for at, colours in ((joint.turn[:edge], seen_above), (joint.turn[edge:], seen_below))
    )
    strip = neck.strip_picture(upper, lower)
    whole, maps = neck.beside(below.texture, picture, strip)
    known = (below.texture_confidence, below.texture), (own.texture_confidence, picture), (None, strip)
    levels = [np.zeros(shown.shape[:2], np.uint8) if level is None else level for level, shown in known]
    around = np.stack([joint.turn, np.arange(len(joint.turn)) < edge], axis=1)
    uvs = [own.uvs * maps[1][0] + maps[1][1], below.uvs * maps[0][0] + maps[0][1], around * maps[2][0] + maps[2][1]]
    first, second = len(uvs[0]), len(uvs[0]) + len(uvs[1])
    return Mesh(
        vertices,
        np.concatenate([own.faces, below.faces + count, joint.around[joint.strip]]).astype(np.int32),
        np.concatenate(uvs).astype(np.float32),
        np.concatenate([own.uv_faces, below.uv_faces + first, joint.strip + second]).astype(np.int32),
        whole,
        neck.beside(*levels)[0],
    )


def neck_painted(
    joint: JoinedNeck, own: Mesh, model: MorphableModel, rims: tuple[NDArray, NDArray], wanted: NDArray
) -> NDArray:
    """(H, W, 3) uint8 the texture of the head `own`, its neck passing over to the body's.

    Args:
        rims: (R,) of the head and (L,) of the body. wanted: (L, 3) colours along the body's.
    """
    count = len(own.vertices)
    assert own.texture is not None and own.uvs is not None and own.uv_faces is not None
    places = joint.plane.places(joint.vertices)
    angle, up = np.arctan2(places[:, 1], places[:, 0]), places[:count, 2]
    mine = neck.sampled(own.texture, neck.first_uvs(own, rims[0]))
    offsets = neck.rim_offsets(mine, wanted, angle[rims[0]], angle[rims[1]], angle[:count], up)
    offsets[np.setdiff1d(np.arange(count), model.part_vertices("skin"))] = 0
    return offset_at_vertices(own, offsets)


def offset_at_vertices(own: Mesh, offsets: NDArray) -> NDArray:
    """(H, W, 3) uint8 the texture of a mesh with 8-bit steps (V, 3) added."""
    assert own.texture is not None and own.uvs is not None and own.uv_faces is not None
    by_uv = np.zeros((len(own.uvs), 3))
    by_uv[own.uv_faces.ravel()] = offsets[own.faces.ravel()]
    return neck.faded(own.texture, own.uvs, own.uv_faces, by_uv)


def in_colours_of(own: Mesh, model: MorphableModel, place: HeadPlace, old: Mesh) -> Mesh:
    """An unseen head in the colours of the surface that is to make room for it: hair and neck as there, one skin.

    Args:
        place: of the head in the world of `old`.
    """
    from scipy.spatial import cKDTree

    assert own.texture is not None and old.texture is not None
    near = np.asarray(cKDTree(old.vertices).query(place.to_world(own.vertices.astype(float)))[1])
    uvs = neck.first_uvs(old, near)
    there = neck.sampled(old.texture, uvs)
    here = neck.sampled(own.texture, neck.first_uvs(own, np.arange(len(own.vertices))))
    offsets, face = there - here, model.regions["face"][:, None]
    middle = np.flatnonzero(face[:, 0] > FACE)
    if old.texture_confidence is not None:
        seen = middle[neck.sampled(old.texture_confidence[..., None].repeat(3, 2), uvs[middle])[:, 0] > SEEN]
        middle = seen if len(seen) > FEWEST else middle
    offsets = face * np.median(offsets[middle], axis=0) + (1 - face) * offsets
    offsets[np.setdiff1d(np.arange(len(offsets)), model.part_vertices("skin"))] = 0
    return replace(own, texture=offset_at_vertices(own, offsets))


def light_of(asset: Asset, model: MorphableModel) -> NDArray:
    """(3,) the photo's light on the face against that of the head's texture, linear."""
    own, face = asset.mesh, asset.result.observations[0]
    assert own.texture is not None, "heads are textured before"
    chosen = np.flatnonzero(model.regions["face"] > FACE)
    pixels = project(asset.result.reconstruction.cameras[0], own.vertices[chosen].astype(float))[0]
    width, height = face.frame.size
    shown = neck.sampled(face.frame.pixels, np.stack([pixels[:, 0] / width, 1 - pixels[:, 1] / height], axis=1))
    mine = neck.sampled(own.texture, neck.first_uvs(own, chosen))
    ratio = np.median(((shown + DIM) / (mine + DIM)) ** 2.2, axis=0)
    return np.clip(ratio, DARKEST, LIGHTEST)
