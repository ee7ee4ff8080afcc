"""The recipe of the motion of faces."""

import numpy as np
import pytest
import torch

from maquette.reconstruction.face_fit.gaze import looked
from maquette.reconstruction.face_fit.motion.evidence import UNITS, WIDTH, group
from maquette.reconstruction.face_fit.motion.network import SAID, lowpassed
from maquette.training.datasets.clips.windows import units
from maquette.training.recipes import motion as recipe

FRAMES = 8
TRUTH = torch.rand(1, FRAMES, UNITS, generator=torch.Generator().manual_seed(0)) * 0.5


class Says(torch.nn.Module):
    """A network that always says the same weights, the true gaze and no correction of the pose."""

    def __init__(self, weights: torch.Tensor, scale: float = 0.0) -> None:
        super().__init__()
        self.weights, self.scale = weights, scale

    def forward(self, evidence, steps, seen, reach=-1):
        gaze = 10 * (recipe.true_gaze(TRUTH) - evidence[..., group("gaze")] / 4)
        slow = lowpassed(evidence[..., group("fitted")], seen, reach)
        values = [self.weights - slow, gaze, torch.zeros(1, FRAMES, 6)]
        gates = torch.full((1, FRAMES, UNITS), -100.0)
        return torch.cat([*values, torch.full((1, FRAMES, SAID), self.scale), gates], dim=2)


def batch(seen=None):
    return {
        "evidence": torch.rand(1, FRAMES, WIDTH, generator=torch.Generator().manual_seed(1)),
        "expression": TRUTH, "pose": torch.zeros(1, FRAMES, 6), "gap": torch.ones(1, 2, 3, 3),
        "steps": torch.full((1, FRAMES), 1 / 30), "seen": torch.ones(1, FRAMES) if seen is None else seen,
    }  # fmt: skip


def parts(weights, seen=None, **options):
    total, measures = recipe.loss(Says(weights), batch(seen), recipe.MotionOptions(**options))
    return {"total": float(total), **{name: float(value) for name, value in measures.items()}}


def test_the_truth_costs_least():
    found = parts(TRUTH)
    assert found["place"] == pytest.approx(recipe.SOFT, rel=0.01) and found["blink"] == pytest.approx(0, abs=1e-6)
    assert found["gap"] == pytest.approx(0, abs=1e-3)
    assert parts(TRUTH + 0.05)["total"] > found["total"]


def test_jitter_costs_more_than_a_constant_error_as_large():
    signs = torch.tensor([1.0, -1.0] * (FRAMES // 2))[None, :, None]
    constant, jitter = parts(TRUTH + 0.05), parts(TRUTH + 0.05 * signs)
    assert jitter["bend"] > 50 * constant["bend"] and jitter["total"] > 2 * constant["total"]


def test_frames_that_are_not_there_cost_nothing():
    seen = torch.ones(1, FRAMES)
    seen[:, -2:] = 0
    wrong = TRUTH.clone()
    wrong[:, -2:] += 0.4
    assert parts(wrong, seen)["place"] == pytest.approx(recipe.SOFT, rel=0.01)


def test_the_gaze_of_weights_is_the_one_that_makes_them():
    gaze = np.random.default_rng(0).uniform(-0.15, 0.15, (5, 2, 2))
    weights = torch.from_numpy(looked(np.zeros((5, UNITS)), gaze, units()))
    assert np.allclose(recipe.true_gaze(weights).numpy(), gaze.reshape(5, 4), atol=1e-9)


def test_scores_see_blinks_and_jitter():
    truth = np.zeros((30, UNITS), np.float32)
    blinks = [units().index(f"eyeBlink{side}") for side in ("Left", "Right")]
    truth[10:14][:, blinks] = 1
    evidence = np.zeros((30, WIDTH), np.float32)
    evidence[::2, group("fitted").start + units().index("jawOpen")] = 0.1
    clip = {
        "evidence": evidence, "expression": truth, "steps": np.full(30, 1 / 30, np.float32),
        "seen": np.ones(30, np.float32), "gap": np.ones((2, 3, 3), np.float32),
    }  # fmt: skip
    network = recipe.build_network(recipe.MotionOptions(width=8)).eval().requires_grad_(False)
    found = recipe._scores(network, clip)
    assert found["blinks"] == 0 and found["jitter"] == pytest.approx(0.7, abs=0.15) and found["mm"] < found["mm_fit"]
    clip["evidence"][10:14][:, [group("fitted").start + k for k in blinks]] = 1
    assert recipe._scores(network, clip)["blinks"] == 1


def test_a_picture_draws_curves():
    found = recipe.picture(Says(TRUTH), batch())
    assert found.shape == (400, 720, 3) and found[:100].any() and not found[100:].any()
