"""The closed-form start."""

from __future__ import annotations

import numpy as np
import torch

from known_bodies import MODEL, SKELETON, pose, seen
from maquette.reconstruction.body_fit.initial import first_turns
from maquette.reconstruction.body_fit.skeleton import points_of
from maquette.reconstruction.body_fit.solve import MODES


def test_the_closed_form_start_turns_limbs_where_they_are():
    rng = np.random.default_rng(1)
    turns = pose(shoulder_L=(0, 0, 60), hip_R=(-60, 0, 10), knee_R=(70, 0, 0), root=(0, 150, 0))
    observation = seen(turns, np.zeros(MODES), rng)
    state = torch.as_tensor(first_turns(SKELETON, observation.landmarks_metric)[None]).float()
    moved = points_of(SKELETON, np.arange(0, len(MODEL.mean), 50)).posed(SKELETON, torch.zeros(MODES), state)
    true = points_of(SKELETON, np.arange(0, len(MODEL.mean), 50)).posed(
        SKELETON, torch.zeros(MODES), torch.as_tensor(turns[None]).float()
    )
    assert float((moved - true).norm(dim=2).mean()) < 0.05
