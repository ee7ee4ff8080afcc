"""The head against the front of a volume."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maquette.morphable import load
from maquette.reconstruction.face_fit.method import MODES
from maquette.reconstruction.vrn.term import FrontTerm

IDENTITY = slice(7, 7 + MODES)


@pytest.fixture(scope="module")
def term(scene, marks):
    return FrontTerm.of(load("maquette-head"), marks, scene.readings, MODES)


def test_the_true_head_fits_its_front(scene, term):
    shape = np.concatenate([scene.identity, np.zeros(52)])
    residual, weight = term.residual(0, scene.views[0], shape)
    assert (weight > 0.5).sum() > 300
    assert np.average(np.abs(residual.value), weights=weight) < 0.0012  # metres; a slice is 1.1 mm, a cell of the map 2


def test_derivatives_agree_with_differences(scene, term):
    rng = np.random.default_rng(0)
    shape = np.concatenate([scene.identity, np.zeros(52)]) + 0.05 * rng.normal(size=MODES + 52)
    view = scene.views[0]
    base, weight = term.residual(0, view, shape)
    sure = weight > np.quantile(weight, 0.5)
    for direction in range(4):
        step = np.zeros(len(shape))
        step[direction] = 0.2
        more, fewer = (term.residual(0, view, shape + sign * step)[0].value for sign in (1, -1))
        numeric = -(more - fewer) / 2  # the residual is observed less predicted
        analytic = base.by_shape @ step
        keep = sure & np.isfinite(numeric)
        gap = (numeric - analytic)[keep]
        assert np.abs(gap - np.median(gap)).mean() < 0.35 * np.abs(analytic[keep]).mean() + 2e-5
    turn = np.array([0.0, 0.01, 0.0])
    turned = replace(view, rotation=Rotation.from_rotvec(turn).as_matrix() @ view.rotation)
    # A turn about the camera's place moves the head sideways; about its own middle the derivative is the same row.
    numeric = -(term.residual(0, turned, shape)[0].value - base.value)
    analytic = base.by_pose[:, :3] @ turn
    keep = sure & np.isfinite(numeric)
    assert np.corrcoef(numeric[keep], analytic[keep])[0, 1] > 0.8


def test_the_fit_finds_the_head_of_the_volume(scene, term):
    """From the average head, with the true views: some steps of Gauss-Newton on the fronts alone."""
    shape = np.zeros(MODES + 52)
    for _ in range(6):
        matrix, vector = np.zeros((2, MODES, MODES)), np.zeros((2, MODES))
        for index, view in enumerate(scene.views):
            found = term.equations(index, view, shape, np.zeros(0))
            matrix[index], vector[index] = found.matrix[IDENTITY, IDENTITY], found.vector[IDENTITY]
        shape[:MODES] += np.linalg.solve(matrix.sum(0) + np.eye(MODES), vector.sum(0) - shape[:MODES])
    model = load("maquette-head")
    face = model.regions["face"] > 0.6

    def apart(identity):
        gap = model.vertices(identity, np.zeros(52))[face] - scene.vertices[face]
        return np.linalg.norm(gap - gap.mean(axis=0), axis=1).mean()

    assert apart(shape[:MODES]) < 0.6 * apart(np.zeros(MODES))


def test_no_front_pulls_nothing(scene, marks):
    blind = replace(scene.readings[0], front=np.full_like(scene.readings[0].front, np.nan))
    nothing = FrontTerm.of(load("maquette-head"), marks, (blind,), MODES)
    found = nothing.equations(0, scene.views[0], np.zeros(MODES + 52), np.zeros(0))
    assert not found.matrix.any() and not found.vector.any()
