"""Colours carried on over a surface from where photos show them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from numpy.typing import NDArray

from maquette.core.types import Mesh
from maquette.geometry.mesh import adjacency
from maquette.texturing.projection import PointColours

DEFAULT_SKIN = np.array([196.0, 158.0, 136.0])  # 8-bit sRGB
ACROSS, NARROW = 0.01, 4  # firmness of ties across the view, against 1 along it; power of the cosine between
STIFFNESS = 0.05  # of the membrane against what is seen
ROUNDS, PRECISION = 400, 2e-4  # of the conjugate gradients
KNOWN = 0.01  # weight from which a first guess starts


@dataclass(frozen=True, eq=False)
class Filled:
    """The fill.

    Attributes:
        colours: (V, 3) float32 8-bit sRGB, continued over the whole surface.
        guessed: (V,) float32 0-1: confidence of what is mirrored.
        skin, hair: (3,) the subject's, 8-bit sRGB.
    """

    colours: NDArray
    guessed: NDArray
    skin: NDArray
    hair: NDArray


def fill_evenly(mesh: Mesh, toward: NDArray, seen: PointColours, through: PointColours) -> Filled:
    """Colours for every vertex of a surface of which nothing else is known: what is seen goes on.

    Args:
        mesh: metres, world.
        toward: (N, 3) unit: from the subject to each camera, world.
        seen: what the photos show at the vertices. through: what they show through the subject; not used.
    """
    del through
    weight = seen.trust**2
    nothing = np.zeros(len(weight), np.float32)
    if not weight.any():
        plain = np.tile(DEFAULT_SKIN, (len(weight), 1)).astype(np.float32)
        return Filled(plain, nothing, DEFAULT_SKIN, DEFAULT_SKIN)
    mean = (seen.colours * weight[:, None]).sum(axis=0) / weight.sum()
    spread = membrane_over(along_view(mesh, toward), seen.colours * weight[:, None], weight)
    return Filled(np.clip(spread, 0, 255).astype(np.float32), nothing, mean, mean)


def along_view(mesh: Mesh, toward: NDArray) -> scipy.sparse.csr_matrix:
    """(V, V) symmetric: how firmly neighbours are tied, edges along a view far more than those across.

    What a photo leaves out at its subject's sides lies along its view: there a hem goes on around the body, and the
    trousers do not run into the shirt.
    """
    vertices = mesh.vertices.astype(float)
    links = adjacency(mesh.faces, len(vertices)).tocoo()
    edge = vertices[links.row] - vertices[links.col]
    edge /= np.maximum(np.linalg.norm(edge, axis=1, keepdims=True), 1e-12)
    along = np.abs(edge @ toward.T).max(axis=1) ** NARROW
    return scipy.sparse.csr_matrix((ACROSS + along, (links.row, links.col)), links.shape)


def membrane_over(links: scipy.sparse.csr_matrix, total: NDArray, weight: NDArray) -> NDArray:
    """(V, C): values that keep to what is known and are as even as can be over the mesh elsewhere.

    Least squares with a term for each edge, by conjugate gradients.

    Args:
        links: (V, V) symmetric, how firmly neighbours are tied.
        total: (V, C) known values times their weights. weight: (V,) 0 where nothing is known.
    """
    degree = np.asarray(links.sum(axis=1)).ravel()
    diagonal = weight + STIFFNESS * degree
    # What no edge ties to anything known takes the mean.
    loose = diagonal <= 0
    mean = total.sum(axis=0) / weight.sum()
    diagonal = np.where(loose, 1.0, diagonal) + 1e-9
    system = scipy.sparse.diags(diagonal) - STIFFNESS * links
    right = total + 1e-9 * mean + loose[:, None] * mean
    out = np.empty_like(total)
    jacobi = scipy.sparse.diags(1 / diagonal)
    for channel in range(total.shape[1]):
        start = _first_guess(links, total[:, channel], weight, mean[channel])
        out[:, channel] = scipy.sparse.linalg.cg(
            system, right[:, channel], x0=start, rtol=PRECISION, maxiter=ROUNDS, M=jacobi
        )[0]
    return out


def _first_guess(links: scipy.sparse.csr_matrix, total: NDArray, weight: NDArray, mean: float) -> NDArray:
    """(V,) known values carried outwards edge by edge."""
    value = np.where(weight > KNOWN, total / np.maximum(weight, 1e-12), 0.0)
    known = (weight > KNOWN).astype(float)
    for _ in range(200):
        if known.all():
            break
        reach = links @ known
        fresh = (known == 0) & (reach > 0)
        if not fresh.any():
            break
        value[fresh] = (links @ (value * known))[fresh] / reach[fresh]
        known[fresh] = 1
    return np.where(known > 0, value, mean)
