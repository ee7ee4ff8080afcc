"""A seamless UV layout of the skin: one chart, the neck's rim on the border of a rectangle.

Tutte's embedding with mean value weights (Floater 2003) is free of flips; an L-BFGS descent of the symmetric Dirichlet
energy (Smith and Schaefer 2015) towards a wanted texel density then lowers the distortion, keeping it free of flips.
The layout is symmetric in u, so the texture of one half is the mirrored texture of the other.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from scipy.optimize import minimize
from scipy.sparse.linalg import spsolve

from maquette.geometry.mesh import boundary_loops


def mean_value_weights(vertices: np.ndarray, faces: np.ndarray) -> sp.csr_matrix:
    """(V, V) Floater's weights, not normalised."""
    rows, columns, values = [], [], []
    for k in range(3):
        i, j, m = faces[:, k], faces[:, (k + 1) % 3], faces[:, (k + 2) % 3]
        a, b = vertices[j] - vertices[i], vertices[m] - vertices[i]
        la, lb = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
        angle = np.arccos(np.clip((a * b).sum(1) / np.maximum(la * lb, 1e-12), -1, 1))
        tangent = np.tan(np.clip(angle, 1e-3, np.pi - 0.05) / 2)
        rows += [i, i]
        columns += [j, m]
        values += [tangent / np.maximum(la, 1e-6), tangent / np.maximum(lb, 1e-6)]
    size = (len(vertices), len(vertices))
    return sp.coo_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), size).tocsr()


def tutte(weights: sp.csr_matrix, loop: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """(V, 2) positions: the loop fixed to `rim`, all others the weighted mean of their neighbours."""
    count = weights.shape[0]
    inner = np.setdiff1d(np.arange(count), loop)
    normal = sp.diags(1 / np.asarray(weights.sum(axis=1)).ravel()) @ weights
    system = (sp.eye(count) - normal).tocsr()[inner]
    uv = np.zeros((count, 2))
    uv[loop] = rim
    uv[inner] = spsolve(system[:, inner].tocsc(), -(system[:, loop] @ rim))
    return uv


def rectangle(turn: np.ndarray) -> np.ndarray:
    """(N, 2) points of the unit square's border; turn 0 is the middle of the bottom side, growing with u."""
    t = (turn * 4 + 0.5) % 4
    side, x = np.floor(t).astype(int), t % 1
    one, zero = np.ones_like(x), np.zeros_like(x)
    u = np.choose(side, [x, one, 1 - x, zero])
    v = np.choose(side, [zero, x, one, 1 - x])
    return np.stack([u, v], axis=1)


def signed_areas(uv: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F,) positive for triangles that are not flipped."""
    a, b, c = uv[faces[:, 0]], uv[faces[:, 1]], uv[faces[:, 2]]
    return 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])


def relax(vertices: np.ndarray, faces: np.ndarray, uv: np.ndarray, density: np.ndarray, steps: int) -> np.ndarray:
    """Lower the symmetric Dirichlet energy towards `density` (F,) relative texels per metre; the rim slides."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    e1, e2 = b - a, c - a
    length = np.linalg.norm(e1, axis=1)
    x2 = (e1 * e2).sum(1) / length
    y2 = np.linalg.norm(np.cross(e1, e2), axis=1) / length
    area = 0.5 * length * y2
    wanted = density * np.sqrt(1.0 / (area * density**2).sum())
    length, x2, y2 = (torch.tensor(np.maximum(k * wanted, 1e-7)) for k in (length, x2, y2))
    share = torch.tensor(area * wanted**2)
    index = torch.tensor(faces)
    on = [(np.abs(uv[:, k] - s) < 1e-9) for k in (0, 1) for s in (0, 1)]
    fixed = torch.tensor(np.stack([on[0] | on[1], on[2] | on[3]], axis=1))
    start = torch.tensor(uv)

    def energy(flat: np.ndarray) -> tuple[float, np.ndarray]:
        x = torch.tensor(flat.reshape(-1, 2), requires_grad=True)
        p = torch.where(fixed, start, x)
        d1, d2 = p[index[:, 1]] - p[index[:, 0]], p[index[:, 2]] - p[index[:, 0]]
        j1 = d1 / length[:, None]
        j2 = (d2 - j1 * x2[:, None]) / y2[:, None]
        determinant = j1[:, 0] * j2[:, 1] - j1[:, 1] * j2[:, 0]
        if determinant.min() <= 0:
            return 1e12, np.zeros_like(flat)
        frobenius = (j1**2).sum(1) + (j2**2).sum(1)
        value = (share * frobenius * (1 + determinant**-2)).sum()
        (slope,) = torch.autograd.grad(value, x)
        return value.item(), slope.numpy().ravel()

    result = minimize(energy, uv.ravel(), jac=True, method="L-BFGS-B", options=dict(maxiter=steps, maxcor=20, maxls=40))
    return np.where(fixed.numpy(), uv, result.x.reshape(-1, 2))


def spread(
    vertices: np.ndarray, faces: np.ndarray, loop: np.ndarray, rim: np.ndarray, density: np.ndarray, rounds: int
) -> np.ndarray:
    """Tutte's embedding with springs weakened where the chart is too small (Yoshizawa et al. 2004), best round kept."""
    weights = mean_value_weights(vertices, faces).tocoo()
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
    goal = area * density**2
    goal = goal / goal.sum()
    best: np.ndarray | None = None
    least = np.inf
    for _ in range(rounds):
        uv = tutte(weights.tocsr(), loop, rim)
        small = np.sqrt(goal / np.maximum(signed_areas(uv, faces), 1e-14))
        worst = (goal * small**2).sum()
        if worst < least:
            best, least = uv, worst
        strain = np.bincount(faces.ravel(), np.repeat(goal * small**2, 3), len(vertices))
        strain = np.sqrt(strain / np.bincount(faces.ravel(), np.repeat(goal, 3), len(vertices)))
        weights.data = weights.data / np.clip(strain[weights.col], 1e-3, 1e3) ** 0.7
    if best is None:
        raise ValueError(f"rounds {rounds}: wanted at least 1 with a finite chart")
    return best


def unwrap_skin(vertices: np.ndarray, faces: np.ndarray, density: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """(V, 2) uv in the unit square for the skin; `density` (V,) relative texels per metre, `mirror` (V,)."""
    loop = boundary_loops(faces)[0][::-1]
    if len(boundary_loops(faces)) != 1:
        raise ValueError("the skin must have one rim, the neck")
    front = np.argmax(vertices[loop, 2] - 10 * np.abs(vertices[loop, 0]))
    loop = np.roll(loop, -front)
    step = np.linalg.norm(np.diff(vertices[np.append(loop, loop[0])], axis=0), axis=1)
    turn = np.concatenate([[0], np.cumsum(step)[:-1]]) / step.sum()
    if vertices[loop[len(loop) // 4], 0] < 0:  # +x, the subject's left, goes to larger u
        turn = -turn % 1
    rim = rectangle(turn)
    face_density = density[faces].mean(axis=1)
    uv = spread(vertices, faces, loop, rim, face_density, 60)
    if np.median(signed_areas(uv, faces)) < 0:
        raise ValueError("the chart is inside out")
    for steps in (1000, 1000, 3000):
        uv = relax(vertices, faces, uv, face_density, steps)
        twin = uv[mirror] * [-1, 1] + [1, 0]
        even = (uv + twin) / 2
        if signed_areas(even, faces).min() > 0:
            uv = even
    return (uv - uv.min(axis=0)) / np.ptp(uv, axis=0)
