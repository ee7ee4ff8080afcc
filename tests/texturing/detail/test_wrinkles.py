"""Wrinkles that come and go with the expression."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.perception.models.results import BLENDSHAPES
from maquette.texturing.detail.chart import detail_chart
from maquette.texturing.detail.heights import folds_of, whole_of
from maquette.texturing.detail.wrinkles import as_parameters, side_of, smaller, wrinkles_of
from maquette.texturing.head.bake import bake
from maquette.texturing.head.skin.folds import lasting

from .test_heights import FOLD_M, one_fold  # noqa: F401

RAISED = ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")


@pytest.fixture(scope="module")
def chart(model):
    return detail_chart(model.name)


def raised(observation, score):
    scores = np.zeros(len(BLENDSHAPES), np.float32)
    scores[[BLENDSHAPES.index(unit) for unit in RAISED]] = score
    return replace(observation, expression_scores=scores)


def moving(model, chart, photograph, *scores):
    shots = [photograph(0.0) for _ in scores]
    seen = [raised(observation, score) for (observation, _), score in zip(shots, scores)]
    baked = [bake(one, camera, model.mean, chart.layers) for one, (_, camera) in zip(seen, shots)]
    kept = [lasting(one, chart.layers) for one in seen]
    folds = folds_of(baked, [camera for _, camera in shots], [model.mean] * len(shots), kept, model.name)
    names = list(model.expression_names)
    weights = np.zeros((len(scores), len(names)), np.float32)
    weights[:, [names.index(unit) for unit in RAISED]] = np.array(scores)[:, None]
    return folds, wrinkles_of(folds, seen, weights, names, chart.layers), weights, names


def test_raised_brows_fold_the_forehead_and_the_photo_has_all_of_its_fold_again(model, chart, photograph, one_fold):  # noqa: F811
    folds, found, weights, names = moving(model, chart, photograph, 0.8)
    assert set(found) == set(RAISED)
    assert all(height.min() < -0.1 * FOLD_M for height in found.values())
    worn = sum(weights[0, names.index(unit)] * height for unit, height in found.items())
    shown = folds.sure * one_fold
    apart = worn + smaller(folds.displacement_map()) - smaller(whole_of(shown, chart))
    assert np.abs(apart).max() < 0.3 * FOLD_M and np.abs(apart[np.abs(worn) > 0]).mean() < 0.05 * FOLD_M


def test_a_face_at_rest_has_no_moving_wrinkles(model, chart, photograph, one_fold):  # noqa: F811
    folds, found, *_ = moving(model, chart, photograph, 0.0)
    assert found == {}
    assert set(as_parameters(folds, found)) == {"displacement_error"}


def test_two_photos_say_the_same_as_one_where_they_agree(model, chart, photograph, one_fold):  # noqa: F811
    one, two = (moving(model, chart, photograph, *scores)[1] for scores in ((0.8,), (0.8, 0.8)))
    assert np.abs(one["browInnerUp"] - two["browInnerUp"]).max() < 1e-5


def test_parameters_name_their_units_and_say_how_sure_the_folds_are(model, chart, photograph, one_fold):  # noqa: F811
    folds, *_ = moving(model, chart, photograph, 0.0)
    made = as_parameters(folds, {"mouthSmileLeft": np.full((4, 4), 1e-4, np.float32)})
    error = made["displacement_error"].astype(np.float32)
    assert np.isnan(error).any() and np.nanmax(error) < 1e-3, "nobody knows what no photo shows"
    assert made["wrinkles"].shape == (1, 4, 4) and list(made["wrinkles_units"]) == ["mouthSmileLeft"]
    assert (side_of("mouthSmileLeft"), side_of("browInnerUp")) == ("Left", "")
