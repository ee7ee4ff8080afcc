"""Colours of an animal's head where no photo shows it: mirrored where the other side is seen, carried on elsewhere."""

from __future__ import annotations

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from maquette.core.types import Mesh
from maquette.geometry.mesh import adjacency, vertex_normals
from maquette.morphable.model import MorphableModel
from maquette.texturing.pet.flow import combed
from maquette.texturing.projection import PointColours
from maquette.texturing.surface_fill import Filled, membrane_over

MIRRORED = 0.25  # confidence of what is mirrored
LEAST = 0.05  # trust from which a mirrored colour counts
GREY = np.array([128.0, 120, 112])
ACROSS, NARROW = 0.04, 3  # firmness of ties across the fur, against 1 along it; power of the cosine between
PATTERN = 0.35  # of what is mirrored against what the neighbourhood carries on


def fill_pet(model: MorphableModel, mesh: Mesh, toward: NDArray, seen: PointColours, through: PointColours) -> Filled:
    """Colours for every vertex; see `free_surface.Fill`.

    Args:
        model: whose mesh it is. mesh: metres, world.
        toward: not used. through: not used: an animal's back is not its front.
    """
    del toward, through
    vertices = mesh.vertices.astype(float)
    return carried_on(model, mesh, seen, combed(vertices, vertex_normals(vertices, mesh.faces), model))


def carried_on(model: MorphableModel, mesh: Mesh, seen: PointColours, lie: NDArray) -> Filled:
    """Colours for every vertex: mirrored, and carried on along the directions in which fur lies, (V, 3) unit."""
    skin = np.zeros(len(mesh.vertices), bool)
    skin[model.part_vertices("skin")] = True
    own = np.where(skin, seen.trust, 0).astype(float) ** 2
    if not own.any():
        plain = np.tile(GREY, (len(own), 1)).astype(np.float32)
        return Filled(plain, np.zeros(len(own), np.float32), GREY, GREY)
    other = own[model.mirror] * (1 - np.clip(own, 0, 1))
    weight = own + PATTERN * other
    total = seen.colours * own[:, None] + PATTERN * seen.colours[model.mirror] * other[:, None]
    mean = (seen.colours * own[:, None]).sum(axis=0) / own.sum()
    spread = membrane_over(_along_fur(mesh, lie), total, weight)
    guessed = np.where(seen.trust[model.mirror] > LEAST, MIRRORED * seen.trust[model.mirror], 0)
    return Filled(np.clip(spread, 0, 255).astype(np.float32), guessed.astype(np.float32), mean, mean)


def _along_fur(mesh: Mesh, lie: NDArray) -> scipy.sparse.csr_matrix:
    """(V, V) symmetric: how firmly neighbours are tied: a dark crown goes on down the neck, not into the cheeks."""
    vertices = mesh.vertices.astype(float)
    links = adjacency(mesh.faces, len(vertices)).tocoo()
    edge = vertices[links.row] - vertices[links.col]
    edge /= np.maximum(np.linalg.norm(edge, axis=1, keepdims=True), 1e-12)
    cosine = np.abs((edge * (lie[links.row] + lie[links.col])).sum(axis=1)) / 2
    return scipy.sparse.csr_matrix((ACROSS + cosine**NARROW, (links.row, links.col)), links.shape)
