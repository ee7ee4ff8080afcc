"""Coats of animals, painted as solid textures in the head's frame: plain, striped, spotted, pointed, masked, patched.

Colours and markings are drawn wider than nature has them, where the head is not to be natural: what learns landmarks
from these pictures should rely on no coat.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from maquette.synthesis.animals.surface import (
    CHIN,
    FOREHEAD,
    L_EAR,
    L_EYE,
    L_MOUTH,
    NOSE,
    R_EAR,
    R_EYE,
    R_MOUTH,
    UPPER_LIP,
    SeenHead,
    ear_coordinates,
    from_segment,
    over,
    smooth,
    solid_noise,
)

# Linear RGB of fur.
BLACK, WHITE, CREAM, GINGER = (0.012, 0.011, 0.011), (0.78, 0.75, 0.70), (0.62, 0.46, 0.28), (0.48, 0.20, 0.06)
BROWN, DARK, GREY, BLUE = (0.17, 0.09, 0.045), (0.05, 0.03, 0.02), (0.23, 0.21, 0.19), (0.10, 0.105, 0.125)
FAWN, RED, SAND, SILVER = (0.48, 0.30, 0.15), (0.32, 0.10, 0.03), (0.52, 0.36, 0.19), (0.45, 0.44, 0.43)
DARKS = (BLACK, DARK, BROWN, BLUE)
LIGHTS = (WHITE, CREAM, SAND, SILVER)
ALL = (BLACK, WHITE, CREAM, GINGER, BROWN, DARK, GREY, BLUE, FAWN, RED, SAND, SILVER)
ANY_COLOUR = 0.08  # share of coats in colours that no animal has
STRANGE_SCHEME = 0.15  # share of coats that belong to another species

Rng = np.random.Generator
Scheme = Callable[[SeenHead, Rng], NDArray]


def draw_coat(head: SeenHead, rng: Rng) -> NDArray:
    """(N, 3) float32 linear RGB of fur, without eyes, nose and mouth."""
    own = rng.random() > STRANGE_SCHEME or head.natural
    kinds = head.form.species if own else str(rng.choice(list(SCHEMES)))
    schemes, weights = zip(*SCHEMES[kinds])
    coat = schemes[rng.choice(len(schemes), p=np.array(weights) / sum(weights))](head, rng)
    if rng.random() < 0.5:
        coat = _ears(coat, head, rng)
    if rng.random() < 0.35:
        coat = _eye_rings(coat, head, rng)
    mottled = solid_noise(head.place, rng.uniform(0.25, 0.9), rng)
    return np.clip(coat * np.exp(rng.uniform(0, 0.25) * mottled)[:, None], 0.004, 0.95).astype(np.float32)


def _colour(head: SeenHead, rng: Rng, among: tuple[tuple[float, float, float], ...]) -> NDArray:
    if rng.random() < ANY_COLOUR and not head.natural:
        return rng.beta(1, 2, 3)
    return np.clip(
        np.array(among[rng.integers(len(among))]) * np.exp(rng.normal(size=3) * 0.08 + rng.normal() * 0.3), 0, 0.9
    )


def _filled(head: SeenHead, colour: NDArray) -> NDArray:
    return np.repeat(colour[None].astype(np.float32), len(head.place), axis=0)


def _rough(head: SeenHead, rng: Rng, amount: float = 0.1) -> NDArray:
    """(N, 3) places shifted by noise: borders of markings are never even."""
    shift = np.stack([solid_noise(head.place, 0.5, rng) for _ in range(2)], axis=1)
    fine = solid_noise(head.place, 0.12, rng)[:, None] * 0.3
    return head.place + amount * (np.column_stack([shift, shift[:, :1]]) + fine)


def _muzzle(head: SeenHead, place: NDArray, size: float) -> NDArray:
    """(N,) 1 on the muzzle, 0 elsewhere; size 1 reaches the mouth's corners."""
    width = float(np.linalg.norm(head.marks[R_MOUTH] - head.marks[L_MOUTH])) / 2 + 0.12
    far = from_segment(place, head.marks[NOSE], (head.marks[UPPER_LIP] + head.marks[CHIN]) / 2)
    return smooth(1.35 * size * width, 0.95 * size * width, far)


