"""Known heads are recovered."""

from __future__ import annotations

import numpy as np

from known_heads import MODEL, make_view, observe
from maquette.core.options import FitOptions
from maquette.reconstruction.face_fit.method import MODES, fit, landmark_term
from maquette.weights.store import fetch


def test_fit_recovers_a_known_face():
    """With noise-free landmarks the fit is closer than the average head in identity, pose and expression."""
    rng = np.random.default_rng(5)
    identity = rng.normal(size=MODES) * 0.8
    expression = np.zeros(52)
    expression[MODEL.expression_names.index("jawOpen")] = 0.6
    view = make_view(0.2, 0.05, 0.1, expression)
    result = fit(MODEL, landmark_term(fetch), [observe(view, identity)], FitOptions(photometric=False))
    face = MODEL.regions["face"] > 0.5
    truth, mean = MODEL.vertices(identity, np.zeros(52))[face], MODEL.mean[face]
    found = MODEL.vertices(result.identity, np.zeros(52))[face]
    assert np.linalg.norm(found - truth, axis=1).mean() < 0.7 * np.linalg.norm(mean - truth, axis=1).mean()
    assert abs(result.expression[0][MODEL.expression_names.index("jawOpen")] - 0.6) < 0.2
    assert abs(result.provenance["pose"][0]["yaw"] - 0.2) < 0.05
    assert (result.expression >= 0).all() and (result.expression <= 1).all()


def test_two_photos_share_the_identity_and_do_not_depend_on_order():
    identity = np.random.default_rng(6).normal(size=MODES)
    seen = [observe(make_view(y, 0, 0), identity, noise=0.5) for y in (-0.5, 0.4)]
    options = FitOptions(photometric=False)
    one, two = fit(MODEL, landmark_term(fetch), seen, options), fit(MODEL, landmark_term(fetch), seen[::-1], options)
    assert len(one.cameras) == 2 and one.motion.shape[0] == 2
    assert np.allclose(one.identity, two.identity, atol=0.02)
