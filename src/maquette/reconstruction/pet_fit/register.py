"""After the fit: the mesh moved smoothly across the view, so that outline and landmarks lie where the photo has them.

A linear model has no tipped ear, no fluffy cheek; what is left of them is small and smooth, and a photo cannot tell at
which depth it belongs, so that depths stay (a thin plate on the mesh: Botsch and Sorkine, 2008, section 3).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from maquette.geometry.mesh import adjacency
from maquette.morphable.model import SIDES, MorphableModel
from maquette.perception.pets.schemes import SCHEME
from maquette.reconstruction.pet_fit.outline import matched, outermost, rim_of, silhouette
from maquette.reconstruction.pet_fit.state import PetPose, View, projected

ROUNDS = 3
STIFF = 3.0  # of the plate, for edges of one; bending costs this much more than a landmark that misses by one
STAY = 0.02  # firmness with which each vertex stays where it was
LANDMARK, OUTLINE = 1.0, 0.35  # firmness of a landmark of the least sigma, and of a point of the outline
MOST = 0.3  # eye distances that anything moves


def registered(vertices: NDArray, model: MorphableModel, pose: PetPose, view: View, sigma_least: float) -> NDArray:
    """(V, 3) float64 metres: the head moved across the view onto one photo's landmarks and outline.

    Args:
        vertices: (V, 3) metres, as fitted.
        sigma_least: the least of the landmarks' sigmas, pixels.
    """
    plate = _Plate(model, len(vertices))
    embedding, skin = model.embeddings[SCHEME], model.faces[model.parts["skin"]]
    points = embedding.points(vertices, model.faces)
    start, camera = projected(vertices, pose, view)
    marks = projected(points, pose, view)[0]
    firm = LANDMARK * (sigma_least / view.sigma) ** 2
    rows = _interpolation(embedding.barycentric, model.faces[embedding.faces], len(vertices))
    moved = start
    for _ in range(ROUNDS):
        rim, directions = rim_of(moved, skin)
        outer = outermost(moved, rim, directions, silhouette(moved, skin, view.size))
        rim, directions = rim[outer], directions[outer]
        place, good = matched(view.outline, view.normals, moved[rim], directions, view.unit)
        used = rim[place[good]]
        pull = scipy.sparse.csr_matrix(
            (np.full(len(used), 1.0), (np.arange(len(used)), used)), shape=(len(used), len(vertices))
        )
        across = ((view.outline[good] - start[used]) * view.normals[good]).sum(axis=1)[:, None] * view.normals[good]
        steps = plate.solved([(rows, view.landmarks - marks, firm), (pull, across, np.full(len(used), OUTLINE))])
        length = np.linalg.norm(steps, axis=1, keepdims=True)
        limit = MOST * view.unit
        moved = start + steps * limit * np.tanh(length / limit) / np.maximum(length, 1e-9)
    moved = _eyes_whole(moved, start, model)
    shift = np.column_stack([(moved - start) * camera[:, 2:] / view.focal, np.zeros(len(vertices))])
    return vertices + shift @ pose.rotation


def _interpolation(weights: NDArray, corners: NDArray, count: int) -> scipy.sparse.csr_matrix:
    """(n, V): points inside triangles from the values of vertices."""
    rows = np.repeat(np.arange(len(corners)), 3)
    return scipy.sparse.csr_matrix((weights.ravel(), (rows, corners.ravel())), shape=(len(corners), count))


class _Plate:
    """A mesh that bends reluctantly; loose parts (teeth, tongue) hang on the skin nearest to them."""

    def __init__(self, model: MorphableModel, count: int) -> None:
        links = adjacency(model.faces, count).astype(float)
        links.data[:] = 1.0
        links = (links + _ties(model, count)).tocsr()
        degree = np.asarray(links.sum(axis=1)).ravel()
        laplace = scipy.sparse.identity(count) - scipy.sparse.diags(1 / np.maximum(degree, 1e-9)) @ links
        self.bend = STIFF * (laplace.T @ laplace) + STAY**2 * scipy.sparse.identity(count)

    def solved(self, pulls: list[tuple[scipy.sparse.csr_matrix, NDArray, NDArray]]) -> NDArray:
        """(V, 2) steps for pulls (matrix (n, V), wanted (n, 2), firmness (n,))."""
        matrix, right = self.bend, np.zeros((self.bend.shape[0], 2))
        for rows, wanted, firm in pulls:
            weighted = rows.T @ scipy.sparse.diags(firm)
            matrix = matrix + weighted @ rows
            right += weighted @ wanted
        # Symmetric: an order for both sides, and no pivots beside the diagonal (SuperLU's guide, section 2.4).
        factor = scipy.sparse.linalg.splu(
            matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )
        return np.asarray(factor.solve(right))


def _ties(model: MorphableModel, count: int) -> scipy.sparse.csr_matrix:
    """(V, V) links from vertices of parts that do not join the skin to the skin's nearest vertex."""
    skin = model.part_vertices("skin")
    tree = cKDTree(model.mean[skin])
    rows: list[NDArray] = []
    columns: list[NDArray] = []
    for name in model.parts:
        if name == "skin":
            continue
        loose = np.setdiff1d(model.part_vertices(name), skin)
        rows.append(loose)
        columns.append(skin[tree.query(model.mean[loose])[1]])
    row, column = np.concatenate(rows), np.concatenate(columns)
    half = scipy.sparse.coo_matrix((np.ones(len(row)), (row, column)), shape=(count, count))
    return (half + half.T).tocsr()


def _eyes_whole(moved: NDArray, start: NDArray, model: MorphableModel) -> NDArray:
    """Pixels (V, 2) with eyeballs that are shifted, not bent."""
    out = moved.copy()
    for side in SIDES:
        ball = model.part_vertices(f"eye{side}")
        out[ball] = start[ball] + (moved[ball] - start[ball]).mean(axis=0)
    return out
