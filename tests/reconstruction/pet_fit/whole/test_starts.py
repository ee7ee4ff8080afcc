"""Where fits begin, and which of them wins."""

import numpy as np
import pytest

from maquette.morphable.animals.stance import STANCES
from maquette.reconstruction.pet_fit.whole import starts
from maquette.reconstruction.pet_fit.whole.edges import outline_of
from maquette.reconstruction.pet_fit.whole.solve import BodyFit


def fit_of(body, known) -> BodyFit:
    return BodyFit(body, outline_of(known.observation, ()), np.zeros(len(body.modes)))


def test_a_start_lies_over_the_animal(body, photographed):
    fit = fit_of(body, photographed("standing", 60))
    for stance in STANCES:
        pixels = fit.drawing(starts.placed(fit, stance, np.radians(60), None))[0]
        rows, columns = np.nonzero(fit.outline.inside)
        middle = np.array([columns.min() + columns.max(), rows.min() + rows.max()]) / 2
        assert np.abs((pixels.min(axis=0) + pixels.max(axis=0)) / 2 - middle).max() < 15


def test_the_right_start_overlaps_best(body, photographed):
    fit = fit_of(body, photographed("standing", 70))
    good = fit.judged(starts.placed(fit, "standing", np.radians(70), None)).overlap
    others = [fit.judged(starts.placed(fit, stance, 0.0, None)).overlap for stance in ("sitting", "lying")]
    assert good > 0.75 and good > max(others)


@pytest.mark.parametrize("azimuth", [-60, 0, 45])
def test_the_head_says_where_it_looks(body, photographed, azimuth):
    found = starts.head_yaw(fit_of(body, photographed("standing", azimuth)))
    assert found is not None and np.degrees(found) == pytest.approx(azimuth, abs=15)


def test_without_a_face_nothing_is_said(body, photographed):
    assert starts.head_yaw(fit_of(body, photographed("standing", 0, faced=False))) is None


def test_where_the_trunk_looks(body, photographed):
    assert np.degrees(starts.seen_from(photographed("standing", 50).stand)) == pytest.approx(50, abs=2)


@pytest.mark.slow
@pytest.mark.parametrize(("stance", "azimuth"), [("standing", 60), ("sitting", -30), ("lying", 80)])
def test_the_best_of_all_starts_is_the_truth(body, photographed, stance, azimuth):
    known = photographed(stance, azimuth, changes={"neck_pitch": 10, "tail_lift": 20})
    made = starts.best_fit(fit_of(body, known))
    assert made.overlap > 0.9 and made.stand.stance == stance
    assert abs(np.degrees(starts.seen_from(made.stand)) - azimuth) < 25
