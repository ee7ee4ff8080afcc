"""The head with about 84,000 triangles, a millimetre apart on the face: fine enough to carry its wrinkles as shape."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from maquette.core.types import Mesh, Reconstruction
from maquette.geometry.loop import Subdivision, subdivision
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.subdivision import edges_of
from maquette.morphable.model import MorphableModel
from maquette.morphable.refined.fine import refined_mesh, refined_model

WRINKLES = "wrinkles"  # a reconstruction's parameter: (N, S, S) metres at weight 1; with "_units", (N,) their names
FACE = 0.3  # of the region "face", from which edges are divided a second time


@lru_cache(maxsize=1)
def dense_steps(model: MorphableModel) -> tuple[Subdivision, Subdivision]:
    """Two steps of Loop's scheme: of all skin, then of the face."""
    count = len(model.mean)
    skin = np.zeros(count, bool)
    skin[model.part_vertices("skin")] = True
    edges, _, _ = edges_of(model.faces, count)
    first = subdivision(model.faces, count, skin[edges].all(axis=1))
    face = first.spread(model.regions["face"].astype(np.float32)) > FACE
    edges, _, _ = edges_of(first.faces, len(face))
    return first, subdivision(first.faces, len(face), face[edges].all(axis=1))


@lru_cache(maxsize=1)
def dense_model(model: MorphableModel) -> MorphableModel:
    """The model for the same weights, on the triangles of `dense_steps`; its first V vertices are the model's.

    Args:
        model: a head without a skeleton, with the region "face".
    """
    for step in dense_steps(model):
        model = refined_model(model, step)
    return model


def dense_reconstruction(made: Reconstruction, model: MorphableModel) -> Reconstruction:
    """A reconstruction of that model with its mesh refined and moved outwards by its `displacement_map`, if it has one.

    It then belongs to `dense_model(model)`, and has no normal map: what that shows is shape now. Motion is refined too.
    Wrinkles are added as far as the first photo's expression, or each frame's, makes them.
    """
    shape, motion = made.shape, made.motion
    for step in dense_steps(model):
        shape = refined_mesh(shape, step)
        motion = None if motion is None else step.refine(motion)
    if shape.displacement_map is not None:
        normals = vertex_normals(shape.vertices.astype(float), shape.faces)
        moves = (displacements(shape)[:, None] * normals).astype(np.float32)
        shape = replace(shape, vertices=shape.vertices + moves, displacement_map=None, normal_map=None)
        motion = None if motion is None else motion + moves
    if WRINKLES in made.parameters and made.expression is not None:
        names, moves = list(model.expression_names), wrinkle_moves(made, shape)
        weights = made.expression[:, [names.index(unit) for unit in moves]].astype(np.float32)
        each = np.tensordot(weights, np.stack(list(moves.values())), 1)
        shape = replace(shape, vertices=shape.vertices + each[0])
        motion = None if motion is None or len(motion) != len(each) else motion + each
    return replace(made, shape=shape, motion=motion)


def wrinkled_model(model: MorphableModel, made: Reconstruction, shape: Mesh) -> MorphableModel:
    """The model whose units fold the skin of this person, on whose mesh `shape` it is; itself without wrinkles."""
    if WRINKLES not in made.parameters:
        return model
    basis, names = model.expression_basis.copy(), list(model.expression_names)
    for unit, moves in wrinkle_moves(made, shape).items():
        basis[names.index(unit)] += moves / np.float32(made.scale)
    return replace(model, expression_basis=basis)


def wrinkle_moves(made: Reconstruction, shape: Mesh) -> dict[str, NDArray]:
    """Unit -> (V, 3) float32 metres that its wrinkles move the vertices of a mesh at weight 1."""
    normals = vertex_normals(shape.vertices.astype(float), shape.faces).astype(np.float32)
    maps = zip(made.parameters[f"{WRINKLES}_units"], made.parameters[WRINKLES])
    return {str(unit): displacements(shape, values.astype(np.float32))[:, None] * normals for unit, values in maps}


def displacements(mesh: Mesh, values: NDArray | None = None) -> NDArray:
    """(V,) float32 metres: what a map (H, W), or the mesh's displacement map, says at each vertex; the mean where
    charts meet."""
    values = mesh.displacement_map if values is None else values
    assert values is not None and mesh.uvs is not None, "asked of meshes with a map"
    height, width = values.shape
    column, row = (mesh.uvs * [width, -height] + [0, height] - 0.5).T
    found = map_coordinates(values, [row, column], order=1, mode="nearest")
    uv_faces = mesh.faces if mesh.uv_faces is None else mesh.uv_faces
    corners, count = mesh.faces.ravel(), len(mesh.vertices)
    total = np.bincount(corners, found[uv_faces.ravel()], count)
    return (total / np.maximum(np.bincount(corners, minlength=count), 1)).astype(np.float32)
