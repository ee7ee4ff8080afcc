"""Offsets as they come out: kept on the face, smooth at its outline, nothing beyond."""

from __future__ import annotations

import numpy as np
import torch

import head_twin
from maquette.reconstruction.hrn.head.finish import face_share, finished

MODEL = head_twin.model()
NOBODY = torch.zeros(MODEL.face_count, dtype=torch.bool)


def test_an_even_offset_stays_on_the_face_and_fades_beyond():
    found = finished(MODEL, torch.full((1, 3, 300, 300), 0.1), NOBODY)[0, 0].numpy()
    share = face_share(MODEL)
    assert np.abs(found[share > 0.999]).min() > 0.095 and share[150, 150] == 1
    assert not found[:30].any() and not found[-60:].any() and found.max() <= 0.1 + 1e-6


def test_where_the_outline_pulled_it_is_smooth():
    stripes = torch.zeros(1, 3, 300, 300)
    stripes[..., ::2] = 0.1
    half = MODEL.face_uvs[:, 0] > 0.5
    found = finished(MODEL, stripes, half)[0, 0].numpy()
    inner = face_share(MODEL) > 0.999
    rough = np.abs(np.diff(found, axis=1)) * inner[:, 1:]
    assert rough[:, 165:].max() < 0.2 * rough[:, :135].max()


def test_nothing_stays_nothing():
    assert not finished(MODEL, torch.zeros(1, 3, 300, 300), ~NOBODY).any()
