import numpy as np
import pytest

from maquette import morphable
from maquette.synthesis.anatomy.expression import EMOTIONS, SHARES, SMILE_MOST, VISEMES, draw_expression, limit, sides

NAMES = morphable.load("maquette-head").expression_names
AT = {name: k for k, name in enumerate(NAMES)}


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(0)
    return np.stack([draw_expression(NAMES, rng) for _ in range(4000)])


def unit(drawn, name):
    return drawn[:, AT[name]]


def both(drawn, name):
    return (unit(drawn, f"{name}Left") + unit(drawn, f"{name}Right")) / 2


def test_weights_are_weights(drawn):
    assert drawn.dtype == np.float32 and drawn.shape[1] == 52
    assert drawn.min() >= 0 and drawn.max() <= 1
    assert (drawn.max(axis=0) > 0.08).all()  # every unit is seen


def test_a_quarter_is_neutral(drawn):
    own = [k for name, k in AT.items() if not name.startswith("eye")]
    still = drawn[:, own].max(axis=1) < 1e-6
    assert 0.22 < still.mean() < 0.28


def test_units_act_together(drawn):
    def together(a, b):
        return np.corrcoef(a, b)[0, 1]

    assert together(unit(drawn, "mouthSmileLeft"), unit(drawn, "mouthSmileRight")) > 0.9
    assert together(both(drawn, "mouthSmile"), both(drawn, "cheekSquint")) > 0.6
    assert together(unit(drawn, "browInnerUp"), both(drawn, "eyeWide")) > 0.4
    assert together(both(drawn, "mouthSmile"), both(drawn, "mouthFrown")) < 0


def test_sides_differ_a_little(drawn):
    left, right = unit(drawn, "mouthSmileLeft"), unit(drawn, "mouthSmileRight")
    smiling = left + right > 0.4
    apart = np.abs(left - right)[smiling] / (left + right)[smiling]
    assert 0.02 < np.median(apart) < 0.15 and np.quantile(apart, 0.97) < 0.6


def test_contradictions_do_not_occur(drawn):
    assert (np.minimum(both(drawn, "mouthSmile"), both(drawn, "mouthFrown")) <= 0.31).all()
    assert (unit(drawn, "mouthClose") <= unit(drawn, "jawOpen") + 1e-6).all()
    assert (np.minimum(unit(drawn, "jawLeft"), unit(drawn, "jawRight")) == 0).all()
    assert both(drawn, "mouthSmile").max() <= SMILE_MOST
    assert (both(drawn, "eyeBlink") + both(drawn, "eyeWide"))[both(drawn, "eyeBlink") > 0.6].max() <= 1.0001
    assert (unit(drawn, "jawOpen")[unit(drawn, "tongueOut") > 0.1] > 0.1).all()
    assert (unit(drawn, "tongueOut") > 0.2).mean() < 0.03


def test_eyes_look_the_same_way_and_lids_follow(drawn):
    left_eye = unit(drawn, "eyeLookOutLeft") - unit(drawn, "eyeLookInLeft")
    right_eye = unit(drawn, "eyeLookInRight") - unit(drawn, "eyeLookOutRight")
    assert np.corrcoef(left_eye, right_eye)[0, 1] > 0.9
    assert np.abs(unit(drawn, "eyeLookDownLeft") - unit(drawn, "eyeLookDownRight")).max() < 1e-6
    open_ = both(drawn, "eyeBlink") < 0.5
    assert np.corrcoef(both(drawn, "eyeLookDown")[open_], both(drawn, "eyeBlink")[open_])[0, 1] > 0.3
    assert 0.03 < (both(drawn, "eyeBlink") > 0.7).mean() < 0.12


def test_recipes_name_units_that_there_are():
    for recipe in (*EMOTIONS.values(), *VISEMES.values()):
        assert all(sides(name, AT) for name in recipe)
    assert sum(SHARES.values()) == pytest.approx(1)


def test_a_plausible_expression_is_left_alone():
    units = {name: 0.0 for name in NAMES} | {"mouthSmileLeft": 0.4, "mouthSmileRight": 0.5, "jawOpen": 0.2}
    before = dict(units)
    limit(units)
    assert units == before


def test_the_same_seed_makes_the_same_face():
    first, second = (draw_expression(NAMES, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, second)


def test_a_model_with_few_units_will_do():
    assert draw_expression(("jawOpen", "mouthPucker", "cheekPuff"), np.random.default_rng(1)).shape == (3,)
