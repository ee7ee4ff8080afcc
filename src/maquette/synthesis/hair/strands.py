"""Hair as strands: a few hundred guide hairs grow over the head, thousands of tufts follow them.

Guides march from their roots: each step keeps part of its direction, bends to the combed direction and to the ground,
and is pushed off the head (after Ward et al. 2007, A survey on hair modeling; children of guides as in Choe and Ko
2005). Everything is numpy on whole arrays. Lengths in metres, canonical world frame, colours in linear RGB.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.morphable import Embedding, MorphableModel
from maquette.synthesis.hair.lashes import grow_brows, grow_lashes
from maquette.synthesis.hair.scalp import CENTRE, HeadRadii, Scalp, measure_head, scalp_of
from maquette.synthesis.hair.styles import Style
from maquette.synthesis.types import Identity, Strands
from maquette.texturing.images import smoothstep

__all__ = ["grow_brows", "grow_lashes", "grow_style"]

POINTS = 12
STRAND_ARRAYS = ("points", "radius", "albedo")
UNDERCOAT = 1100  # wide tufts flat on the skin, so that no bare scalp shows between the others
GREY = np.array([0.42, 0.41, 0.40])
# How far forward of the head's centre hair without a fringe comes, by height over the eyes; leaves the face free.
FREE_HEIGHT = np.array([-0.3, -0.2, -0.12, -0.02, 0.03, 0.055, 0.07, 0.085])
FREE_FRONT = np.array([0.10, 0.07, 0.045, 0.036, 0.052, 0.075, 0.095, 0.13])
CUTS = np.array([0.66, 0.8, 0.88, 0.94, 1.0])  # shares of a guide's length that tufts have
COMB_REACH = 0.08  # metres along a hair over which the combed direction fades


@dataclass(frozen=True, eq=False)
class Growth:
    """What one head of hair is made with.

    Attributes:
        scalp: of the model; head: of this person; style: the cut.
        part: metres to the left of the middle where the hair parts.
        recession: metres the forehead's hairline has drawn back; thin: 0-1, share of the crown's hair lost.
        tie: (3,) metres, where a tail is tied.
        over_ears: whether the hair lies over the ears.
    """

    scalp: Scalp
    head: HeadRadii
    style: Style
    part: float
    recession: float
    thin: float
    tie: NDArray
    over_ears: bool


def grow_style(
    model: MorphableModel, vertices: NDArray, style: Style, identity: Identity, color: NDArray, rng: np.random.Generator
) -> Strands:
    """The hair of one head.

    Args:
        vertices: (V, 3) metres, the head with its shape and expression.
        style: the cut, see `draw_style`.
        color: (3,) linear RGB.

    Returns:
        3,000 to 7,000 strands of 12 points.
    """
    growth = _prepare(model, vertices, style, identity, rng)
    scalp, head = growth.scalp, growth.head
    guides = (_tie if style.comb == "tail" else _march)(growth, model, vertices, rng)
    chosen = _sow(growth, rng)
    roots = Embedding(scalp.roots.faces[chosen], scalp.roots.barycentric[chosen]).points(vertices, model.faces)
    points, guide = _follow(growth, guides, chosen, roots, rng)
    free = _frees(growth)[guide]
    points[free] = _free_face(points[free], head, rng)
    clear = np.full((len(points), POINTS), 0.0012, np.float32)
    clear[:, 0] = -1  # roots stay
    points, height = head.push_out(points, clear, growth.over_ears)
    count = len(points)
    taper = np.interp(np.linspace(0, 1, POINTS), [0, 0.15, 0.6, 1], [0.8, 1, 1, 0.45])
    radius = style.radius * rng.uniform(0.6, 1.4, (count, 1)) * taper
    albedo = _tint(height, color, identity, rng)
    strands = [Strands(points, radius, albedo)]
    if style.name != "buzz":
        strands.append(_undercoat(growth, chosen, roots, guides, color * 0.55, rng))
    if style.bun:
        strands.append(_bun(growth, color, rng))
    return Strands(
        *(np.concatenate([getattr(part, name) for part in strands]).astype(np.float32) for name in STRAND_ARRAYS)
    )


def _prepare(
    model: MorphableModel, vertices: NDArray, style: Style, identity: Identity, rng: np.random.Generator
) -> Growth:
    head = measure_head(model, vertices)
    older = np.clip((identity.age - 22) / 50, 0, 1) * identity.gender
    recession = 0.004 * rng.normal() + older * rng.gamma(2.0, 0.011)
    thin = float(np.clip(older * rng.beta(1, 2.2) * 1.6, 0, 0.97))
    part = rng.choice([-1, 1]) * rng.choice([0.002, 0.03, 0.042], p=[0.45, 0.35, 0.2])
    high = rng.uniform(-0.035, 0.085)
    tie = head.centre + head.scale * np.array([0.0, high, -np.sqrt(0.118**2 - (0.75 * high) ** 2)])
    over_ears = style.comb != "tail" and style.side > 0.05 and rng.random() < 0.7
    return Growth(scalp_of(model), head, style, part * head.scale, max(recession, -0.006), thin, tie, over_ears)


def _lengths(growth: Growth, places: NDArray, above: NDArray) -> NDArray:
    """(N,) metres: how long hair is at places (N, 3) from the centre of the average head."""
    style = growth.style
    height = places[:, 1] + CENTRE[1]
    crown = smoothstep(height, 0.045, 0.088)
    behind = smoothstep(-places[:, 2], 0.0, 0.05)
    length = crown * style.top + (1 - crown) * (behind * style.back + (1 - behind) * style.side)
    if style.fringe is not None:
        front = _front(places) > 0.5
        length = front * (style.fringe + np.maximum(above, 0) * 1.05) + (1 - front) * length
    elif style.comb == "whorl":  # nothing combs it off the face
        temple = (1 - crown) * smoothstep(places[:, 2], -0.03, 0.02)
        length = (1 - 0.5 * temple) * np.minimum(length, 0.045 + np.maximum(above, 0) + 0.2 * (1 - _front(places)))
    return length


def _front(places: NDArray) -> NDArray:
    """(N,) in 0-1: whether a root's hair makes the fringe."""
    azimuth = np.degrees(np.abs(np.arctan2(places[:, 0], places[:, 2] + 0.02)))
    return smoothstep(-azimuth, -46, -42) * smoothstep(places[:, 2], 0.0, 0.015)


