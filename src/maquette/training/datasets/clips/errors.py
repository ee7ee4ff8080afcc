"""How the frames of clips are misread, measured on filmed clips, and other acting read with the same errors.

What is read answers to what a face does in a way that is the same for all (a linear response); what is left is each
clip's own: a bias that stays, for the person, and errors that come and go, with the head's turn, the picture's size
and blur. So a few filmed clips make much to learn from: their errors stay, the acting is another each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from maquette.reconstruction.face_fit.motion.evidence import group
from maquette.synthesis.scenes.acting import RATES, act_freely
from maquette.training.datasets.shards import Array

RIDGE = 2.0  # frames' worth of each unit at full weight
POOL = 24  # of actings for each frame rate
MIXED = 0.5  # share of stretches whose bias is mixed with another's
WEIGHTS = ("fitted", "scores", "network")  # groups that stay within 0-1
OWN = ("facts",)  # groups that are the picture's, not the acting's


@dataclass(frozen=True, eq=False)
class ReadingErrors:
    """What was measured.

    Attributes:
        response: (52, WIDTH) by which the evidence moves with each unit.
        biases: (C, WIDTH) mean error of each clip, about the mean of all.
    """

    response: Array
    biases: Array

    @classmethod
    def of(cls, clips: Sequence[tuple[Array, Array]]) -> ReadingErrors:
        """The errors of clips, each evidence (N, WIDTH) and true weights (N, 52)."""
        moved = np.concatenate([truth - truth.mean(axis=0) for _, truth in clips]).astype(float)
        seen = np.concatenate([evidence - evidence.mean(axis=0) for evidence, _ in clips]).astype(float)
        response = np.linalg.solve(moved.T @ moved + RIDGE * np.eye(moved.shape[1]), moved.T @ seen)
        for name in OWN:
            response[:, group(name)] = 0
        biases = np.array([(evidence - truth @ response).mean(axis=0) for evidence, truth in clips])
        biases -= biases.mean(axis=0)
        for name in OWN:
            biases[:, group(name)] = 0
        return cls(response.astype(np.float32), biases.astype(np.float32))

    def read_as(self, evidence: Array, truth: Array, other: Array, number: int, rng: np.random.Generator) -> Array:
        """(N, WIDTH) evidence of other acting (N, 52), with the errors of the clip of this number."""
        found = evidence + (other - truth) @ self.response
        if rng.random() < MIXED:
            angle = rng.uniform(0, np.pi / 2)
            second = self.biases[int(rng.integers(len(self.biases)))]
            found = found + (np.cos(angle) - 1) * self.biases[number] + np.sin(angle) * second
        for name in WEIGHTS:
            found[:, group(name)] = np.clip(found[:, group(name)], 0, 1)
        return np.asarray(found, np.float32)


def acting_pool(names: Sequence[str], count: int, seed: int) -> dict[int, Array]:
    """Frames a second -> (POOL, count, 52) weights of faces that act."""
    rng = np.random.default_rng([seed, 77])
    return {
        round(rate): np.array([act_freely(names, count, rate, rng).expression for _ in range(POOL)], np.float32)
        for rate in sorted(set(RATES))
    }
