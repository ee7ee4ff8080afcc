"""Heads drawn from the prior: what lies inside stays inside, and what should meet meets."""

from __future__ import annotations

import numpy as np
import pytest

from maquette import morphable
from maquette.geometry.raycast import RayCaster

MODEL = morphable.load("maquette-head")
INSIDE = ("mouth", "teeth", "tongue")
ACROSS, UP = np.arange(-0.035, 0.0351, 0.001), np.arange(-0.10, -0.05, 0.001)  # metres: a ray per square millimetre


def drawn(number: int) -> np.ndarray:
    """(V, 3) metres, a head without expression."""
    return MODEL.vertices(np.random.default_rng([9, number]).normal(size=len(MODEL.identity_basis)), np.zeros(52))


def parts_seen(vertices: np.ndarray) -> dict[str, int]:
    """Square millimetres of the inside of the mouth that are seen from the front."""
    grid = np.stack([*np.meshgrid(ACROSS, UP, indexing="ij"), np.full((len(ACROSS), len(UP)), 0.2)], axis=-1)
    starts = grid.reshape(-1, 3)
    hit = RayCaster(vertices, MODEL.faces).first_hits(starts, np.tile([0.0, 0.0, -1.0], (len(starts), 1)))[0]
    return {part: int(np.isin(hit, MODEL.parts[part]).sum()) for part in INSIDE}


@pytest.mark.parametrize("count", [100, pytest.param(500, marks=pytest.mark.slow)])
def test_hardly_a_drawn_head_shows_the_inside_of_its_mouth(count):
    seen = [parts_seen(drawn(number)) for number in range(count)]
    teeth = np.array([one["teeth"] + one["tongue"] for one in seen])
    area = np.array([sum(one.values()) for one in seen])
    assert (area > 5).mean() <= 0.01, "before people's modes: 40 %"
    assert (area > 0).mean() < 0.08 and teeth.mean() < 0.1, "before: 78 % and 6 square millimetres"


def test_a_dropped_jaw_shows_teeth_and_a_closed_one_does_not():
    jaw = np.zeros(52)
    jaw[MODEL.expression_names.index("jawOpen")] = 1
    shut, dropped = (parts_seen(MODEL.vertices(np.zeros(1), weights)) for weights in (0 * jaw, jaw))
    assert sum(shut.values()) == 0
    assert dropped["teeth"] > 20 and dropped["tongue"] > 20


def test_a_blink_covers_the_eyeballs_of_drawn_heads():
    """Nothing of them on the mean head; on most others next to nothing, where wide eyes stay ajar."""
    blink = np.zeros(52)
    blink[[MODEL.expression_names.index(f"eyeBlink{side}") for side in ("Left", "Right")]] = 1
    eyes = np.concatenate([MODEL.parts["eyeLeft"], MODEL.parts["eyeRight"]])
    grid = np.stack(
        [
            *np.meshgrid(np.arange(-0.06, 0.0601, 0.001), np.arange(-0.02, 0.0201, 0.001)),
        ],
        axis=-1,
    )
    starts = np.concatenate([grid.reshape(-1, 2), np.full((grid[..., 0].size, 1), 0.2)], axis=1)

    def shown(identity: np.ndarray, weights: np.ndarray) -> int:
        vertices = MODEL.vertices(identity, weights)
        hit = RayCaster(vertices, MODEL.faces).first_hits(starts, np.tile([0.0, 0.0, -1.0], (len(starts), 1)))[0]
        return int(np.isin(hit, eyes).sum())

    assert shown(np.zeros(1), blink) == 0
    rng = np.random.default_rng(9)
    some = [rng.normal(size=len(MODEL.identity_basis)) for _ in range(40)]
    shut, wide = (np.array([shown(identity, weights) for identity in some]) for weights in (blink, 0 * blink))
    assert wide.min() > 100
    assert np.median(shut / wide) < 0.03 and np.quantile(shut / wide, 0.75) < 0.2
