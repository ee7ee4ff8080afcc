"""Known heads are recovered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from known_heads import MODEL, make_view, observe
from maquette.core.options import FitOptions
from maquette.perception.faces.lids import trust
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


@pytest.mark.parametrize(
    "shut, names", [((True, False), ["Right"]), ((False, True), ["Left"]), ((True, True), ["Left", "Right"])]
)
def test_an_eye_that_the_picture_shows_shut_is_shut_and_no_other(shut, names):
    """The landmarks show two open eyes, as the detector does of a wink."""
    seen = replace(observe(make_view(0.1, 0.0, 0.0), np.zeros(MODES)), shut_eyes=shut)
    seen = replace(seen, landmark_confidence=seen.landmark_confidence * trust(shut))
    fitted = fit(MODEL, landmark_term(fetch), [seen], FitOptions(photometric=False))
    blinks = dict(zip(MODEL.expression_names, fitted.expression[0]))
    for side in ("Left", "Right"):
        assert (blinks[f"eyeBlink{side}"] > 0.8) == (side in names)
        assert side in names or blinks[f"eyeBlink{side}"] < 0.3
