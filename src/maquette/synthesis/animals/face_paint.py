"""What is no fur in an animal's face: eyes, nose pad, mouth, tongue, inner ears, dots of the whiskers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.synthesis.animals.surface import (
    L_EAR,
    L_EYE,
    L_MOUTH,
    LOWER_LIP,
    NOSE,
    R_EAR,
    R_EYE,
    R_MOUTH,
    UPPER_LIP,
    FacePaint,
    SeenHead,
    ear_coordinates,
    over,
    smooth,
    solid_noise,
)

Rng = np.random.Generator
# Linear RGB of irises.
IRISES = {
    "cat": ((0.55, 0.42, 0.06), (0.28, 0.38, 0.08), (0.20, 0.40, 0.62), (0.52, 0.22, 0.03), (0.30, 0.42, 0.25)),
    "dog": ((0.05, 0.022, 0.01), (0.10, 0.045, 0.015), (0.03, 0.015, 0.01), (0.20, 0.10, 0.03), (0.25, 0.42, 0.60)),
    "wild": ((0.40, 0.22, 0.05), (0.50, 0.38, 0.10), (0.16, 0.08, 0.02), (0.30, 0.35, 0.22), (0.07, 0.03, 0.012)),
}
NOSES = ((0.008, 0.008, 0.009), (0.03, 0.022, 0.02), (0.09, 0.04, 0.025), (0.45, 0.16, 0.12), (0.30, 0.09, 0.06))
NOSE_ODDS = {
    "cat": (0.2, 0.1, 0.15, 0.35, 0.2),
    "dog": (0.6, 0.2, 0.1, 0.05, 0.05),
    "wild": (0.3, 0.1, 0.15, 0.2, 0.25),
}
LIP = (0.01, 0.008, 0.008)


def draw_face(head: SeenHead, coat: NDArray, rng: Rng) -> FacePaint:
    """The coat (N, 3) with all that is no fur painted over it."""
    paint = FacePaint(coat, np.ones(len(coat), np.float32), np.zeros_like(coat))
    paint = _inner_ears(paint, head, rng)
    paint = _mouth(paint, head, rng)
    paint = _nose(paint, head, rng)
    return _eyes(paint, head, rng)


def _bare(paint: FacePaint, share: NDArray, colour: NDArray, glow: NDArray | None = None) -> FacePaint:
    albedo = over(paint.albedo, share, np.asarray(colour, np.float32)).astype(np.float32)
    added = paint.glow * (1 - share[:, None]) + (0 if glow is None else glow)
    return FacePaint(albedo, paint.fur * (1 - share), added.astype(np.float32))


def _varied(rng: Rng, colour: tuple[float, float, float], spread: float = 0.25) -> NDArray:
    return np.clip(np.array(colour) * np.exp(spread * rng.normal() + 0.1 * rng.normal(size=3)), 0, 0.9)


def _inner_ears(paint: FacePaint, head: SeenHead, rng: Rng) -> FacePaint:
    skin = _varied(rng, ((0.42, 0.2, 0.15), (0.25, 0.13, 0.1), (0.06, 0.04, 0.035), (0.5, 0.38, 0.3))[rng.integers(4)])
    size, amount = rng.uniform(0.5, 0.9), rng.uniform(0.4, 1)
    for ear in (R_EAR, L_EAR):
        if head.marks[ear[1]][1] < head.marks[list(ear)][:, 1].mean():
            continue  # it hangs: its inside is not seen
        up, across, off, facing = ear_coordinates(head, ear)
        edge = size * np.clip(1 - up, 0, 1) ** 0.7
        inside = (
            smooth(0.05, -0.12, np.abs(across) - edge) * smooth(-0.15, 0.1, up) * smooth(0.0, 0.3, facing) * (off < 0.9)
        )
        hairs = np.clip(0.5 + 0.8 * solid_noise(head.place * [4, 1, 4], 0.35, rng), 0, 1)
        paint = _bare(paint, inside * amount * (1 - 0.7 * hairs * rng.uniform(0, 1)), skin)
    return paint


def _eye_frame(head: SeenHead, eye: tuple[int, int], side: int) -> tuple[NDArray, NDArray, float]:
    """Points in an eye's frame: (N, 2) in half widths (to the nose, up), (N,) whether near and facing, half width."""
    outer, inner = head.marks[list(eye)]
    half = float(np.linalg.norm(inner - outer)) / 2
    across = (inner - outer) / (2 * half)
    front = np.array([0.3 * side, 0.05, 1.0])
    front -= (front @ across) * across
    front /= np.linalg.norm(front)
    up = np.cross(front, across) * side * -1
    up = up if up[1] > 0 else -up
    local = head.place - (outer + inner) / 2
    near = (np.linalg.norm(local, axis=1) < 2.4 * half) & (head.normal @ front > 0.05)
    return np.stack([local @ across, local @ up], axis=1) / half, near, half


