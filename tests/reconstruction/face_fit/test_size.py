"""The true size."""

from __future__ import annotations

import numpy as np

from known_heads import MODEL, make_view, observe
from maquette.core.options import FitOptions
from maquette.reconstruction.face_fit.method import MODES, fit, landmark_term
from maquette.reconstruction.face_fit.size import iris_scales
from maquette.weights.store import fetch


def test_pupil_distance_sets_the_scale():
    seen = observe(make_view(0, 0, 0), np.zeros(MODES))
    result = fit(MODEL, landmark_term(fetch), [seen], FitOptions(photometric=False, pupil_distance=70.0))
    eyes = [MODEL.eye_centre(result.shape.vertices, side) for side in ("Left", "Right")]
    assert result.metric
    assert abs(np.linalg.norm(eyes[0] - eyes[1]) - 0.070) < 0.006


def test_an_iris_seen_aslant_is_no_smaller_iris():
    """A head that turns, and looks where it faces, keeps its size."""
    term, found = landmark_term(fetch), []
    for yaw in (0.0, 0.35, 0.7):
        view = make_view(yaw, 0.0, 0.0)
        found.append(list(iris_scales(view, observe(view, np.zeros(MODES)), term, np.zeros(MODES))))
    assert [len(irises) for irises in found] == [2, 2, 2]
    logs = np.array([[iris.log_scale for iris in irises] for irises in found])
    assert np.ptp(logs) < 0.02
    spreads = [max(iris.spread for iris in irises) for irises in found]
    assert spreads[0] < spreads[1] < spreads[2]
