"""The head once more with more triangles: the same mean, modes and units, smoother between the vertices."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Mesh, Reconstruction
from maquette.geometry.loop import Subdivision, subdivision
from maquette.geometry.subdivision import edges_of
from maquette.morphable.model import Embedding, MorphableModel

# Moves of vertices, all units together, that a fine head may have: each costs 14 bytes of morph targets, and as much
# again for its normal. So a GLB stays below 4 MB; with all edges split it has 21,000 vertices and 7.3 MB.
MOST_MOVES = 91_000
STILL_M = 1e-4  # what a unit moves less stands still, in files too
INSIDE = ("mouth", "teeth", "tongue")  # parts whose corners nobody sees
SMOOTHED = 4  # times


@lru_cache(maxsize=2)
def subdivision_of(model: MorphableModel) -> Subdivision:
    """Loop's scheme on the triangles of a model, where it shows and what it costs is little: see MOST_MOVES.

    Of the edges outside, those that no unit moves are split, and of the others those where edges are longest: by areas,
    for a surface that is split here and there is bumpy.
    """
    count = len(model.mean)
    edges, _, _ = edges_of(model.faces, count)
    moved = (np.abs(model.expression_basis) > STILL_M).any(axis=2)
    cost = moved[:, edges].any(axis=2).sum(axis=0)
    outside = np.zeros(count, bool)
    for name in model.parts:
        if name not in INSIDE:
            outside[model.part_vertices(name)] = True
    length = _edge_length(model, edges)[edges].mean(axis=1).round(5)
    worth = np.where(outside[edges].all(axis=1), np.where(cost == 0, np.inf, length), 0)
    order = np.argsort(-worth, kind="stable")
    too_much = (moved.sum() + np.cumsum(cost[order]) > MOST_MOVES) & (cost[order] > 0)
    return subdivision(model.faces, count, worth > worth[order][too_much].max(initial=0.0))


def _edge_length(model: MorphableModel, edges: NDArray) -> NDArray:
    """(V,) metres: how long the edges around each vertex of the mean are."""
    ends, length = edges.ravel(), np.linalg.norm(np.diff(model.mean[edges].astype(float), axis=1)[:, 0], axis=1)
    uses = np.maximum(np.bincount(ends, minlength=len(model.mean)), 1)
    around = np.bincount(ends, np.repeat(length, 2), len(model.mean)) / uses
    for _ in range(SMOOTHED):
        around = (around + np.bincount(ends, around[edges[:, ::-1]].ravel(), len(model.mean)) / uses) / 2
    return around


@lru_cache(maxsize=2)
def fine_model(model: MorphableModel) -> MorphableModel:
    """A model of W = V + E vertices, whose vertices are those of the given one, refined, for the same weights.

    Its name is the same, and so are its first V vertices, but for the tenth of a millimetre that smoothing moves them.

    Args:
        model: without a skeleton.

    Raises:
        ValueError: it has one.
    """
    if model.rig is not None:
        raise ValueError(f"{model.name}: wanted a model without a skeleton")
    return refined_model(model, subdivision_of(model))


def refined_model(model: MorphableModel, finer: Subdivision) -> MorphableModel:
    """The model with its triangles divided, for the same weights; without a skeleton."""
    uvs, uv_faces = finer.spread_uvs(model.uvs, model.uv_faces)
    mean = finer.refine(model.mean.astype(np.float64)).astype(np.float32)
    return replace(
        model,
        mean=mean,
        identity_basis=finer.refine(model.identity_basis),
        expression_basis=finer.refine(model.expression_basis),
        faces=finer.faces,
        uvs=uvs,
        uv_faces=uv_faces,
        mirror=_mirror(model, finer, mean),
        parts={name: finer.pieces(faces) for name, faces in model.parts.items()},
        regions={name: finer.spread(mask) for name, mask in model.regions.items()},
        embeddings={
            name: Embedding(*finer.placed(points.faces, points.barycentric))
            for name, points in model.embeddings.items()
        },
    )


def sized(model: MorphableModel, count: int) -> MorphableModel | None:
    """The model or its finer twin, whichever has that many vertices; None if neither has."""
    if count == len(model.mean):
        return model
    return fine_model(model) if count == len(model.mean) + len(subdivision_of(model).edges) else None


def fine_mesh(mesh: Mesh, model: MorphableModel) -> Mesh:
    """A mesh of the model's triangles, refined; its textures are the same, colours are interpolated."""
    return refined_mesh(mesh, subdivision_of(model))


def refined_mesh(mesh: Mesh, finer: Subdivision) -> Mesh:
    """A mesh with its triangles divided; its textures are the same, colours are interpolated."""
    uvs, uv_faces = mesh.uvs, mesh.uv_faces
    if uvs is not None and uv_faces is not None:
        uvs, uv_faces = finer.spread_uvs(uvs, uv_faces)
    return replace(
        mesh,
        vertices=finer.refine(mesh.vertices.astype(np.float64)).astype(np.float32),
        faces=finer.faces,
        uvs=uvs,
        uv_faces=uv_faces,
        vertex_colors=None if mesh.vertex_colors is None else finer.spread(mesh.vertex_colors),
    )


def fine_reconstruction(made: Reconstruction, model: MorphableModel) -> Reconstruction:
    """A reconstruction of that model with its mesh, and its motion, refined; it then belongs to `fine_model(model)`."""
    motion = None if made.motion is None else subdivision_of(model).refine(made.motion)
    return replace(made, shape=fine_mesh(made.shape, model), motion=motion)


def _mirror(model: MorphableModel, finer: Subdivision, mean: NDArray) -> NDArray:
    """(W,) the vertex on the other side: by the edges' ends, or by place where triangles are cut another way there."""
    from scipy.spatial import cKDTree

    span = len(model.mean)
    keys = finer.edges[:, 0].astype(np.int64) * span + finer.edges[:, 1]
    wanted = np.sort(model.mirror[finer.edges], axis=1).astype(np.int64) @ [span, 1]
    other = span + np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    lost = keys[other - span] != wanted
    other[lost] = cKDTree(mean).query(mean[span:][lost] * [-1, 1, 1])[1]
    return np.concatenate([model.mirror, other]).astype(model.mirror.dtype)