def _below(place: NDArray, level: float, softness: float = 0.3) -> NDArray:
    return smooth(level + softness / 2, level - softness / 2, place[:, 1])


def _blaze(head: SeenHead, place: NDArray, rng: Rng) -> NDArray:
    """(N,) a stripe from the nose up to the forehead, and around the muzzle."""
    nose, top = head.marks[NOSE][1], head.marks[FOREHEAD][1]
    share = np.clip((place[:, 1] - nose) / max(top - nose, 0.1), 0, 2)
    width = rng.uniform(0.05, 0.25) * (1.4 - share * rng.uniform(0.5, 1.2)) + 0.02
    stripe = smooth(1.25, 0.85, np.abs(place[:, 0]) / np.maximum(width, 0.01)) * smooth(-1.2, -0.6, place[:, 2])
    return np.maximum(stripe, _muzzle(head, place, rng.uniform(0.6, 1.2)))


def _ears(coat: NDArray, head: SeenHead, rng: Rng) -> NDArray:
    colour, reach = _colour(head, rng, ALL if rng.random() < 0.3 else DARKS), rng.uniform(-0.3, 0.5)
    share = np.zeros(len(coat), np.float32)
    for ear in (R_EAR, L_EAR):
        up, across, off, _ = ear_coordinates(head, ear)
        share = np.maximum(share, smooth(reach, reach + 0.35, up) * (np.abs(across) < 1.6) * (off < 1.3))
    return over(coat, share * rng.uniform(0.4, 1), colour)


def _eye_rings(coat: NDArray, head: SeenHead, rng: Rng) -> NDArray:
    colour = _colour(head, rng, LIGHTS if rng.random() < 0.5 else DARKS)
    size, share = rng.uniform(0.7, 1.7), np.zeros(len(coat), np.float32)
    place = _rough(head, rng, 0.03)
    for outer, inner in (R_EYE, L_EYE):
        centre, half = (
            head.marks[[outer, inner]].mean(axis=0),
            float(np.linalg.norm(head.marks[outer] - head.marks[inner])),
        )
        share = np.maximum(share, smooth(1.2 * size * half, 0.8 * size * half, np.linalg.norm(place - centre, axis=1)))
    return over(coat, share * rng.uniform(0.3, 1), colour)


def _pale_below(coat: NDArray, head: SeenHead, rng: Rng) -> NDArray:
    """Lighter on chin, throat, muzzle and perhaps cheeks."""
    light, place = _colour(head, rng, LIGHTS), _rough(head, rng)
    share = np.maximum(
        _below(place, head.marks[UPPER_LIP][1] + rng.uniform(-0.5, 0.15), rng.uniform(0.1, 0.5)),
        _muzzle(head, place, rng.uniform(0.5, 1.3)) * rng.uniform(0, 1),
    )
    if rng.random() < 0.4:
        share = np.maximum(share, smooth(0.5, 1.0, np.abs(place[:, 0])) * _below(place, rng.uniform(-0.4, 0.1)))
    return over(coat, share * rng.uniform(0.5, 1), light)


def _plain(head: SeenHead, rng: Rng) -> NDArray:
    coat = _filled(head, _colour(head, rng, ALL if rng.random() < 0.6 else (BLACK, WHITE)))
    return _pale_below(coat, head, rng) if rng.random() < 0.4 else coat