def _frees(growth: Growth) -> NDArray:
    """(G,) bool: the guides whose hair keeps out of the face; a fringe does not, nor do short curls."""
    if growth.style.fringe is None:
        return np.full(len(growth.scalp.guide_above), growth.style.comb != "whorl")
    return _front(growth.scalp.guide_places) < 0.5


def _sow(growth: Growth, rng: np.random.Generator) -> NDArray:
    """(N,) int: the roots that carry a tuft."""
    scalp = growth.scalp
    x, y, z = scalp.places.T
    front = smoothstep(z, -0.02, 0.05)
    temples = 0.45 + 0.9 * np.exp(-(((np.abs(x) - 0.045) / 0.018) ** 2))
    edge = scalp.above - np.maximum(growth.recession, -0.006) * front * temples
    ragged = 0.0022 * (np.sin(x * 420 + growth.part * 900) + np.sin(x * 173 + z * 211)) + rng.normal(0, 0.002, len(x))
    density = smoothstep(edge + ragged, -0.002, 0.006)
    crown = np.exp(-((x / 0.055) ** 2) - (((z + 0.03) / 0.06) ** 2)) * smoothstep(y, 0.03, 0.07)
    density = density * (1 - growth.thin * np.minimum(crown * 1.3, 1) * (1 - 0.6 * front * (growth.recession < 0.01)))
    kept = np.flatnonzero(rng.random(len(x)) < density)
    return np.sort(rng.permutation(kept)[: growth.style.count])


