"""How fur lies on a head: away from the nose, back over the crown and down the neck."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.morphable.model import MorphableModel
from maquette.perception.pets.schemes import NOSE, SCHEME

BEHIND = 0.6  # of the way from the nose to the middle of the head, where the centre of the directions lies
NECK_END = 0.03  # lowest share of the skin: the end of the neck


def polar(points: NDArray, model: MorphableModel) -> tuple[NDArray, NDArray]:
    """Where points (N, 3) of the mean head lie around its axis: (N,) radians from it and around it.

    The axis runs from the end of the neck through the head and out at the brow, so that the place where all directions
    meet again is where the neck is cut. Fur runs along the first angle; neighbours across it differ in the second.
    """
    nose = model.embeddings[SCHEME].points(model.mean, model.faces)[NOSE].astype(float)
    skin = model.mean[model.part_vertices("skin")].astype(float)
    end = skin[skin[:, 1] <= np.quantile(skin[:, 1], NECK_END)].mean(axis=0)
    pole = nose + BEHIND * (skin.mean(axis=0) - nose)
    pole[0] = end[0] = 0.0  # a head is symmetric
    axis = (pole - end) / np.linalg.norm(pole - end)
    side = np.array([1.0, 0, 0])
    up = np.cross(axis, side)
    up /= np.linalg.norm(up)
    away = points - pole
    along, right, high = away @ axis, away @ side, away @ up
    return np.arctan2(np.hypot(right, high), along), np.arctan2(high, right)


def combed(vertices: NDArray, normals: NDArray, model: MorphableModel) -> NDArray:
    """(V, 3) unit: in which direction the fur at each vertex lies, along the skin.

    Args:
        vertices: (V, 3) metres; normals: (V, 3) unit, of a head of the model.
    """
    nose = model.embeddings[SCHEME].points(vertices, model.faces)[NOSE]
    away = vertices - nose + np.array([0.0, -0.15, 0.0]) * np.linalg.norm(vertices - nose, axis=1, keepdims=True)
    along = away - (away * normals).sum(axis=1, keepdims=True) * normals
    return along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
