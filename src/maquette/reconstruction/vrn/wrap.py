"""The fitted head is laid onto the surface of the volume: what the coefficients cannot say, smoothly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from maquette.core.types import Volume
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.surfaces.isosurface import logits_of
from maquette.morphable import MorphableModel
from maquette.reconstruction.face_fit.registration import RIGID, STILL, squared_distances

REACH_M = 0.012  # smoothness of the field
FAR_M, STEP_M = 0.008, 0.0005  # how far along the normal the surface is looked for, and in what steps
DOUBT = 1e7  # weight of "no movement" against the vertices around, for each square metre of the surface's variance


def wrap(model: MorphableModel, vertices: NDArray, volume: Volume, error: float) -> NDArray:
    """(V, 3) float32 metres to add to the vertices of the face so that they lie on the surface.

    Args:
        vertices: (V, 3) model metres, the frame of the volume.
        volume: occupancy; points without a surface near them do not pull.
        error: metres that its surface is usually wrong by: a surer one pulls more.
    """
    vertices = np.asarray(vertices, float)
    normals = vertex_normals(vertices, model.faces)
    inner = np.isin(np.arange(len(vertices)), model.part_vertices("mouth"))
    share = model.regions["face"]
    asked = np.flatnonzero((share > 0.5) & (model.regions["nostrils"] < 0.3) & ~inner)
    steps = np.arange(-FAR_M, FAR_M + STEP_M / 2, STEP_M)
    points = vertices[asked, None] + steps[:, None] * normals[asked, None]
    inverse = np.linalg.inv(volume.grid_to_world)
    index = points @ inverse[:3, :3].T + inverse[:3, 3]
    logits = map_coordinates(logits_of(volume.values), index.reshape(-1, 3).T, order=1, mode="nearest")
    offset, found = nearest_crossing(logits.reshape(len(asked), -1), steps)
    weight = found * share[asked]
    # Nostrils, lids and lips, which are not asked, go along with the skin around them.
    moved = np.flatnonzero((share > 0.5) | inner)
    near = np.exp(-squared_distances(vertices[moved], vertices[asked]) / (2 * REACH_M**2)) * weight
    smooth = near @ (offset[:, None] * normals[asked]) / (near.sum(axis=1, keepdims=True) + DOUBT * error**2)
    field = np.zeros_like(vertices)
    field[moved] = np.where(inner[moved], 1.0, np.clip((share[moved] - 0.5) / 0.4, 0, 1))[:, None] * smooth
    for part in (*RIGID, *STILL):
        used = model.part_vertices(part)
        around = np.exp(-squared_distances(vertices[used].mean(axis=0)[None], vertices[moved]) / (2 * REACH_M**2))
        field[used] = around @ field[moved] / max(around.sum(), 1e-12)
    return field.astype(np.float32)


def nearest_crossing(logits: NDArray, steps: NDArray) -> tuple[NDArray, NDArray]:
    """Where log-odds (N, S) along outward rays fall through zero, nearest to step 0: (N,) and whether there is one.

    Args:
        steps: (S,) rising places of the samples.
    """
    inside, outside = logits[:, :-1], logits[:, 1:]
    falls = (inside > 0) & (outside <= 0)
    share = np.divide(inside, inside - outside, out=np.zeros_like(inside), where=falls)
    at = np.where(falls, steps[:-1] + share * (steps[1:] - steps[:-1]), np.inf)
    best = np.abs(at).argmin(axis=1)
    found = np.asarray(falls.any(axis=1))
    return np.where(found, at[np.arange(len(at)), best], 0.0), found
