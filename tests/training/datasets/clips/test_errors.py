"""Errors measured on clips: the response is found again, and other acting keeps each clip's own errors."""

import numpy as np
import pytest

from maquette.reconstruction.face_fit.motion.evidence import UNITS, WIDTH, group
from maquette.synthesis.scenes.acting import RATES
from maquette.training.datasets.clips.errors import ReadingErrors, acting_pool

RNG = np.random.default_rng(0)
RESPONSE = 0.05 * RNG.normal(size=(UNITS, WIDTH)).astype(np.float32)
RESPONSE[:, group("facts")] = 0
OFFSETS = 0.3 * RNG.normal(size=(6, WIDTH)).astype(np.float32)


def clips():
    rng = np.random.default_rng(1)
    for offset in OFFSETS:
        truth = rng.uniform(0, 1, (60, UNITS)).astype(np.float32)
        yield 1.0 + offset + truth @ RESPONSE + 0.001 * rng.normal(size=(60, WIDTH)).astype(np.float32), truth


def test_response_and_biases_are_found():
    errors = ReadingErrors.of(list(clips()))
    assert np.abs(errors.response - RESPONSE).max() < 0.03
    wanted = OFFSETS - OFFSETS.mean(axis=0)
    wanted[:, group("facts")] = 0
    assert np.abs(errors.biases - wanted).max() < 0.05


def test_other_acting_moves_the_evidence_and_keeps_the_error():
    errors, (evidence, truth) = ReadingErrors.of(list(clips())), next(clips())
    other = np.clip(truth[::-1] * 0.5, 0, 1)
    plain = next(seed for seed in range(50) if np.random.default_rng(seed).random() > 0.5)
    read = errors.read_as(evidence, truth, other, 0, np.random.default_rng(plain))
    marks = group("marks")
    assert np.abs((read - other @ RESPONSE)[:, marks] - (evidence - truth @ RESPONSE)[:, marks]).max() < 0.05
    assert read[:, group("fitted")].min() >= 0 and read[:, group("fitted")].max() <= 1
    assert np.array_equal(read[:, group("facts")], evidence[:, group("facts")])


def test_a_mixed_bias_is_anothers_in_part():
    errors, (evidence, truth) = ReadingErrors.of(list(clips())), next(clips())
    mixed = next(seed for seed in range(50) if np.random.default_rng(seed).random() < 0.5)
    read = errors.read_as(evidence, truth, truth, 0, np.random.default_rng(mixed))
    moved = (read - evidence)[:, group("marks")]
    assert np.abs(moved).max() > 0.05 and np.ptp(moved, axis=0).max() == pytest.approx(0, abs=1e-5)


def test_the_pool_acts_at_every_rate_and_is_the_same_for_a_seed(monkeypatch):
    monkeypatch.setattr("maquette.training.datasets.clips.errors.POOL", 1)
    eyes = ("Blink", "Wide", "LookIn", "LookOut", "LookUp", "LookDown")
    names = [f"eye{unit}{side}" for unit in eyes for side in ("Left", "Right")] + ["jawOpen", "mouthPucker"]
    first, again = acting_pool(names, 20, 3), acting_pool(names, 20, 3)
    assert sorted(first) == sorted({round(rate) for rate in RATES})
    assert first[30].shape == (1, 20, len(names)) and np.array_equal(first[30], again[30])