def _comb_direction(growth: Growth, points: NDArray, places: NDArray) -> NDArray:
    """(G, 3) the direction hair is combed in at `points` whose roots lie at `places` on the average head."""
    offsets = (points - growth.head.centre) / growth.head.scale
    heading = np.zeros_like(offsets)
    if growth.style.comb == "whorl":
        heading = offsets - np.array([0.01, 0.085, -0.055])
    elif growth.style.comb == "part":
        side = np.tanh((places[:, 0] - growth.part) / 0.004)
        heading[:, 0] = (
            side * smoothstep(offsets[:, 1], -0.01, 0.05) * (1 - 0.8 * smoothstep(-places[:, 2], 0.01, 0.07))
        )
        heading[:, 1] = -0.35
        heading[:, 2] = -0.25 - 0.25 * smoothstep(places[:, 2], 0, 0.06)
    elif growth.style.comb == "back":
        heading += [0, 0.1, -1]
        heading[:, 1] -= 1.2 * smoothstep(-offsets[:, 2], 0.0, 0.05)
    elif growth.style.comb == "forward":
        heading = np.array([0.0, -0.4, 0.0]) + offsets * [2.0, 0, 6.0]
        back = smoothstep(-places[:, 2], 0.0, 0.04)[:, None]
        heading = (1 - back) * heading + back * (offsets - np.array([0.0, 0.09, -0.03])) * 10
    if growth.style.fringe is not None:
        front = _front(places)[:, None]
        fall = np.stack([places[:, 0] * 2.5, np.full(len(places), -0.5), np.ones(len(places))], axis=1)
        heading = front * fall + (1 - front) * heading
    normal = offsets / np.linalg.norm(offsets, axis=1, keepdims=True)
    heading = heading - 0.9 * (heading * normal).sum(axis=1, keepdims=True) * normal
    return heading / (np.linalg.norm(heading, axis=1, keepdims=True) + 1e-6)


