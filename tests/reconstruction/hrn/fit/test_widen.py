"""The wider jaw: the flow of the published function, and what it does to a picture."""

from __future__ import annotations

import numpy as np
import torch

from hrn_by_seed import PHOTO, golden, points106, some
from maquette.reconstruction.hrn.fit.widen import jaw_flow, widened

# Lines of the published 106 points that stay, and whether they are closed.
LINES = ((33, 38, 0), (42, 47, 0), (51, 55, 0), (57, 64, 0), (66, 74, 1), (75, 83, 1), (84, 96, 1))


def test_the_flow_is_the_published_one():
    points, box = points106()
    inner = [(points[first:last], bool(closed)) for first, last, closed in LINES]
    found = jaw_flow(PHOTO[::-1], points[:33], inner, box)
    wanted = golden("jaw_flow").numpy()
    assert np.abs(some(torch.from_numpy(found)).numpy() - wanted).max() < 0.02 < np.abs(wanted).max(), "pixels"


def test_the_jaw_moves_out_and_the_middle_stays():
    marks = np.tile([300.0, 210], (68, 1)) + 12 * np.random.default_rng(1).standard_normal((68, 2))
    marks[:17] = points106()[0][:33:2]
    picture = np.zeros((480, 640, 3), np.uint8)
    picture[..., 0] = np.arange(640)[None] // 3
    found = widened(picture, marks).astype(int) - picture
    jaw = np.round(marks[:17]).astype(int).clip(0, [639, 479])
    outward = [found[y, x, 0] * np.sign(300 - x) for x, y in jaw if abs(x - 300) > 60]
    assert np.mean(outward) > 0.5 and np.abs(found).max() < 12, "what is farther in has come there"
    nose = np.round(marks[30]).astype(int)
    assert not found[nose[1] - 2 : nose[1] + 3, nose[0] - 2 : nose[0] + 3].any()
