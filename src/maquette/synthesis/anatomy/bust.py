"""Neck, shoulders and chest that belong to a head, and the turn of the head on the neck."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maquette.geometry.mesh import adjacency, vertex_normals
from maquette.morphable import MorphableModel
from maquette.synthesis.anatomy.population import load_population
from maquette.synthesis.types import Identity
from maquette.texturing.images import smoothstep

JOIN_M = 0.07  # over this length below the rim the neck bends to meet the head
OPEN_SHARE = 0.7  # of the spread that the head does not determine; all of it gives odd couples of head and body
NECK_TOP_M, NECK_BOTTOM_M = 0.0, 0.095  # distance from the rim where the turn begins and is complete
NECK_BACK_M = 0.025  # the neck turns about the spine, behind the middle of the rim


@dataclass(frozen=True, eq=False)
class Bust:
    """A bust with the head turned on it, ready to be dressed.

    Attributes:
        vertices: (n, 3) float32 metres, in the head's frame.
        normals: (n, 3) unit.
        faces: (F, 3) int32.
        turn: (3, 3) rotation of the shoulders against the head.
        scale: size of the head against the model's.
        canonical: (n, 3) the same vertices on the average bust, where garments are cut.
        chart: (n, 2) metres, u to the left and v up along the surface.
        arm: (n,) 0 on the trunk to 1 on the arms.
        neck_distance: (n,) metres from the neck's rim on the average bust.
        head_neck: (m, 6) points and normals of the head's own part of the neck, which collars keep clear of.
    """

    vertices: NDArray
    normals: NDArray
    faces: NDArray
    turn: NDArray
    scale: float
    canonical: NDArray
    chart: NDArray
    arm: NDArray
    neck_distance: NDArray
    head_neck: NDArray


def features(coefficients: NDArray, age: ArrayLike, gender: ArrayLike, weight: ArrayLike, ancestry: NDArray) -> NDArray:
    """(N, K + 8) what a bust is regressed on: the head's coefficients (N, K), and age in years, gender, weight (N,)."""
    years, man, heavy = (np.asarray(values, float) for values in (age, gender, weight))
    youth = np.clip((16 - years) / 12, 0, 1)
    old = np.clip((years - 50) / 40, 0, 1)
    columns = [np.ones_like(years), man - 0.5, heavy - 0.5, youth, old, (man - 0.5) * (1 - youth)]
    return np.concatenate([np.stack(columns, axis=1), ancestry[:, :2] - 1 / 3, coefficients], axis=1)


@lru_cache(maxsize=1)
def _stored() -> dict[str, NDArray]:
    stored = {k.removeprefix("bust."): v for k, v in load_population().items() if k.startswith("bust.")}
    floats = {k: v.astype(np.float32) for k, v in stored.items() if k not in ("faces", "rim")}
    whole = {k: stored[k].astype(np.int32) for k in ("faces", "rim")}
    own = whole["rim"][0]
    # Each vertex follows the four nearest vertices of the rim, the nearest most.
    apart = np.linalg.norm(floats["mean"][:, None] - floats["mean"][own][None], axis=2)
    near = np.argsort(apart, axis=1)[:, :4]
    weight = 1 / (np.take_along_axis(apart, near, axis=1) + 1e-4) ** 2
    follow = np.zeros_like(apart)
    np.put_along_axis(follow, near, weight / weight.sum(axis=1, keepdims=True), axis=1)
    graph = adjacency(whole["faces"], len(floats["arm"]))
    for _ in range(4):
        floats["arm"] = (graph @ floats["arm"] / np.asarray(graph.sum(axis=1)).ravel()).astype(np.float32)
    reach = smoothstep(1 - floats["neck_distance"] / JOIN_M, 0, 1)
    return floats | whole | {"follow": (follow * reach[:, None]).astype(np.float32)}


def rim() -> NDArray:
    """(R,) int32: the vertices of the shipped head on the neck's rim, in the order of `spread_colors`."""
    return _stored()["rim"][1]


def spread_colors(skin_color: NDArray) -> NDArray:
    """(n, 3) float32 linear RGB of a bust whose rim has a colour (3,), or (R, 3): they fade into their mean."""
    stored = _stored()
    color = np.broadcast_to(np.asarray(skin_color, np.float32), (len(stored["rim"][0]), 3))
    mean = color.mean(axis=0)
    return (mean + stored["follow"] @ (color - mean)).astype(np.float32)


