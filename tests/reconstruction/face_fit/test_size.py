"""The true size."""

from __future__ import annotations

import numpy as np

from known_heads import MODEL, make_view, observe
from maquette.core.options import FitOptions
from maquette.reconstruction.face_fit.method import MODES, fit, landmark_term
from maquette.weights.store import fetch


def test_pupil_distance_sets_the_scale():
    seen = observe(make_view(0, 0, 0), np.zeros(MODES))
    result = fit(MODEL, landmark_term(fetch), [seen], FitOptions(photometric=False, pupil_distance=70.0))
    eyes = [MODEL.eye_centre(result.shape.vertices, side) for side in ("Left", "Right")]
    assert result.metric
    assert abs(np.linalg.norm(eyes[0] - eyes[1]) - 0.070) < 0.006
