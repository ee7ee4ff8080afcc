"""Photos of one known head agree, those of two do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from known_heads import MODEL, make_view, observe
from maquette.core.options import FitOptions
from maquette.reconstruction.face_fit.method import MODES, fit, landmark_fit, landmark_term
from maquette.reconstruction.face_fit.same_person import (
    SOMEONE_ELSE,
    TRUST,
    USUAL_EXPRESSION,
    IdentityEvidence,
    agreement,
    agreements,
    identity_evidence,
)
from maquette.weights.store import fetch

YAWS = (-0.4, 0.1, 0.35)


def seen(identity: np.ndarray, yaw: float, smile: float = 0.0):
    """A head as a noisy detector sees it."""
    expression = np.zeros(52)
    expression[MODEL.expression_names.index("mouthSmileLeft")] = smile
    expression[MODEL.expression_names.index("mouthSmileRight")] = smile
    return observe(make_view(yaw, 0.05, 0.0, expression), identity, noise=0.7)


def evidence(observation) -> IdentityEvidence:
    alone = landmark_fit(MODEL, landmark_term(fetch), (observation,))
    return identity_evidence(alone.term, alone.views[0], observation, alone.identity)


@pytest.fixture(scope="module")
def people():
    """Two identities as far apart as two people usually are."""
    rng = np.random.default_rng(3)
    return rng.normal(size=(2, MODES))


def test_the_log_ratio_is_that_of_gaussians():
    """The quadratic part against the densities themselves, in two dimensions."""
    from scipy.stats import multivariate_normal as normal

    rng = np.random.default_rng(0)
    pieces = []
    for _ in range(2):
        root = rng.normal(size=(3, 2))
        pieces.append((root.T @ root, rng.normal(size=2)))

    def log_of(*of: int) -> float:
        """Log density of the measured points under one identity, up to what does not depend on who it is."""
        means = np.concatenate([np.linalg.solve(pieces[k][0], pieces[k][1]) for k in of])
        own = [np.linalg.inv(pieces[k][0]) for k in of]
        spread = np.tile(np.eye(2), (len(of), len(of)))
        for place, each in enumerate(own):
            spread[2 * place : 2 * place + 2, 2 * place : 2 * place + 2] += each
        return float(normal(np.zeros(2 * len(of)), spread).logpdf(means))

    one, two = (IdentityEvidence(a, b) for a, b in pieces)
    ratio = log_of(0, 1) - log_of(0) - log_of(1)
    information = 0.5 * (
        sum(np.linalg.slogdet(np.eye(2) + e.information)[1] for e in (one, two))
        - np.linalg.slogdet(np.eye(2) + one.information + two.information)[1]
    )
    assert agreement(one, two) * np.sqrt(information) + information == pytest.approx(ratio, abs=1e-9)
    assert agreement(one, two) == pytest.approx(agreement(two, one))


def test_evidence_is_what_the_fit_alone_ends_with(people):
    """With the prior on identity it gives the fitted identity back, once trust is taken off."""
    observation = seen(people[0], 0.1)
    alone = landmark_fit(MODEL, landmark_term(fetch), (observation,))
    alone = alone.refined(None, 20)
    found = identity_evidence(alone.term, alone.views[0], observation, alone.identity)
    assert np.abs(found.information - found.information.T).max() < 1e-9
    assert np.linalg.eigvalsh(found.information).min() > -1e-6
    again = np.linalg.solve(found.information / TRUST + np.eye(MODES), found.vector / TRUST)
    assert np.abs(again - alone.identity).max() < 0.05


def test_a_strong_expression_says_less_of_who_it_is(people):
    """Its information is the same but for the trust, which falls as the weights' sum exceeds the usual."""
    observation = seen(people[0], 0.1)
    alone = landmark_fit(MODEL, landmark_term(fetch), (observation,))
    traces = []
    for weight in (0.02, 0.16):
        view = replace(alone.views[0], expression=np.full(52, weight))
        traces.append(np.trace(identity_evidence(alone.term, view, observation, alone.identity).information))
    assert traces[1] / traces[0] == pytest.approx(USUAL_EXPRESSION / (52 * 0.16), rel=0.2)


def test_one_person_agrees_whatever_the_pose_and_two_do_not(people):
    first, second = ([evidence(seen(who, yaw, smile)) for yaw, smile in zip(YAWS, (0, 0.6, 0))] for who in people)
    for mine in (first, second):
        assert min(agreements(mine)) > 0
    for one in first:
        for other in second:
            assert agreement(one, other) < SOMEONE_ELSE


def test_the_odd_one_of_three_is_named_and_the_others_are_not(people):
    photos = [seen(people[0], YAWS[0]), seen(people[1], YAWS[1]), seen(people[0], YAWS[2])]
    made = fit(MODEL, landmark_term(fetch), photos, FitOptions(photometric=False))
    assert made.provenance["someone_else"] == [False, True, False]
    assert len(made.provenance["agreement"]) == 3


def test_both_of_two_are_doubted_and_one_alone_never(people):
    photos = [seen(people[0], 0.0), seen(people[1], 0.2)]
    options = FitOptions(photometric=False)
    assert fit(MODEL, landmark_term(fetch), photos, options).provenance["someone_else"] == [True, True]
    assert "someone_else" not in fit(MODEL, landmark_term(fetch), photos[:1], options).provenance
    same = [photos[0], replace(photos[0], track=1)]
    assert fit(MODEL, landmark_term(fetch), same, options).provenance["someone_else"] == [False, False]