def bust_shape(identity: Identity, rng: np.random.Generator) -> NDArray:
    """(n, 3) float32 metres: the bust of somebody who looks straight ahead, before it is joined to the head."""
    stored = _stored()
    who = features(
        identity.coefficients[None], [identity.age], [identity.gender], [identity.weight], identity.ancestry[None]
    )
    scores = who[0] @ stored["regression"] + OPEN_SHARE * (stored["open"] @ rng.normal(size=len(stored["open"])))
    shape = stored["mean"] + np.tensordot(scores.astype(np.float32), stored["modes"], 1)
    return (identity.scale * shape).astype(np.float32)


def rotation(neck_turn: tuple[float, float, float]) -> NDArray:
    """(3, 3) of a head turned by yaw (to its left), pitch (down) and roll (its crown to its left), radians."""
    from scipy.spatial.transform import Rotation

    yaw, pitch, roll = neck_turn
    return Rotation.from_euler("YXZ", [yaw, pitch, -roll]).as_matrix()


def turn_bust(vertices: NDArray, share: NDArray, pivot: NDArray, neck_turn: tuple[float, float, float]) -> NDArray:
    """(n, 3): the bust turned against the head, each vertex (share 0-1) by its part of the way round one axis."""
    from scipy.spatial.transform import Rotation

    whole = Rotation.from_matrix(rotation(neck_turn).T).as_rotvec()
    angle = np.linalg.norm(whole)
    if angle < 1e-9:
        return vertices
    axis, away = whole / angle, vertices - pivot
    part = (share * angle)[:, None]
    # Rodrigues' formula, one angle per vertex.
    beside = away @ np.cross(np.eye(3), axis).T  # axis x away
    turned = away * np.cos(part) + beside * np.sin(part)
    turned = turned + axis * (away @ axis)[:, None] * (1 - np.cos(part))
    return (pivot + turned).astype(np.float32)


def make_bust(
    model: MorphableModel,
    head_vertices: NDArray,
    identity: Identity,
    rng: np.random.Generator,
    neck_turn: tuple[float, float, float],
) -> Bust:
    """The bust of a head: shaped, joined to the neck's rim, turned.

    Args:
        model: the head model that the population was made for.
        head_vertices: (V, 3) metres, already of the identity's scale.
        neck_turn: yaw, pitch, roll in radians of the head against the bust: positive turns it to its left, down, and
            leans its crown to its left. The head stays where it is; the bust turns the other way.
    """
    stored = _stored()
    own, theirs = stored["rim"]
    vertices = bust_shape(identity, rng)
    gap = head_vertices[theirs] - vertices[own]
    vertices = vertices + stored["follow"] @ gap.astype(np.float32)
    share = smoothstep((stored["neck_distance"] - NECK_TOP_M) / (NECK_BOTTOM_M - NECK_TOP_M), 0, 1)
    pivot = vertices[own].mean(axis=0) + identity.scale * np.array([0, -0.03, -NECK_BACK_M])
    vertices = turn_bust(vertices, share, pivot, neck_turn).astype(np.float32)
    vertices[own] = head_vertices[theirs]
    return Bust(
        vertices=vertices,
        normals=vertex_normals(vertices, stored["faces"]),
        faces=stored["faces"],
        turn=rotation(neck_turn).T,
        scale=identity.scale,
        canonical=stored["mean"],
        chart=stored["chart"],
        arm=stored["arm"],
        neck_distance=stored["neck_distance"],
        head_neck=_head_neck(model, head_vertices),
    )


def _head_neck(model: MorphableModel, head_vertices: NDArray) -> NDArray:
    """(m, 6) vertices and normals of the head within 5 cm of the rim, without ears."""
    faces, used = _neck_faces(model)
    points = head_vertices[used]
    return np.concatenate([points, vertex_normals(points, faces)], axis=1).astype(np.float32)


@lru_cache(maxsize=2)
def _neck_faces(model: MorphableModel) -> tuple[NDArray, NDArray]:
    mean, loop = model.mean, model.mean[rim()]
    near = np.zeros(len(mean), bool)
    for start in range(0, len(mean), 500):
        apart = np.linalg.norm(mean[start : start + 500, None] - loop[None], axis=2)
        near[start : start + 500] = apart.min(axis=1) < 0.05
    near &= model.regions["ears"] < 0.2
    skin = model.faces[model.parts["skin"]]
    faces = skin[near[skin].all(axis=1)]
    used, index = np.unique(faces, return_inverse=True)
    return index.reshape(-1, 3), used