def _march(growth: Growth, model: MorphableModel, vertices: NDArray, rng: np.random.Generator) -> NDArray:
    """(G, POINTS, 3) guide hairs."""
    scalp, head, style = growth.scalp, growth.head, growth.style
    roots = scalp.guide_roots.points(vertices, model.faces)
    count = len(roots)
    length = _lengths(growth, scalp.guide_places, scalp.guide_above) * np.exp(rng.normal(0, 0.06, count)) * head.scale
    steps = np.linspace(0.5, 1.5, POINTS - 1)  # finer at the root, where hair bends most
    normal = roots - head.centre
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    heading = _comb_direction(growth, roots, scalp.guide_places)
    lift = style.lift * np.ones((count, 1))
    if style.fringe is not None:
        lift = lift * (1 - 0.6 * _front(scalp.guide_places)[:, None])
    direction = lift * normal + (1 - lift) * heading + rng.normal(0, 0.06, (count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    # Hair from the crown lies over hair from the sides.
    layer = (0.35 + 0.65 * smoothstep(scalp.guide_places[:, 1], -0.03, 0.09)) * np.exp(rng.normal(0, 0.25, count))
    path, grown, free = [roots], np.zeros((count, 1)), _frees(growth)[:, None]
    for k in range(1, POINTS):
        share = k / (POINTS - 1)
        step = length[:, None] * (steps[k - 1] / steps.sum())
        grown = grown + step
        point = path[-1] + step * direction
        arch = np.minimum(style.volume * layer * min(1.0, 2.5 * share), 0.7 * grown[:, 0])
        offsets = point - head.centre
        reach = np.linalg.norm(offsets, axis=1)
        skin = head.radius(offsets[:, None], growth.over_ears)[:, 0]
        point = head.centre + offsets * np.maximum((skin + arch) / reach, 1)[:, None]
        point = _off_neck(point, growth)
        point = np.where(free, _free_face(point[:, None], head, None)[:, 0], point)
        moved = point - path[-1]
        moved /= np.linalg.norm(moved, axis=1, keepdims=True) + 1e-9
        path.append(point)
        bend = style.hold * np.exp(-grown / COMB_REACH) * _comb_direction(growth, point, scalp.guide_places)
        bend = bend - style.fall * (0.4 + share) * np.array([0.0, 1.0, 0.0])
        high = np.clip((reach - skin - arch - 0.004) / 0.02, 0, 1) * smoothstep(point[:, 1], -0.09, -0.03)
        bend -= style.cling * (high / reach)[:, None] * offsets
        direction = moved + bend * (step / 0.01)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return np.stack(path, axis=1).astype(np.float32)


def _tie(growth: Growth, model: MorphableModel, vertices: NDArray, rng: np.random.Generator) -> NDArray:
    """(G, POINTS, 3) guide hairs over the head to the tie, and for a tail down from there."""
    scalp, head, style = growth.scalp, growth.head, growth.style
    roots = scalp.guide_roots.points(vertices, model.faces)
    count, on_head = len(roots), POINTS if style.bun else POINTS // 2 + 1
    along = np.linspace(0, 1, on_head)[None, :, None]
    start, end = roots - head.centre, growth.tie - head.centre
    offsets = (1 - along) * start[:, None] + along * end
    lifted = np.sin(np.pi * along[0, :, 0]) ** 0.5 * style.volume * np.exp(rng.normal(0, 0.4, (count, 1)))
    over = head.push_out(head.centre + offsets[:, 1:], lifted[:, 1:] + 0.001, False)[0]
    guides = np.concatenate([roots[:, None], over], axis=1)
    if not style.bun:
        length = style.back * np.exp(rng.normal(0, 0.08, (count, 1)))
        grown = np.linspace(0, 1, POINTS - on_head + 1)[None, 1:] * length
        back = growth.tie - head.centre
        back = back / np.linalg.norm(back) * np.array([1, 0.5, 1])
        spread = rng.normal(0, 1, (count, 1, 3)) * [0.016, 0.004, 0.012]
        reach = 0.055 * (1 - np.exp(-grown / 0.05))
        tail = growth.tie + back * reach[..., None] + spread * np.sqrt(grown / length)[..., None]
        tail[..., 1] -= grown - 0.05 * (1 - np.exp(-grown / 0.05))
        guides = np.concatenate([guides, _off_neck(tail.reshape(-1, 3), growth).reshape(tail.shape)], axis=1)
    return guides.astype(np.float32)


def _off_neck(points: NDArray, growth: Growth) -> NDArray:
    """Points below the jaw moved off the neck and onto the shoulders, which lie 0.2 m under the eyes and widen."""
    scale, centre = growth.head.scale, growth.head.centre
    flat = points[:, [0, 2]] - centre[[0, 2]]
    wide = np.linalg.norm(flat, axis=1) + 1e-6
    below = (-points[:, 1] / scale - 0.17) / 0.08
    wanted = smoothstep(-points[:, 1] / scale, 0.07, 0.12) * (0.072 + 0.06 * np.clip(below, 0, 1) ** 2) * scale
    factor = np.maximum(1, wanted / wide)[:, None]
    moved = points.copy()
    moved[:, [0, 2]] = centre[[0, 2]] + flat * factor
    return moved


def _free_face(points: NDArray, head: HeadRadii, rng: np.random.Generator | None) -> NDArray:
    """Points (N, S, 3) in front of the face turned about the vertical axis to its sides."""
    offsets = points - head.centre.astype(points.dtype)
    height = (offsets[..., 1] / head.scale + CENTRE[1]).astype(np.float32)
    near = (offsets[..., 2] > 0.03) & (height < FREE_HEIGHT[-1])
    if not near.any():
        return points
    x, z = offsets[..., 0][near], offsets[..., 2][near]
    front = np.interp(height[near], FREE_HEIGHT, FREE_FRONT) * head.scale
    if rng is not None:
        front = front + rng.normal(0, 0.003, (len(points), 1)).repeat(points.shape[1], 1)[near]
    wide = np.hypot(x, z)
    front = np.minimum(front, z)
    freed = points.copy()
    freed[..., 0][near] = head.centre[0] + np.copysign(np.sqrt(np.maximum(wide**2 - front**2, 0)), x)
    freed[..., 2][near] = head.centre[2] + front
    return freed


def _follow(
    growth: Growth, guides: NDArray, chosen: NDArray, roots: NDArray, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """(N, S, 3) tufts that follow a guide near their root, and (N,) the guides."""
    scalp, style = growth.scalp, growth.style
    count = len(chosen)
    clumped = style.clump > 0.9
    pick = np.zeros(count, int) if clumped else np.minimum(rng.geometric(0.5, count) - 1, scalp.neighbours.shape[1] - 1)
    guide = scalp.neighbours[chosen, pick]
    # Its own length: a guide is cut to a few lengths, and the tuft takes one.
    shares = np.array([0.92, 1.0]) if clumped else CUTS
    pick = rng.integers(len(shares), size=count)
    points = _cut_back(guides, shares)[pick, guide]
    along = np.linspace(0, 1, POINTS, dtype=np.float32)
    shift = (roots - guides[guide, 0]).astype(np.float32)
    gather = 1 - np.float32(style.clump) * along ** (0.5 if clumped else 1.2)
    points += shift[:, None] * gather[None, :, None]
    scatter = rng.standard_normal((2, count, 3), np.float32)
    frizz = np.float32(style.frizz * 0.6)
    points += (scatter[0] * frizz)[:, None] * (along**1.5)[None, :, None]
    points += (scatter[1] * frizz * 0.5)[:, None] * np.sin(np.pi * 1.5 * along)[None, :, None]
    if style.wave > 1e-5:
        points += _wave(growth, guides, guide, scatter, along, rng)
    return points, guide


def _cut_back(guides: NDArray, shares: NDArray) -> NDArray:
    """(K, G, S, 3) guides (G, S, 3) cut to K shares of their length, with as many points."""
    at = shares[:, None] * np.arange(POINTS)
    low = np.minimum(at.astype(int), POINTS - 2)
    part = (at - low)[:, None, :, None].astype(np.float32)
    return guides[:, low].swapaxes(0, 1) * (1 - part) + guides[:, low + 1].swapaxes(0, 1) * part


def _wave(
    growth: Growth, guides: NDArray, guide: NDArray, scatter: NDArray, along: NDArray, rng: np.random.Generator
) -> NDArray:
    """(N, S, 3) sideways swing of waves, or of corkscrews; neighbours swing together."""
    style = growth.style
    length = np.linalg.norm(np.diff(guides, axis=1), axis=2).sum(axis=1)
    across = rng.standard_normal((2, len(guides), 3), np.float32)
    across[:, :, 1] *= 0.4
    across /= np.linalg.norm(across, axis=2, keepdims=True)
    phase = rng.uniform(0, 2 * np.pi, len(guides))[guide] + scatter[0, :, 0] * (0.5 if not style.coil else 1.2)
    # The points must resolve a turn, or the swing turns into noise.
    turns = np.minimum(2 * np.pi * style.turns * length[guide], 2 * np.pi * (POINTS - 1) / 4)
    angle = (turns[:, None] * along + phase[:, None]).astype(np.float32)
    size = style.wave * np.minimum(along * 5, 1) * (0.7 + 0.5 * along)
    swing = across[0][guide][:, None] * (np.sin(angle) * size)[..., None]
    if style.coil:
        swing += across[1][guide][:, None] * (np.cos(angle) * size)[..., None]
    return swing.astype(np.float32)


def _tint(height: NDArray, color: NDArray, identity: Identity, rng: np.random.Generator) -> NDArray:
    """(N, S, 3) albedo by height (N, S) over the skin, metres: tufts differ, some are grey, deep ones dark."""
    count = len(height)
    own = np.asarray(color) * np.exp(rng.normal(0, 0.16, (count, 1)) + rng.normal(0, 0.03, (count, 3)))
    mixed = np.clip(rng.normal(0.0, 0.004 * max(identity.age - 30, 0), (count, 1)), 0, 0.5)
    own = own + mixed * (GREY - own)
    thick = 0.7 * np.quantile(height[::7], 0.9) + 1e-4
    open_sky = 0.45 + 0.55 * np.clip(height / thick, 0, 1)
    fade = np.linspace(0.94, 1.1, POINTS)
    return own[:, None].astype(np.float32) * (open_sky * fade).astype(np.float32)[..., None]


def _undercoat(
    growth: Growth, chosen: NDArray, roots: NDArray, guides: NDArray, color: NDArray, rng: np.random.Generator
) -> Strands:
    """Wide dark tufts that lie flat."""
    scalp, head = growth.scalp, growth.head
    edge = scalp.above[chosen] - 0.6 * growth.recession * smoothstep(scalp.places[chosen, 2], -0.02, 0.05)
    few = rng.permutation(np.flatnonzero(edge > 0.012))[:UNDERCOAT]
    start = roots[few]
    guide = scalp.neighbours[chosen[few], 0]
    heading = guides[guide, 4] - guides[guide, 0]
    heading /= np.linalg.norm(heading, axis=1, keepdims=True) + 1e-9
    normal = start - head.centre
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    heading = heading - 0.95 * (heading * normal).sum(axis=1, keepdims=True) * normal
    reach = np.minimum(0.028, 0.7 * _lengths(growth, scalp.places[chosen[few]], scalp.above[chosen[few]]))
    along = np.linspace(0, 1, POINTS)[None, :, None]
    points = (start[:, None] + heading[:, None] * reach[:, None, None] * along).astype(np.float32)
    points = np.concatenate([points[:, :1], _free_face(points[:, 1:], head, None)], axis=1)
    points[:, 1:] = head.push_out(points[:, 1:], 0.0008, False)[0]
    radius = np.full(points.shape[:2], 0.0024) * np.minimum(1, reach / 0.007)[:, None]
    albedo = color * np.exp(rng.normal(0, 0.1, (len(few), 1, 1))) * np.ones_like(points)
    return Strands(points, radius, albedo)


def _bun(growth: Growth, color: NDArray, rng: np.random.Generator) -> Strands:
    """Strands wound around a ball at the tie."""
    count, size = 700, rng.uniform(0.022, 0.036) * growth.head.scale
    outward = growth.tie - growth.head.centre
    outward = outward / np.linalg.norm(outward)
    middle = growth.head.centre + outward * (np.linalg.norm(growth.tie - growth.head.centre) + size * 0.7)
    side = np.cross(outward, [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    other = np.cross(outward, side)
    tilt = rng.uniform(-1.1, 1.25, count)
    start = rng.uniform(0, 2 * np.pi, count)
    angle = start[:, None] + np.linspace(0, rng.uniform(1.5, 2.6), POINTS)
    band = tilt[:, None] + 0.25 * np.sin(angle + rng.normal(0, 0.3, (count, 1)))
    ring = np.cos(band)[..., None] * (np.cos(angle)[..., None] * side + np.sin(angle)[..., None] * other)
    own = size * rng.normal(1, 0.035, (count, 1, 1))
    points = middle + own * (ring + 0.8 * np.sin(band)[..., None] * outward)
    albedo = color * np.exp(rng.normal(0, 0.16, (count, 1, 1))) * (0.6 + 0.4 * (own / size - 0.93) / 0.1).clip(0.5, 1.1)
    return Strands(points, np.full(points.shape[:2], 0.0011), albedo * np.ones_like(points))
