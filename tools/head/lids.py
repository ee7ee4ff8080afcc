"""Lids that close: the upper lid of a blink is led down to the lower one and over the eyeball."""

from __future__ import annotations

import numpy as np

from maquette.geometry.raycast import RayCaster

STEP_M = 0.0004  # of the rays that look for the eyeball between the lids
OVERLAP_M = 0.0018  # how far the upper lid is led beyond the lower
CLEARANCE_M = 0.0007  # of the lid over the eyeball
HELD_M, LOOSE_M = 0.0025, 0.006  # skin this near over the eyeball stays at its distance; this far it is free
ROUNDS, SPREAD = 8, 10  # of leading; columns on both sides that a gap's closing spreads over
Hits = tuple[np.ndarray, np.ndarray]


class OnBall:
    """The lids of one eye: a mode slides them over the eyeball, but neither lifts them off it nor sinks them in.

    The eyeball itself only moves: one that grew would come through its lids, and eyes hardly differ in size.
    """

    def __init__(self, mean: np.ndarray, skin: np.ndarray, ball: np.ndarray):
        """mean: (V, 3) metres; skin: vertices of the skin; ball: of the eyeball."""
        centre = (mean[ball].min(axis=0) + mean[ball].max(axis=0)) / 2
        out = mean[skin] - centre
        far = np.linalg.norm(out, axis=1)
        radii = mean[ball] - centre
        reach = np.linalg.norm(radii, axis=1)
        along = out / far[:, None]
        above = far - reach[(along @ (radii / reach[:, None]).T).argmax(axis=1)]
        share = np.clip((LOOSE_M - above) / (LOOSE_M - HELD_M), 0, 1) * (along[:, 2] > 0)
        self.ball, self.own, self.along, self.share = ball, skin[share > 0], along[share > 0], share[share > 0]

    def led(self, field: np.ndarray) -> np.ndarray:
        """(V, 3) the mode."""
        field = field.copy()
        field[self.ball] = field[self.ball].mean(axis=0)
        lifted = ((field[self.own] - field[self.ball[0]]) * self.along).sum(axis=1)
        field[self.own] -= (self.share * lifted)[:, None] * self.along
        return field


def closed(mean: np.ndarray, blink: np.ndarray, faces: np.ndarray, eye: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """(V, 3) the blink unit, changed where the eyeball shows at weight 1.

    Args:
        mean, blink: (V, 3) metres. eye, skin: vertices of the eyeball and of the skin.
    """
    ball = mean[eye]
    centre = (ball.min(axis=0) + ball.max(axis=0)) / 2
    reach = np.ptp(ball, axis=0).max() / 2
    near = skin[np.linalg.norm(mean[skin] - centre, axis=1) < 1.6 * reach]
    blink = blink.copy()
    x, amount = mean[near, 0], np.linalg.norm(blink[near], axis=1)
    upper = (amount / column_most(x, amount)) ** 2
    blink[near, 1] -= OVERLAP_M * np.clip(1 - ((x - centre[0]) / reach) ** 2, 0, 1) * upper
    for _ in range(ROUNDS):
        blink[near] += over_ball(mean[near] + blink[near], centre, ball, amount)
        columns, gaps = seen_gaps(mean + blink, faces, eye, centre, reach)
        if gaps.max() == 0:
            break
        blink[near, 1] -= np.interp(x, columns, gaps, left=0, right=0) * upper
    return blink


def share_of_look_down(
    mean: np.ndarray, faces: np.ndarray, eye: np.ndarray, blink: np.ndarray, down: np.ndarray
) -> float:
    """How much less of a blink shuts an eye that looks down at weight 1. blink, down: (V, 3) units of that eye."""
    ball = mean[eye]
    centre, reach = (ball.min(axis=0) + ball.max(axis=0)) / 2, np.ptp(ball, axis=0).max() / 2
    left = np.arange(0, 1.005, 0.01)
    shut = [seen_gaps(mean + down + share * blink, faces, eye, centre, reach)[1].max() == 0 for share in left]
    return float(1 - left[int(np.argmax(shut))])


def seen_gaps(places: np.ndarray, faces: np.ndarray, eye: np.ndarray, centre: np.ndarray, reach: float) -> Hits:
    """Columns (C,) x and the height (C,) of eyeball that is seen from the front in each, smoothed; metres."""
    across, up = np.arange(-1.2 * reach, 1.2 * reach, STEP_M), np.arange(-reach, reach, STEP_M)
    grid = np.stack([*np.meshgrid(across, up, indexing="ij"), np.full((len(across), len(up)), 0.2)], axis=-1)
    starts = grid.reshape(-1, 3) + centre
    hit = RayCaster(places, faces).first_hits(starts, np.tile([0.0, 0.0, -1.0], (len(starts), 1)))[0]
    shown = (hit >= 0) & np.isin(faces[np.maximum(hit, 0)], eye).all(axis=1)
    gaps = shown.reshape(len(across), -1).sum(axis=1) * STEP_M
    # Wide and smooth: where only a few columns were led down, the line of the lid would have a notch.
    wide = np.max([np.roll(gaps, k) for k in range(-SPREAD, SPREAD + 1)], axis=0)
    return across + centre[0], np.convolve(wide, np.hanning(2 * SPREAD + 1) / SPREAD, "same")


def column_most(x: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """(N,) the largest movement within 1.5 mm across of each vertex."""
    beside = np.abs(x[:, None] - x[None]) < 0.0015
    return np.maximum((beside * amount[None]).max(axis=1), 1e-5)


def over_ball(places: np.ndarray, centre: np.ndarray, ball: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """(N, 3) what lifts moving lid vertices off the eyeball, along its radius."""
    out = places - centre
    far = np.linalg.norm(out, axis=1, keepdims=True)
    along = out / np.maximum(far, 1e-9)
    radii = ball - centre
    surface = np.linalg.norm(radii, axis=1)
    nearest = (along @ (radii / surface[:, None]).T).argmax(axis=1)
    wanted = surface[nearest, None] + CLEARANCE_M
    moving = np.clip(amount / 0.002, 0, 1)[:, None] * (along[:, 2:] > 0.2)
    return along * np.maximum(wanted - far, 0) * moving * (far > 0.75 * wanted)
