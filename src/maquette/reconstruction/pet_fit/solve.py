"""The fit: damped Gauss-Newton on landmarks, outline and priors (reference: AHM fit, sigma-weighted)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maquette.morphable.model import Embedding
from maquette.perception.pets.schemes import SCHEME
from maquette.reconstruction.pet_fit.outline import matched, outermost, rim_of, silhouette
from maquette.reconstruction.pet_fit.state import PetPose, State, View, projected

ROUNDS = 14
ALONE = 3  # rounds with landmarks alone: outlines far apart belong to nothing
HUBER = 2.5  # standard deviations beyond which a landmark pulls no harder
OUTLINE_SIGMA = 0.06  # eye distances: what an outline is off, fur and a soft mask included
OUTLINE_WORTH = 24  # independent points that a whole outline is worth
EXPRESSION_SIGMA = 0.35  # of each weight, about 0
FITTED = ("jawOpen", "earsBackLeft", "earsBackRight", "earsDroopLeft", "earsDroopRight", "browUp", "tongueOut")
STILL = ("tongueOut",)  # fitted by nothing: landmarks do not see it
DAMPING = 1e-3
STEP_MOST = 1.0  # standard deviations that a coefficient moves in one round


@dataclass(frozen=True, eq=False)
class Solved:
    """A fitted state, and how well it explains the photos.

    Attributes:
        state: coefficients and poses.
        energy: half the sum of squares of all weighted residuals, priors included.
        landmark_error: (N,) root mean square distance of drawn and read landmarks, eye distances.
        outline_error: (N,) mean distance of outlines, eye distances; nan without one.
    """

    state: State
    energy: float
    landmark_error: NDArray
    outline_error: NDArray


def solve(state: State, views: tuple[View, ...], rounds: int = ROUNDS) -> Solved:
    """Fit a state to photos, from a state near enough."""
    system = _System(state, views)
    damping, here = DAMPING, system.equations(state, False)
    for number in range(rounds):
        rim = number >= ALONE
        if number == ALONE:
            here = system.equations(state, True)
        normal, right, energy = here
        for _ in range(4):
            step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), right)
            tried = system.stepped(state, step)
            there = system.equations(tried, rim)
            if there[2] <= energy * (1 + 1e-6) or number == ALONE:
                state, damping, here = tried, max(damping / 3, 1e-6), there
                break
            damping *= 8
        else:
            if rim:
                break
    errors = [system.errors(state, index) for index in range(len(views))]
    landmark, outline = (np.array(column) for column in zip(*errors))
    return Solved(state, here[2] if rounds > ALONE else system.equations(state, True)[2], landmark, outline)


class _System:
    """Residuals and their derivatives. Unknowns: identity (K), then per photo the fitted units and six of the pose."""

    def __init__(self, state: State, views: tuple[View, ...]) -> None:
        model = state.model
        self.views = views
        self.units = [i for i, name in enumerate(model.expression_names) if name in FITTED and name not in STILL]
        self.count = len(state.identity)
        self.skin = model.faces[model.parts["skin"]]
        self.embedding: Embedding = model.embeddings[SCHEME]
        basis = np.concatenate([model.identity_basis[: self.count], model.expression_basis[self.units]])
        self.basis = basis.astype(float)
        corners = self.basis[:, model.faces[self.embedding.faces]]
        self.marks = np.einsum("nk,bnkd->bnd", self.embedding.barycentric, corners)

    @property
    def own(self) -> int:
        """Unknowns of one photo."""
        return len(self.units) + 6

    def stepped(self, state: State, step: NDArray) -> State:
        """The state after a step of all unknowns."""
        identity = np.clip(state.identity + np.clip(step[: self.count], -STEP_MOST, STEP_MOST), -3, 3)
        expressions, poses = state.expressions.copy(), []
        for index, pose in enumerate(state.poses):
            own = step[self.count + index * self.own :][: self.own]
            expressions[index, self.units] = np.clip(expressions[index, self.units] + own[:-6], 0, 1)
            poses.append(pose.moved(own[-6:]))
        return replace(state, identity=identity, expressions=expressions, poses=tuple(poses))

    def equations(self, state: State, rim: bool) -> tuple[NDArray, NDArray, float]:
        """Normal matrix, right side and energy; with outlines if `rim`."""
        size = self.count + len(self.views) * self.own
        normal, right, energy = np.zeros((size, size)), np.zeros(size), 0.0
        shared = np.arange(self.count)
        normal[shared, shared] += state.prior.weight
        right[shared] -= state.prior.weight * (state.identity - state.prior.mean)
        energy += state.prior.energy(state.identity)
        for index, view in enumerate(self.views):
            start = self.count + index * self.own
            columns = np.concatenate([shared, np.arange(start, start + self.own)])
            weights = state.expressions[index, self.units]
            units = np.arange(start, start + len(self.units))
            normal[units, units] += EXPRESSION_SIGMA**-2
            right[units] -= weights * EXPRESSION_SIGMA**-2
            energy += 0.5 * float(weights @ weights) * EXPRESSION_SIGMA**-2
            vertices = state.vertices(index)
            parts = [self._landmark_rows(vertices, state, index)]
            if rim and len(view.outline):
                parts.append(self._outline_rows(vertices, state, index))
            for residual, rows in parts:
                normal[np.ix_(columns, columns)] += rows.T @ rows
                right[columns] -= rows.T @ residual
                energy += 0.5 * float(residual @ residual)
        return normal, right, energy

    def _landmark_rows(self, vertices: NDArray, state: State, index: int) -> tuple[NDArray, NDArray]:
        view, pose = self.views[index], state.poses[index]
        points = self.embedding.points(vertices, state.model.faces)
        pixels, camera = projected(points, pose, view)
        doubt = view.doubt
        residual = (pixels - view.landmarks) / doubt[:, None]
        length = np.linalg.norm(residual, axis=1)
        robust = np.sqrt(np.minimum(1, HUBER / np.maximum(length, 1e-9)))
        rows = self._rows(self.marks, points, camera, pose, view) * (robust / doubt)[:, None, None]
        return (residual * robust[:, None]).ravel(), rows.reshape(-1, rows.shape[-1])

    def _outline_rows(self, vertices: NDArray, state: State, index: int) -> tuple[NDArray, NDArray]:
        view, pose = self.views[index], state.poses[index]
        rim, place, good = self.pairs(vertices, pose, view)
        used = rim[place[good]]
        pixels, camera = projected(vertices[used], pose, view)
        normals, sigma = view.normals[good], OUTLINE_SIGMA * view.unit
        weight = np.sqrt(OUTLINE_WORTH / max(len(view.outline), 1)) / sigma
        residual = ((pixels - view.outline[good]) * normals).sum(axis=1) * weight
        robust = np.sqrt(np.minimum(1, HUBER / np.maximum(np.abs(residual) / (weight * sigma), 1e-9)))
        rows = self._rows(self.basis[:, used], vertices[used], camera, pose, view)
        along = np.einsum("nd,ndc->nc", normals, rows) * (weight * robust)[:, None]
        return residual * robust, along

    def pairs(self, vertices: NDArray, pose: PetPose, view: View) -> tuple[NDArray, NDArray, NDArray]:
        """Rim vertices (R,), which of them each point of the photo's outline has, (M,), and whether it has one."""
        pixels, _ = projected(vertices, pose, view)
        rim, directions = rim_of(pixels, self.skin)
        outer = outermost(pixels, rim, directions, silhouette(pixels, self.skin, view.size))
        rim, directions = rim[outer], directions[outer]
        place, good = matched(view.outline, view.normals, pixels[rim], directions, view.unit)
        return rim, place, good

    def _rows(self, basis: NDArray, points: NDArray, camera: NDArray, pose: PetPose, view: View) -> NDArray:
        """(n, 2, K + own) derivatives of the pixels of n points by the unknowns that they depend on."""
        depth = camera[:, 2]
        flat = np.zeros((len(points), 2, 3))
        flat[:, 0, 0] = flat[:, 1, 1] = view.focal / depth
        flat[:, :, 2] = -view.focal * camera[:, :2] / depth[:, None] ** 2
        shape = np.einsum("nij,jk,bnk->nib", flat, pose.rotation, basis)
        turned = points @ pose.rotation.T
        cross = np.zeros((len(points), 3, 3))  # d(w x p)/dw = -[p]x
        cross[:, 0, 1], cross[:, 0, 2] = turned[:, 2], -turned[:, 1]
        cross[:, 1, 0], cross[:, 1, 2] = -turned[:, 2], turned[:, 0]
        cross[:, 2, 0], cross[:, 2, 1] = turned[:, 1], -turned[:, 0]
        return np.concatenate([shape, flat @ cross, flat], axis=2)

    def errors(self, state: State, index: int) -> tuple[float, float]:
        """Of one photo: root mean square distance of landmarks, mean distance of outlines, eye distances."""
        view, pose, vertices = self.views[index], state.poses[index], state.vertices(index)
        points = self.embedding.points(vertices, state.model.faces)
        away = np.linalg.norm(projected(points, pose, view)[0] - view.landmarks, axis=1) / view.unit
        weight = 1 / view.sigma**2
        landmark = float(np.sqrt((weight * away**2).sum() / weight.sum()))
        if not len(view.outline):
            return landmark, float("nan")
        rim, place, good = self.pairs(vertices, pose, view)
        if not good.any():
            return landmark, float("nan")
        pixels, _ = projected(vertices[rim[place[good]]], pose, view)
        return landmark, float(np.linalg.norm(pixels - view.outline[good], axis=1).mean() / view.unit)
