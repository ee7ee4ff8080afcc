"""What no photo shows of a person: a shirt's back is like its front, a head's back is hair, the rest goes on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from numpy.typing import NDArray

from maquette.geometry.mesh import adjacency
from maquette.texturing.head.fill import DEFAULT_SKIN, MIRROR_CONFIDENCE
from maquette.texturing.person.guide import Guide
from maquette.texturing.person.hair import unlike_skin
from maquette.texturing.pyramid import smoothstep

# How firmly the fill holds to what is guessed, against 1 for what is seen.
THROUGH, TWIN, HAIR, SKIN = 0.6, 0.6, 0.3, 0.05
ACROSS, NARROW = 0.01, 4  # firmness of ties across the view, against 1 along it; power of the cosine between
STIFFNESS = 0.05  # of the membrane against what is seen
HAIR_BAND = (0.0, 0.3)  # behind the hairline, distances between the ears
ENOUGH = 12  # vertices whose colours make a colour of hair or skin
SEEN = 0.5
HAIRY = 0.15  # of what shows behind the hairline: so much unlike skin is hair
DARK = 0.4  # of the skin: hair that no photo shows
ROUNDS, PRECISION = 400, 2e-4


@dataclass(frozen=True, eq=False)
class Filled:
    """The fill.

    Attributes:
        colours: (V, 3) float32 8-bit sRGB, continued over the whole surface.
        guessed: (V,) float32 0-1: confidence of what is mirrored.
        skin, hair: (3,) this person's, 8-bit sRGB.
    """

    colours: NDArray
    guessed: NDArray
    skin: NDArray
    hair: NDArray


def fill(surface: tuple, guide: Guide, toward: NDArray, own: tuple, mirrored: tuple) -> Filled:
    """Colours for every vertex.

    Args:
        surface: (V, 3) vertices in metres, world, and (F, 3) faces.
        guide: of the same vertices.
        toward: (N, 3) unit: from the person to each camera, world.
        own, mirrored: each (V, 3) colours and (V,) 0-1: what the photos show, and what they show through the body.
    """
    colours, trust = own
    vertices, faces = surface
    behind = np.full(len(trust), -1.0) if guide.head is None else guide.head.hairy(vertices)
    skin = _skin(colours, trust, guide, behind)
    hair = guide.hair if guide.hair is not None else _hair(colours, trust * (guide.share > 0.6), behind, skin)
    total, weight = colours * trust[:, None] ** 2, trust**2
    twin = np.where(guide.twin >= 0, trust[np.maximum(guide.twin, 0)], 0) ** 2
    unknown = (1 - trust) * (1 - mirrored[1])
    scalp = guide.share * smoothstep(behind, *HAIR_BAND)
    layers = [
        (mirrored[0], THROUGH * (1 - trust) * mirrored[1]),
        (colours[np.maximum(guide.twin, 0)], TWIN * unknown * twin * (1 - scalp)),
        (hair, HAIR * (1 - trust) * scalp),
        (skin, SKIN * unknown * np.maximum(guide.share * (behind < 0), guide.hands)),
    ]
    for colour, share in layers:
        total = total + colour * share[:, None]
        weight = weight + share
    if not weight.any():
        return Filled(np.tile(skin, (len(trust), 1)).astype(np.float32), np.zeros(len(trust), np.float32), skin, hair)
    spread = membrane_over(along_view(vertices, faces, toward), total, weight)
    guess = np.maximum(mirrored[1], 0.75 * twin * (1 - scalp)) * (1 - trust)
    return Filled(
        np.clip(spread, 0, 255).astype(np.float32), (MIRROR_CONFIDENCE * guess).astype(np.float32), skin, hair
    )


def along_view(vertices: NDArray, faces: NDArray, toward: NDArray) -> scipy.sparse.csr_matrix:
    """(V, V) symmetric: how firmly neighbours are tied, edges along a view far more than those across.

    What a photo leaves out at its person's sides lies along its view: there a hem goes on around the body, and the
    trousers do not run into the shirt.
    """
    links = adjacency(faces, len(vertices)).tocoo()
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
        start = _coarse(links, total[:, channel], weight, mean[channel])
        out[:, channel] = scipy.sparse.linalg.cg(
            system, right[:, channel], x0=start, rtol=PRECISION, maxiter=ROUNDS, M=jacobi
        )[0]
    return out


def _coarse(links: scipy.sparse.csr_matrix, total: NDArray, weight: NDArray, mean: float) -> NDArray:
    """(V,) a first guess: known values carried outwards edge by edge."""
    value = np.where(weight > 0.01, total / np.maximum(weight, 1e-12), 0.0)
    known = (weight > 0.01).astype(float)
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


def _skin(colours: NDArray, trust: NDArray, guide: Guide, behind: NDArray) -> NDArray:
    """(3,) the person's skin: of the face, else of the hands, else anybody's."""
    face = _typical(colours, trust * (guide.share > 0.8) * (behind < -0.2))
    if face is None:
        face = _typical(colours, trust * (guide.hands > 0.9))
    return DEFAULT_SKIN if face is None else face


def _hair(colours: NDArray, trust: NDArray, behind: NDArray, skin: NDArray) -> NDArray:
    """(3,) the hair of a head by what is seen behind the hairline; the skin's where it is bald all over.

    A forehead reaches behind the model's hairline, and light lies on it: the median of all would be skin.
    """
    for least in (0.12, 0.0):
        zone = np.flatnonzero((trust > SEEN) & (behind > least))
        if len(zone) >= ENOUGH:
            unlike = unlike_skin(colours[zone], skin)
            return np.median(colours[zone[unlike] if unlike.sum() >= max(HAIRY * len(zone), ENOUGH) else zone], axis=0)
    return DARK * skin


def _typical(colours: NDArray, trust: NDArray) -> NDArray | None:
    """(3,) median of the colours that are seen; None if they are too few."""
    seen = trust > SEEN
    return np.median(colours[seen], axis=0) if seen.sum() >= ENOUGH else None
