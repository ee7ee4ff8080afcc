"""A jaw that drops: the mouth opens as an oval, where the given unit leaves upright sides and a notch below."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve
from scipy.spatial import cKDTree

from maquette.geometry.mesh import adjacency

REACH_M = 0.022  # of the lips' rim: skin farther away keeps to the given unit
CORNER_M = 0.0018  # of the rim's end, within which it is a corner of the mouth
CORNER_KEPT = 0.35  # of the height over which a corner is drawn apart
OUTSIDE_M = 0.0002  # the oval's half width over that of the lips' rim


def rounded(mean: np.ndarray, unit: np.ndarray, faces: np.ndarray, skin: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """(V, 3) metres, the unit jawOpen with lips on an oval; skin around follows smoothly.

    Args:
        mean, unit: (V, 3) metres. faces: (F, 3) of the skin. skin: its vertices. rim: where it joins the mouth.
    """
    moved = np.zeros_like(unit)
    moved[rim] = on_oval(mean[rim], unit[rim])
    far = cKDTree(mean[rim]).query(mean)[0] > REACH_M
    free = np.setdiff1d(skin[~far[skin]], rim)
    joined = adjacency(faces, len(mean))
    laplacian = sp.eye(len(mean)) - sp.diags(1 / np.maximum(joined.sum(axis=1).A1, 1)) @ joined
    plate = (laplacian @ laplacian).tocsr()[free]
    moved[free] = spsolve(plate[:, free].tocsc(), -(plate @ moved))
    return unit + moved


def on_oval(rest: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """(N, 3) metres by which the unit moves the lips' rim (N, 3) too little or too far, along its own direction."""
    x, y = (rest + unit)[:, 0], (rest + unit)[:, 1]
    drop = -unit[:, 1]
    lower, corner = drop > drop.max() / 2, np.abs(rest[:, 0]) > np.abs(rest[:, 0]).max() - CORNER_M
    level = y[corner].mean()
    ends = np.where(lower, y[lower].min(), y[~lower].max())
    wide = np.abs(x).max() + OUTSIDE_M
    wanted = level + (ends - level) * np.sqrt(1 - (x / wide) ** 2)
    wanted[corner] = level + CORNER_KEPT * (y[corner] - level)
    return unit * ((y - wanted) / drop)[:, None]