def _graded(head: SeenHead, rng: Rng) -> NDArray:
    """A dark back and crown over a lighter face: wolves, huskies, foxes, lions."""
    dark = _colour(head, rng, (GREY, DARK, BROWN, BLUE, RED, GINGER, FAWN))
    light = _colour(head, rng, (*LIGHTS, FAWN, SAND))
    place = _rough(head, rng, 0.15)
    back = smooth(rng.uniform(0.2, 0.7), rng.uniform(-1.2, -0.4), place[:, 2]) * 0.6
    top = smooth(rng.uniform(-0.4, 0.2), rng.uniform(0.3, 0.8), place[:, 1])
    coat = over(_filled(head, light), np.clip(back + top, 0, 1), dark)
    return _pale_below(coat, head, rng)


def _striped(head: SeenHead, rng: Rng) -> NDArray:
    """Tabbies and tigers: upright lines on the forehead, lines running back over cheeks and crown."""
    base = _colour(
        head,
        rng,
        (GREY, BROWN, GINGER, SILVER, SAND, CREAM, FAWN) if head.form.species == "cat" else (GINGER, SAND, FAWN, WHITE),
    )
    coat = _filled(head, base)
    if rng.random() < 0.75:
        coat = _pale_below(coat, head, rng)
    place = _rough(head, rng, rng.uniform(0.03, 0.12))
    nose = head.marks[NOSE]
    count = rng.uniform(5, 13)
    angle = np.arctan2(place[:, 0], np.abs(place[:, 1] - nose[1]) + 0.25)
    around = np.linalg.norm(place - [0, 0, -0.5], axis=1)
    forehead = smooth(0.0, 0.35, place[:, 1])
    waves = np.cos(angle * count * 1.6) * forehead + np.sin(around * count + place[:, 1] * rng.uniform(-6, 6)) * (
        1 - forehead
    )
    width = rng.uniform(-0.3, 0.5)
    lines = smooth(width, width + rng.uniform(0.2, 0.7), waves + 0.4 * solid_noise(place, 0.4, rng))
    near = smooth(0.15, 0.6, np.linalg.norm(place - nose, axis=1))
    dark = base * rng.uniform(0.05, 0.5) if rng.random() < 0.6 else _colour(head, rng, DARKS)
    return over(coat, lines * near * rng.uniform(0.4, 1), dark)


def _spotted(head: SeenHead, rng: Rng) -> NDArray:
    """Cheetahs, leopards, jaguars: spots or rings, smaller towards the nose; perhaps lines from eyes to mouth."""
    coat = _pale_below(_filled(head, _colour(head, rng, (SAND, FAWN, CREAM, GINGER, SILVER))), head, rng)
    dark, wave = _colour(head, rng, (BLACK, DARK, BROWN)), rng.uniform(0.16, 0.5)
    cells = solid_noise(head.place, wave, rng) + 0.25 * solid_noise(head.place, wave / 2, rng)
    level = rng.uniform(0.6, 1.1)
    spots = smooth(level, level + 0.25, cells)
    if rng.random() < 0.4:
        spots = spots * smooth(level + 0.9, level + 0.6, cells)
    near = smooth(0.15, 0.5, np.linalg.norm(head.place - head.marks[NOSE], axis=1))
    coat = over(coat, spots * near * rng.uniform(0.6, 1), dark)
    if rng.random() < 0.4:
        for (_, inner), corner in ((R_EYE, R_MOUTH), (L_EYE, L_MOUTH)):
            line = from_segment(_rough(head, rng, 0.03), head.marks[inner], head.marks[corner])
            coat = over(coat, smooth(0.11, 0.06, line), dark)
    return coat


def _pointed(head: SeenHead, rng: Rng) -> NDArray:
    """Siamese: dark mask and ears on a light coat."""
    light, dark = _colour(head, rng, (CREAM, WHITE, SAND, FAWN)), _colour(head, rng, (DARK, BROWN, BLUE, BLACK, GREY))
    place = _rough(head, rng, 0.08)
    size = rng.uniform(0.7, 1.6)
    mask = smooth(1.1 * size, 0.4 * size, np.linalg.norm(place - (head.marks[NOSE] + head.marks[5]) / 2, axis=1))
    return _ears(over(_filled(head, light), mask, dark), head, rng)