def _eyes(paint: FacePaint, head: SeenHead, rng: Rng) -> FacePaint:
    cat_like = head.form.species == "cat"
    iris = _varied(rng, IRISES[head.form.species][rng.choice(5, p=(0.3, 0.25, 0.15, 0.2, 0.1))])
    odd = rng.random() < 0.04
    shape = {
        "upper": rng.uniform(0.55, 1.0) if cat_like else rng.uniform(0.42, 0.85),
        "lower": rng.uniform(0.35, 0.75),
        "power": rng.uniform(1.5, 2.6),
        "iris": rng.uniform(0.72, 1.1) if cat_like else rng.uniform(0.6, 0.95),
        "pupil": np.exp(rng.uniform(np.log(0.1), np.log(0.85))) if cat_like else rng.uniform(0.3, 0.75),
        "slit": cat_like and rng.random() < 0.8,
        "rim": rng.uniform(0.06, 0.28),
        "sclera": rng.random() < 0.35,
    }
    rim = _varied(rng, ((0.012, 0.01, 0.01), (0.05, 0.03, 0.02), (0.3, 0.14, 0.1))[rng.choice(3, p=(0.7, 0.2, 0.1))])
    gaze = rng.normal(size=2) * [0.13, 0.08]
    light = np.array([rng.uniform(-0.45, 0.45), rng.uniform(0.0, 0.45)])
    strength = rng.uniform(0, 2.0) * (rng.random() < 0.85)
    for eye, side in ((R_EYE, -1), (L_EYE, 1)):
        colour = _varied(rng, IRISES["cat"][2]) if odd and side < 0 else iris
        at, near, _ = _eye_frame(head, eye, side)
        wide = 1 - 0.9 * head.form.blink[side > 0]
        lids = shape | {"upper": shape["upper"] * wide, "lower": shape["lower"] * wide}
        index = np.flatnonzero(near)
        if len(index) == 0:
            continue
        turned = gaze * [-side, 1]
        share, albedo, glow = _eyeball(at[index], lids, (colour, rim), turned, (light * [-side, 1], strength))
        whole, painted, shining = np.zeros(len(near), np.float32), paint.albedo.copy(), np.zeros_like(paint.albedo)
        whole[index], painted[index], shining[index] = share, albedo, glow
        paint = _bare(paint, whole, painted, shining)
    return paint


