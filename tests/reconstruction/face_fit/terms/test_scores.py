"""The second opinion on the expression: heard where it knows something, silent elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from known_heads import MODEL, make_view, observe
from maquette.core.options import FitOptions
from maquette.perception.models.results import BLENDSHAPES
from maquette.reconstruction.face_fit.method import MODES, fit, landmark_term
from maquette.reconstruction.face_fit.state import POSE
from maquette.reconstruction.face_fit.terms.scores import GAP, places, score_equations
from maquette.weights.store import fetch

NAMES = tuple(MODEL.expression_names)


def test_every_unit_but_the_tongue_has_a_score():
    index = places(NAMES)
    assert [name for name, place in zip(NAMES, index) if place < 0] == ["tongueOut"]
    assert all(BLENDSHAPES[place] == name for name, place in zip(NAMES, index) if place >= 0)


def test_equations_pull_to_the_line_by_its_deviation_and_silent_units_not_at_all():
    learned = np.full((52, 3), np.inf)
    learned[:, :2] = 0.0
    smile = NAMES.index("mouthSmileLeft")
    learned[smile] = 0.5, 0.1, 0.2
    scores, expression = np.zeros(52), np.zeros(52)
    scores[BLENDSHAPES.index("mouthSmileLeft")] = 0.8
    part = score_equations(scores, learned, NAMES, expression, 10)
    place = POSE + 10 + smile
    assert part.matrix[place, place] == pytest.approx((GAP * 0.2) ** -2)
    assert part.vector[place] / part.matrix[place, place] == pytest.approx(0.5)
    assert np.count_nonzero(part.matrix) == np.count_nonzero(part.vector) == 1


def test_the_shipped_head_has_lines_that_are_alike_on_both_sides_and_know_smiles_lids_and_gaze():
    learned = landmark_term(fetch).noise["scores"]
    assert learned.shape == (52, 3) and (learned[:, 2] > 0.02).all() and (learned[:, 0] >= 0).all()
    for name in ("mouthSmileLeft", "eyeBlinkLeft", "eyeLookInLeft", "eyeLookOutLeft", "mouthUpperUpLeft"):
        left, right = NAMES.index(name), NAMES.index(name.replace("Left", "Right"))
        assert np.isfinite(learned[left]).all() and np.allclose(learned[left], learned[right])
    assert np.isinf(learned[NAMES.index("tongueOut"), 2]) and np.isinf(learned[NAMES.index("noseSneerLeft"), 2])


def test_a_smile_that_the_scores_see_makes_the_fit_smile_more():
    seen = observe(make_view(0.1, 0.0, 0.0), np.zeros(MODES))
    scores = np.zeros(52)
    scores[[BLENDSHAPES.index(f"mouthSmile{side}") for side in ("Left", "Right")]] = 0.9
    options, smiles = FitOptions(photometric=False), []
    for opinion in (None, np.zeros(52), scores):
        found = fit(MODEL, landmark_term(fetch), [replace(seen, expression_scores=opinion)], options)
        smiles.append(found.expression[0][NAMES.index("mouthSmileLeft")])
    assert smiles[2] > smiles[0] + 0.05 and smiles[1] <= smiles[0] + 0.01
