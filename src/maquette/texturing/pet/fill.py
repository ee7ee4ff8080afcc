"""Colours of an animal's head where no photo shows it: mirrored where the other side is seen, carried on elsewhere."""

from __future__ import annotations

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy import ndimage

from maquette.core.types import Mesh
from maquette.geometry.mesh import adjacency, vertex_normals
from maquette.morphable.model import MorphableModel
from maquette.texturing.images import smoothstep
from maquette.texturing.pet.flow import combed, polar
from maquette.texturing.projection import PointColours
from maquette.texturing.surface_fill import Filled, membrane_over

MIRRORED = 0.25  # confidence of what is mirrored
LEAST = 0.05  # trust from which a mirrored colour counts
GREY = np.array([128.0, 120, 112])
ACROSS, NARROW = 0.04, 3  # firmness of ties across the fur, against 1 along it; power of the cosine between
PATTERN = 0.35  # of what is mirrored against what the neighbourhood carries on
WAYS, EVEN = 96, 5.0  # directions around the head's axis, and over how many of them the coat's colour is even
LAST = 0.3  # radians beside the photo's end whose colour goes on beyond it
INWARD = 0.15  # of them: at the very end the background shines into the fur
BEYOND, FIRM = (0.1, 0.5), 0.06  # radians from there to where it holds, and how firmly


def fill_pet(model: MorphableModel, mesh: Mesh, toward: NDArray, seen: PointColours, through: PointColours) -> Filled:
    """Colours for every vertex; see `free_surface.Fill`.

    Args:
        model: whose mesh it is. mesh: metres, world.
        toward: not used. through: not used: an animal's back is not its front.
    """
    del toward, through
    vertices = mesh.vertices.astype(float)
    return carried_on(model, mesh, seen, combed(vertices, vertex_normals(vertices, mesh.faces), model), ends=True)


def carried_on(model: MorphableModel, mesh: Mesh, seen: PointColours, lie: NDArray, ends: bool = False) -> Filled:
    """Colours for every vertex: mirrored, and carried on along the directions in which fur lies, (V, 3) unit.

    Args:
        ends: a head's coat is, beyond the photo's end, what it is at that end.
    """
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
    if ends:
        guide, firm = _beyond_ends(model, total, weight, skin)
        total, weight = total + firm[:, None] * guide, weight + firm
    spread = membrane_over(_along_fur(mesh, lie), total, weight)
    guessed = np.where(seen.trust[model.mirror] > LEAST, MIRRORED * seen.trust[model.mirror], 0)
    return Filled(np.clip(spread, 0, 255).astype(np.float32), guessed.astype(np.float32), mean, mean)


def _beyond_ends(model: MorphableModel, total: NDArray, weight: NDArray, skin: NDArray) -> tuple[NDArray, NDArray]:
    """(V, 3) the colour at the photo's end in each vertex's direction, and how firmly it holds there, (V,).

    What lies beyond the end is what lies at it: a black crown goes on as a black neck, a white chin as a white throat,
    and no single hair as a streak.
    """
    along, around = polar(model.mean.astype(float), model)
    coat = skin * (1 - np.clip(2 * model.regions["ears"] + model.regions["nose_pad"], 0, 1))
    column = np.floor((around / (2 * np.pi) + 0.5) * WAYS).astype(int) % WAYS
    known = coat * np.clip(weight, 0, 1)
    end = np.zeros(WAYS)
    np.maximum.at(end, column[known > LEAST], along[known > LEAST])
    end = ndimage.median_filter(end, 5, mode="wrap")
    share = known * np.exp(-(((end[column] - INWARD - along) / LAST) ** 2))
    mean = total / np.maximum(weight, 1e-9)[:, None]
    sums = [np.bincount(column, share * value, WAYS) for value in (*mean.T, np.ones(len(mean)))]
    even = ndimage.gaussian_filter1d(np.array(sums), EVEN, axis=1, mode="wrap")
    wide = ndimage.gaussian_filter1d(np.array(sums), 4 * EVEN, axis=1, mode="wrap") + 1e-9 * even.sum(axis=1)[:, None]
    blended = even + 0.05 * wide
    at = (around / (2 * np.pi) + 0.5) * WAYS - 0.5
    centres, smooth = np.arange(WAYS), blended[:3] / np.maximum(blended[3], 1e-12)
    guide = np.column_stack([np.interp(at, centres, channel, period=WAYS) for channel in smooth])
    ends = np.interp(at, centres, end, period=WAYS)
    return guide, FIRM * coat * (1 - np.clip(weight, 0, 1)) * smoothstep(along - ends, *BEYOND)


def _along_fur(mesh: Mesh, lie: NDArray) -> scipy.sparse.csr_matrix:
    """(V, V) symmetric: how firmly neighbours are tied: a dark crown goes on down the neck, not into the cheeks."""
    vertices = mesh.vertices.astype(float)
    links = adjacency(mesh.faces, len(vertices)).tocoo()
    edge = vertices[links.row] - vertices[links.col]
    edge /= np.maximum(np.linalg.norm(edge, axis=1, keepdims=True), 1e-12)
    cosine = np.abs((edge * (lie[links.row] + lie[links.col])).sum(axis=1)) / 2
    return scipy.sparse.csr_matrix((ACROSS + cosine**NARROW, (links.row, links.col)), links.shape)