def _eyeball(
    at: NDArray, shape: dict[str, float], colours: tuple[NDArray, NDArray], gaze: NDArray, light: tuple[NDArray, float]
) -> tuple[NDArray, NDArray, NDArray]:
    """Share (n,), albedo (n, 3) and glow (n, 3) of an eye with its rim, at points (n, 2) in half widths."""
    u, v = at.T
    edge = np.clip(1 - np.abs(u) ** shape["power"], 0, 1)
    gap = np.minimum(shape["upper"] * edge - v, v + shape["lower"] * edge)  # of the lids, positive inside
    gap = np.where(np.abs(u) > 1, np.minimum(gap, 1 - np.abs(u)), gap)
    open_ = smooth(-0.05, 0.06, gap)
    rim = smooth(-shape["rim"] - 0.08, -shape["rim"] + 0.02, gap)
    away = at - gaze
    radius = np.linalg.norm(away, axis=1) / shape["iris"]
    iris, dark = colours
    ball = np.repeat((np.array([0.5, 0.47, 0.43]) if shape["sclera"] else iris * 0.35)[None], len(at), axis=0)
    shade = np.clip(0.45 + 0.6 * radius, 0, 1.05) * smooth(1.05, 0.8, radius * 0.97)
    ball = over(ball, smooth(1.08, 0.98, radius), iris[None] * (0.25 + 0.9 * shade)[:, None])
    narrow = shape["iris"] * shape["pupil"]
    tall = shape["iris"] * (0.92 if shape["slit"] else shape["pupil"])
    pupil = smooth(1.12, 0.9, np.hypot(away[:, 0] / narrow, away[:, 1] / max(tall, narrow)))
    ball = over(ball, pupil, np.array([0.004, 0.004, 0.005]))
    ball = ball * (0.35 + 0.65 * smooth(-0.05, 0.45, shape["upper"] * edge - v))[:, None]  # the lid's shadow
    albedo = over(np.repeat(dark[None], len(at), axis=0), open_, ball)
    where, strength = light
    spot = smooth(0.24, 0.1, np.linalg.norm(at - gaze - where * shape["iris"], axis=1)) * open_ * strength
    sky = smooth(0.1, 0.9, v / max(shape["upper"], 0.1)) * open_ * strength * 0.06
    return rim.astype(np.float32), albedo.astype(np.float32), ((spot + sky)[:, None] * np.ones(3)).astype(np.float32)


def _nose(paint: FacePaint, head: SeenHead, rng: Rng) -> FacePaint:
    tip, wide = head.marks[NOSE], head.form.shape.nose_width
    colour = _varied(rng, NOSES[rng.choice(5, p=NOSE_ODDS[head.form.species])])
    local = (head.place - tip) / wide
    index = np.flatnonzero((np.linalg.norm(local, axis=1) < 2.2) & (head.normal[:, 2] > -0.25))
    if len(index) == 0:
        return paint
    a, b = local[index, 0], local[index, 1] + 0.2 * np.clip(-local[index, 2], 0, 1)
    top, bottom, taper = rng.uniform(0.45, 0.75), -rng.uniform(0.6, 0.9), rng.uniform(0.25, 0.75)
    down = np.clip((top - b) / (top - bottom), 0, 1)
    half = 1.05 * (1 - taper * down ** rng.uniform(1, 2)) * np.clip(1 - (1 - np.clip(down * 4, 0, 1)) ** 2 * 0.35, 0, 1)
    inside = np.minimum(np.minimum(half - np.abs(a), top - b), b - bottom)
    share = smooth(-0.06, 0.06, inside)
    grain = 1 + 0.25 * solid_noise(head.place[index], 0.06, rng)
    edge = 1 - rng.uniform(0, 0.5) * smooth(0.25, 0.0, inside)
    skin = colour[None] * (grain * edge)[:, None]
    x, y = rng.uniform(0.36, 0.55), rng.uniform(-0.25, 0.1)
    hole = np.hypot((np.abs(a) - x) / rng.uniform(0.16, 0.26), (b - y - 0.3 * (np.abs(a) - x)) / rng.uniform(0.12, 0.2))
    nostril = smooth(1.2, 0.8, hole) * rng.uniform(0.6, 1)
    groove = smooth(0.07, 0.02, np.abs(a)) * (b < 0.1) * rng.uniform(0, 0.8)
    skin = over(skin, np.maximum(nostril, groove), np.array([0.004, 0.003, 0.003]))
    spot = np.hypot(
        (a - rng.uniform(-0.3, 0.3)) / rng.uniform(0.2, 0.6), (b - rng.uniform(0.1, 0.4)) / rng.uniform(0.1, 0.25)
    )
    wet = smooth(1.1, 0.3, spot) * share * (1 - nostril) * rng.uniform(0, 0.5)
    whole, painted, shining = np.zeros(len(local), np.float32), paint.albedo.copy(), np.zeros_like(paint.albedo)
    whole[index], painted[index], shining[index] = share, skin, wet[:, None]
    return _bare(paint, whole, painted, shining)


