"""NME with known answers, and the .mat adapters on sets that the tests write."""

from __future__ import annotations

import numpy as np
import pytest

from face_points import points
from maquette.core.errors import BadInput
from maquette.evaluation.landmarks import auc, box_size, failure_rate, interocular, nme, reprojection, summary


def test_identity_shift_and_scale():
    truth = points()
    assert nme(truth, truth) == 0
    assert (
        nme(truth + np.array([10, 0, 0]), truth)
        == pytest.approx(0.1)
        == nme((truth + np.array([10, 0, 0]))[:, :2], truth[:, :2])
    )
    assert nme(truth + np.array([0, 0, 77]), truth) == pytest.approx(0), "a picture fixes no origin of depth"
    d = interocular(truth)
    assert nme(truth + np.array([0.1 * d, 0, 0]), truth, "interocular") == pytest.approx(0.1)
    assert box_size(truth) == pytest.approx(100)
    assert nme(3 * truth + 5, 3 * (truth + np.array([1, 0, 0])) + 5) == pytest.approx(
        nme(truth, truth + np.array([1, 0, 0]))
    )


def test_rotated_landmarks():
    """A quarter turn about the centre moves each point by sqrt(2) times its distance from the centre."""
    truth = points()[:, :2]
    centred = truth - truth.mean(axis=0)
    turned = centred @ np.array([[0, 1], [-1, 0]]) + truth.mean(axis=0)
    assert nme(turned, truth) == pytest.approx(np.sqrt(2) * np.linalg.norm(centred, axis=1).mean() / 100)


@pytest.mark.parametrize("bad", [np.full((68, 3), np.nan), np.zeros((67, 3)), np.zeros((68, 2))])
def test_wrong_predictions_are_refused(bad):
    with pytest.raises(BadInput, match=r"face.jpg"):
        nme(bad, points(), name="face.jpg")


def test_auc_and_failures_by_hand():
    errors = np.array([0.0, 0.035, 0.07, np.inf])
    assert auc(errors) == pytest.approx((1 + 0.5) / 4)
    fine = np.linspace(0, 0.07, 20001)
    slow = np.mean([(errors <= t).mean() for t in fine])
    assert auc(errors) == pytest.approx(slow, abs=1e-3)
    assert failure_rate(errors) == 0.25
    reported = summary(errors)
    assert reported["found"] == 3 and reported["NME %"] == pytest.approx(3.5)
    assert summary(np.array([np.inf]))["NME %"] is None


def test_reprojection_of_a_shift():
    observed = np.random.default_rng(1).uniform(0, 100, (30, 2))
    observed[:2] = [[0, 0], [100, 25]]
    observed[2:, 1] /= 4
    pixels, percent = reprojection(observed + np.array([3, 4]), observed)
    assert (pixels, percent) == pytest.approx((5, 10))  # sqrt(100 x 25) = 50
    moved = observed + np.array([3, 4])
    moved[5] = np.nan
    weights = np.ones(30)
    weights[5] = 0
    assert reprojection(moved, observed, weights)[0] == pytest.approx(5)


def test_bad_points_are_named():
    points = np.arange(8.0).reshape(4, 2)
    with pytest.raises(BadInput, match="as many projected and observed"):
        reprojection(points, points[:3])
    with pytest.raises(BadInput, match="1 points are NaN"):
        reprojection(np.where(points == 3, np.nan, points), points)
    with pytest.raises(BadInput, match="some positive"):
        reprojection(points, points, np.zeros(4))
    with pytest.raises(BadInput, match="on one line"):
        reprojection(points, 0 * points)
