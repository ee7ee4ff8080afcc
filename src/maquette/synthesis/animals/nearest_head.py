"""The head of the linear model that comes nearest to a drawn one: what networks learn to read from a photograph."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from maquette.morphable import load
from maquette.morphable.model import MorphableModel
from maquette.morphable.pet import LANDMARKS, PET_MODELS
from maquette.reconstruction.pet_fit.shape_network import UNITS
from maquette.synthesis.animals import head_field
from maquette.synthesis.animals.head_shape import IOD_M, MOST_JAW, AnimalExpression, AnimalShape

ASKED = 500  # vertices of the skin that are laid onto the surface
ROUNDS = 5
OFF, APART = 0.05, 0.10  # eye distances: of a vertex from the surface, of a landmark from its own
LEAST_UNIT, MOST_UNIT = 0.0, 1.0
UNIT_SPREADS = (0.1, 0.5, 0.5, 0.5, 0.5, 0.1)  # of the units' weights, about what the expression says
MOST_BROW = 0.12  # eye distances that browUp lifts the brows
MOST = 3.0  # standard deviations of a coefficient


class NearestHead(NamedTuple):
    """Coefficients of a model, and how near they come.

    Attributes:
        identity: (K,) standard deviations. units: (6,) weights of UNITS.
        off: root mean square distance of the asked vertices from the drawn surface, eye distances.
    """

    identity: NDArray
    units: NDArray
    off: float


class _Asked(NamedTuple):
    mean: NDArray
    basis: NDArray


def nearest_head(species: str, shape: AnimalShape, expression: AnimalExpression, marks: NDArray) -> NearestHead:
    """Gauss-Newton on distances to the surface and between landmarks, with the coefficients' own prior.

    Args:
        species: whose model is laid onto the head.
        marks: (20, 3) the drawn head's landmarks, eye distances.
    """
    skin, points = _asked(species)
    modes = len(skin.basis) - len(UNITS)
    prior = np.concatenate([np.ones(modes), np.array(UNIT_SPREADS) ** -2.0])
    usual = np.zeros(len(skin.basis))
    usual[modes], usual[-1] = expression.jaw / MOST_JAW, max(expression.brow / MOST_BROW, 0.0)
    weights = usual
    distance = np.zeros(ASKED)
    for _ in range(ROUNDS):
        place = (skin.mean + np.tensordot(weights, skin.basis, 1)).astype(np.float32)
        slope = head_field.gradient(place, shape, expression).astype(float)
        size = np.maximum(np.linalg.norm(slope, axis=1), 0.2)
        distance = head_field.distance(place, shape, expression) / size
        rows = np.einsum("bnd,nd->nb", skin.basis, slope / size[:, None]) / OFF
        robust = np.sqrt(np.minimum(1, 2.5 * OFF / np.maximum(np.abs(distance), 1e-9)))
        apart = (points.mean + np.tensordot(weights, points.basis, 1) - marks) / APART
        left = np.concatenate([distance / OFF * robust, apart.ravel()])
        slopes = np.concatenate([rows * robust[:, None], points.basis.reshape(len(weights), -1).T / APART])
        normal = slopes.T @ slopes + np.diag(prior)
        weights = weights - np.linalg.solve(normal, slopes.T @ left + prior * (weights - usual))
        weights[:modes] = np.clip(weights[:modes], -MOST, MOST)
        weights[modes:] = np.clip(weights[modes:], LEAST_UNIT, MOST_UNIT)
    return NearestHead(weights[:modes], weights[modes:], float(np.sqrt((distance**2).mean())))


@lru_cache(maxsize=3)
def _asked(species: str) -> tuple[_Asked, _Asked]:
    """Mean and directions of some of the skin's vertices and of the landmarks, eye distances."""
    model: MorphableModel = load(PET_MODELS[species])
    units = [model.expression_names.index(name) for name in UNITS]
    basis = np.concatenate([model.identity_basis, model.expression_basis[units]]).astype(float) / IOD_M[species]
    mean = model.mean.astype(float) / IOD_M[species]
    lips = model.part_vertices("mouth")
    outer = np.setdiff1d(model.part_vertices("skin"), lips)
    chosen = np.sort(np.random.default_rng(0).choice(outer, ASKED, replace=False))
    embedding = model.embeddings[LANDMARKS]
    corners = basis[:, model.faces[embedding.faces]]
    marks = np.einsum("nk,bnkd->bnd", embedding.barycentric, corners)
    return (
        _Asked(mean[chosen], basis[:, chosen]),
        _Asked(embedding.points(mean, model.faces), marks),
    )
