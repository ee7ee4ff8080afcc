"""Acting to learn from: within what a face can do, and of every kind."""

import numpy as np
import pytest

from maquette.morphable import load
from maquette.synthesis.anatomy.expression import MOUTH_SUM, SMILE_MOST
from maquette.synthesis.scenes.acting import RATES, act_freely, draw_clip_sensor, draw_rate

NAMES = list(load("maquette-head").expression_names)


@pytest.fixture(scope="module")
def actings():
    return [act_freely(NAMES, 72, 30.0, np.random.default_rng(seed)) for seed in range(16)]


def test_faces_do_what_faces_can(actings):
    mouth = [k for k, n in enumerate(NAMES) if n.startswith("mouth") and n != "mouthClose"]
    halves = np.array([0.5 if n.endswith(("Left", "Right")) and len(n) > 10 else 1 for n in NAMES])
    for one in actings:
        assert one.expression.min() >= 0 and one.expression.max() <= 1
        assert (one.expression[:, mouth] @ halves[mouth]).max() < MOUTH_SUM + 0.01
        assert one.expression[:, NAMES.index("mouthSmileLeft")].max() <= SMILE_MOST + 1e-6
        assert np.abs(one.turns[:, 0]).max() <= 1.45


def test_all_kinds_are_there(actings):
    used = np.max([one.expression.max(axis=0) for one in actings], axis=0)
    assert (used > 0.2).mean() > 0.9
    blinks = [one.expression[:, [NAMES.index(f"eyeBlink{s}") for s in ("Left", "Right")]] for one in actings]
    assert sum(bool((b.min(axis=1) > 0.9).any()) for b in blinks) > 8
    assert max(np.abs(one.turns[:, 0]).max() for one in actings) > 0.8
    hidden = [one.covered for one in actings if one.covered is not None]
    assert 0 < len(hidden) < len(actings) and all(0 < cover.sum() < 72 for cover in hidden)


def test_the_same_seed_acts_the_same():
    one, two = (act_freely(NAMES, 30, 25.0, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one.expression, two.expression) and one.times[1] == pytest.approx(1 / 25)


def test_cameras_and_rates_are_usual_ones():
    rng = np.random.default_rng(0)
    sensors = [draw_clip_sensor(rng, 256) for _ in range(60)]
    assert any(s.motion[0] > 1 for s in sensors) and any(s.exposure < -0.5 for s in sensors)
    assert all(s.shrink < 2.6 and 40 <= s.jpeg <= 95 for s in sensors)
    assert {draw_rate(rng) for _ in range(60)} == set(RATES)