def _masked(head: SeenHead, rng: Rng) -> NDArray:
    """A dark muzzle on a lighter coat: pugs, shepherds, boxers."""
    coat = _filled(head, _colour(head, rng, (FAWN, SAND, GINGER, GREY, SILVER, BROWN, CREAM)))
    place = _rough(head, rng, 0.07)
    coat = over(coat, _muzzle(head, place, rng.uniform(0.8, 1.8)) * rng.uniform(0.6, 1), _colour(head, rng, DARKS))
    return over(coat, smooth(0.2, 0.6, place[:, 1]) * rng.uniform(0, 0.6), _colour(head, rng, ALL))


def _tan_points(head: SeenHead, rng: Rng) -> NDArray:
    """Black with tan spots above the eyes, on cheeks and muzzle."""
    coat, tan = _filled(head, _colour(head, rng, DARKS)), _colour(head, rng, (GINGER, FAWN, RED, SAND))
    place = _rough(head, rng, 0.05)
    share = _muzzle(head, place, rng.uniform(0.6, 1.1)) * smooth(0.0, 0.2, np.abs(place[:, 0]))
    for (outer, inner), side in ((R_EYE, -1), (L_EYE, 1)):
        centre = head.marks[[outer, inner]].mean(axis=0)
        spot = np.linalg.norm(place - centre - [-0.1 * side, 0.32, 0], axis=1)
        cheek = np.linalg.norm(place - centre - [0.35 * side, -0.75, -0.4], axis=1)
        share = np.maximum(share, np.maximum(smooth(0.2, 0.1, spot), smooth(0.55, 0.3, cheek)))
    coat = over(coat, share, tan)
    return _white_marks(coat, head, rng) if rng.random() < 0.35 else coat


def _white_marks(coat: NDArray, head: SeenHead, rng: Rng) -> NDArray:
    place = _rough(head, rng, 0.08)
    share = _blaze(head, place, rng)
    if rng.random() < 0.6:
        share = np.maximum(share, _below(place, head.marks[NOSE][1] + rng.uniform(-0.7, 0.4)))
    return over(coat, share * rng.uniform(0.8, 1), _colour(head, rng, (WHITE, WHITE, CREAM)))


def _bicolour(head: SeenHead, rng: Rng) -> NDArray:
    coat = _SIMPLE[rng.integers(len(_SIMPLE))](head, rng)
    return _white_marks(coat, head, rng)


def _patched(head: SeenHead, rng: Rng) -> NDArray:
    """Tortoiseshell, calico, merle: patches of two or three colours."""
    coat = _filled(head, _colour(head, rng, ALL))
    for _ in range(rng.integers(1, 3)):
        level = rng.uniform(-0.3, 0.8)
        patch = smooth(level, level + rng.uniform(0.05, 0.5), solid_noise(head.place, rng.uniform(0.4, 2.2), rng))
        coat = over(coat, patch, _colour(head, rng, ALL))
    return _white_marks(coat, head, rng) if rng.random() < 0.4 else coat


_SIMPLE: tuple[Scheme, ...] = (_plain, _plain, _striped, _graded, _patched)
SCHEMES: dict[str, tuple[tuple[Scheme, float], ...]] = {
    "cat": ((_striped, 0.34), (_plain, 0.2), (_bicolour, 0.22), (_pointed, 0.12), (_patched, 0.12)),
    "dog": ((_plain, 0.2), (_masked, 0.18), (_tan_points, 0.15), (_bicolour, 0.2), (_graded, 0.17), (_patched, 0.1)),
    "wild": ((_plain, 0.15), (_striped, 0.27), (_spotted, 0.28), (_graded, 0.3)),
}