def _mouth(paint: FacePaint, head: SeenHead, rng: Rng) -> FacePaint:
    """Philtrum and lips as dark lines; what lies between the lips of an open mouth; dots of the whiskers."""
    marks = head.marks
    corners, upper, lower = marks[[R_MOUTH, L_MOUTH]], marks[UPPER_LIP], marks[LOWER_LIP]
    index = np.flatnonzero(np.linalg.norm(head.place - upper, axis=1) < 0.9)
    if len(index) == 0:
        return paint
    place, sag = head.place[index], rng.uniform(-0.05, 0.18)
    lines = [np.linspace(marks[NOSE] - [0, 0.5 * head.form.shape.nose_width, 0], upper, 12)]
    for corner in corners:
        t = np.linspace(0, 1, 20)[:, None]
        middle = (upper + corner) / 2 - [0, sag, -0.08]
        lines.append((1 - t) ** 2 * upper + 2 * t * (1 - t) * middle + t**2 * corner)
    points = np.concatenate(lines).astype(np.float32)
    far = np.min(
        [np.linalg.norm(place[:, :2] - p[:2], axis=1) + 0.35 * np.abs(place[:, 2] - p[2]) for p in points], axis=0
    )
    width = rng.uniform(0.015, 0.055)
    share = smooth(1.6 * width, 0.6 * width, far) * rng.uniform(0.3, 1)
    colour = np.repeat(np.array(LIP, np.float32)[None], len(index), axis=0)
    if upper[1] - lower[1] > 0.12:
        inside, within = _open_mouth(place, head.normal[index], marks, rng)
        colour, share = over(colour, inside, within), np.maximum(share, inside)
    dots = (
        smooth(1.5, 1.9, solid_noise(place, 0.11, rng)) * smooth(0.08, 0.14, np.abs(place[:, 0])) * rng.uniform(0, 0.7)
    )
    dots = dots * smooth(0.5, 0.3, np.linalg.norm(place - (marks[NOSE] + upper) / 2, axis=1))
    share, colour = np.maximum(share, dots), over(colour, dots * (share < dots), np.array(LIP))
    whole, painted = np.zeros(len(head.place), np.float32), paint.albedo.copy()
    whole[index], painted[index] = share, colour
    return _bare(paint, whole, painted)


def _open_mouth(place: NDArray, normal: NDArray, marks: NDArray, rng: Rng) -> tuple[NDArray, NDArray]:
    """Share (n,) and colour (n, 3) of an open mouth's inside: dark, with a tongue and pale teeth."""
    half = max(abs(float(marks[L_MOUTH][0])), 0.05)
    t = np.clip(np.abs(place[:, 0]) / half, 0, 1)
    top = marks[UPPER_LIP][1] + (marks[R_MOUTH][1] - marks[UPPER_LIP][1]) * t**2
    bottom = marks[LOWER_LIP][1] + (marks[R_MOUTH][1] - marks[LOWER_LIP][1]) * t**2
    front = min(marks[R_MOUTH][2], marks[LOWER_LIP][2]) - 0.15
    share = (
        smooth(0, 0.05, np.minimum(top - place[:, 1], place[:, 1] - bottom))
        * (place[:, 2] > front)
        * (np.abs(place[:, 0]) < half)
    )
    height = np.clip((place[:, 1] - bottom) / np.maximum(top - bottom, 0.02), 0, 1)
    colour = np.repeat(np.array([[0.03, 0.008, 0.008]]), len(place), axis=0)
    tongue = smooth(0.75, 0.6, height) * smooth(0.8, 0.6, t) * (rng.random() < 0.8)
    colour = over(colour, tongue, _varied(rng, (0.5, 0.16, 0.16)))
    teeth = smooth(0.84, 0.88, height) * (rng.random() < 0.5)
    return share * (normal[:, 2] > -0.5), over(colour, teeth, np.array([0.6, 0.57, 0.5]))
