"""Hats: shells that stand off the head's own shape. Metres, canonical world frame, linear RGB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.morphable import MorphableModel
from maquette.synthesis.hair.scalp import CENTRE, HeadRadii, measure_head
from maquette.synthesis.solids import Solid, grid_faces, joined
from maquette.synthesis.types import Kind, SceneSurface, Strands

COLUMNS, ROWS = 56, 14
PRESSED = 0.004  # metres of hair between a hat and the skin
KINDS = {"beanie": 4, "cap": 5, "brim": 3, "headscarf": 3, "headband": 2}
# The lower edge of each, metres over the eyes of the average head, at 0, 45, 90, 135 and 180 degrees from the front.
EDGES = {
    "beanie": (0.050, 0.040, 0.008, -0.020, -0.035),
    "cap": (0.056, 0.048, 0.028, 0.000, -0.015),
    "brim": (0.058, 0.052, 0.034, 0.010, 0.000),
    "headband": (0.055, 0.048, 0.022, -0.006, -0.020),
}


def draw_hat(model: MorphableModel, vertices: NDArray, rng: np.random.Generator) -> tuple[list[SceneSurface], Cover]:
    """A hat on a head with vertices (V, 3).

    Returns:
        surfaces: the hat.
        cover: how it presses the hair, and which strands it hides.
    """
    names = list(KINDS)
    shares = np.array([KINDS[name] for name in names], float)
    return make_hat(model, vertices, names[rng.choice(len(names), p=shares / shares.sum())], rng)


def make_hat(
    model: MorphableModel, vertices: NDArray, kind: str, rng: np.random.Generator
) -> tuple[list[SceneSurface], Cover]:
    """A hat of one of KINDS; the rest as in draw_hat."""
    head = measure_head(model, vertices)
    if kind == "headscarf":
        return _headscarf(head, rng), Cover(head, np.zeros(1), np.zeros(1), everything=True)
    angles = np.linspace(0, 2 * np.pi, COLUMNS, endpoint=False)
    lean = rng.normal(0, 0.005)
    folded = np.degrees(np.abs((angles + np.pi) % (2 * np.pi) - np.pi))
    edge = np.interp(folded, [0, 45, 90, 135, 180], EDGES[kind]) + lean * np.sin(angles) + rng.normal(0, 0.004)
    color, second = _color(rng), _color(rng)
    solids: list[Solid] = []
    colors = []
    if kind == "headband":
        width = rng.uniform(0.018, 0.045)
        shell = _shell(head, angles, edge, 0.008, np.full(COLUMNS, width))
        solids.append(Solid(shell.reshape(-1, 3), grid_faces(ROWS, COLUMNS, around=True)))
        colors.append(_pattern(shell, color, second, rng))
    else:
        for shell, tint in _dome(kind, head, angles, edge, color, second, rng):
            solids.append(Solid(shell.reshape(-1, 3), grid_faces(len(shell), COLUMNS, around=True)))
            colors.append(tint)
        if kind in ("cap", "brim"):
            brim = _peak(head, angles, edge, rng) if kind == "cap" else _brim(head, angles, edge, rng)
            solids.append(brim)
            colors.append(np.tile(color if rng.random() < 0.6 else second, (len(brim.vertices), 1)))
    surface = _surface(solids, np.concatenate(colors))
    low = _edge_elevation(head, angles, edge)
    high = _edge_elevation(head, angles, edge + width) if kind == "headband" else None
    return [surface], Cover(head, angles, low, high)


def _color(rng: np.random.Generator) -> NDArray:
    """(3,) linear RGB of cloth: blacks, greys and navy more often than bright ones."""
    muted = np.array(
        [[0.01, 0.01, 0.01], [0.05, 0.05, 0.05], [0.01, 0.02, 0.05], [0.3, 0.28, 0.24], [0.08, 0.05, 0.03]]
    )
    if rng.random() < 0.6:
        return np.clip(muted[rng.integers(len(muted))] * np.exp(rng.normal(0, 0.3, 3)), 0, 0.8)
    return rng.uniform(0.01, 0.7, 3) ** 1.5


def _pattern(shell: NDArray, color: NDArray, second: NDArray, rng: np.random.Generator) -> NDArray:
    """(V, 3) plain, striped or knitted."""
    rows, columns = shell.shape[:2]
    row, column = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    kind = rng.integers(3)
    mix = np.zeros((rows, columns)) if kind == 0 else ((row // 2 if kind == 1 else column // 4) % 2).astype(float)
    tint = color + mix[..., None] * (second - color) * rng.uniform(0.4, 1)
    return (tint * np.exp(rng.normal(0, 0.05, (rows, columns, 1)))).reshape(-1, 3)


def _surface(solids: list[Solid], colors: NDArray) -> SceneSurface:
    vertices, faces = joined(solids)
    albedo = np.clip(colors, 0.004, 0.85).astype(np.float32)
    return SceneSurface(vertices, faces, Kind.OCCLUDER, albedo, roughness=0.85, specular=0.02, two_sided=True)


def _directions(angles: NDArray, elevation: NDArray) -> NDArray:
    """(..., 3) unit: azimuth from the front to the subject's left, and elevation."""
    flat = np.cos(elevation)
    return np.stack([np.sin(angles) * flat, np.sin(elevation), np.cos(angles) * flat], axis=-1)


def _edge_elevation(head: HeadRadii, angles: NDArray, height: NDArray) -> NDArray:
    """(n,) radians above the centre where the skin has a given height over the eyes of the average head."""
    elevation = np.zeros_like(angles)
    for _ in range(3):
        radius = head.radius(_directions(angles, elevation)[None], over_ears=False)[0]
        elevation = np.arcsin(np.clip((height - CENTRE[1]) * head.scale / radius, -0.95, 0.95))
    return elevation


def _shell(head: HeadRadii, angles: NDArray, edge: NDArray, offset: float, height: NDArray | None = None) -> NDArray:
    """(ROWS, COLUMNS, 3) points `offset` over head and ears, from the edge to the top (or a band of some height)."""
    low = _edge_elevation(head, angles, edge)
    high = np.full_like(low, np.pi / 2 - 0.01) if height is None else _edge_elevation(head, angles, edge + height)
    share = np.linspace(0, 1, ROWS)[:, None]
    directions = _directions(angles[None], low + share * (high - low))
    radius = head.radius(directions, over_ears=True)
    # Cloth is tight from rim to rim: no dents where ears end.
    radius = np.maximum(radius, (np.roll(radius, 1, 1) + np.roll(radius, -1, 1)) / 2) + offset
    return head.centre + directions * radius[..., None]


def _dome(
    kind: str,
    head: HeadRadii,
    angles: NDArray,
    edge: NDArray,
    color: NDArray,
    second: NDArray,
    rng: np.random.Generator,
) -> Iterator[tuple[NDArray, NDArray]]:
    """Shells (ROWS, COLUMNS, 3) and their colours."""
    shell = _shell(head, angles, edge, 0.007 if kind != "brim" else 0.009)
    rise = np.linspace(0, 1, ROWS)[:, None]
    middle = head.centre
    if kind == "beanie":
        slack = rng.uniform(0.004, 0.03)
        shell = shell + np.array([0, 0.8, -0.6]) * (slack * rise**2)[..., None]
        shell += (shell - middle) * (0.008 * np.cos(angles * 28))[None, :, None]  # ribs
        yield shell, _pattern(shell, color, second, rng)
        if rng.random() < 0.7:
            cuff = _shell(head, angles, edge, 0.0115, np.full(COLUMNS, rng.uniform(0.03, 0.05)))
            yield cuff, _pattern(cuff, color, second, rng)
        return
    height = rng.uniform(0.006, 0.016) if kind == "cap" else rng.uniform(0.012, 0.045)
    shell = shell.copy()
    shell[..., 1] += height * np.sqrt(np.clip(rise * 1.6, 0, 1))
    if kind == "brim":  # walls stand, the top is flatter
        flat = (shell - middle)[..., [0, 2]]
        wide = np.linalg.norm(flat, axis=-1, keepdims=True)
        foot = wide[:1] * (1 - 0.22 * rise[..., None] ** 2)
        crown = np.clip((rise[..., None] - 0.62) / 0.38, 0, 1)
        shell[..., [0, 2]] = middle[[0, 2]] + flat / wide * np.maximum(wide, foot * (1 - crown) + wide * crown)
    yield shell, _pattern(shell, color, color if rng.random() < 0.7 else second, rng)


def _peak(head: HeadRadii, angles: NDArray, edge: NDArray, rng: np.random.Generator) -> Solid:
    """The peak of a cap: a bent sheet before the forehead."""
    reach = np.radians(rng.uniform(50, 62))
    turn = np.linspace(-reach, reach, 21)
    base = np.interp(turn, np.concatenate([angles - 2 * np.pi, angles]), np.concatenate([edge, edge]))
    elevation = _edge_elevation(head, turn, base + 0.003)
    directions = _directions(turn, elevation)
    start = head.centre + directions * (head.radius(directions[None], over_ears=False)[0] + 0.005)[:, None]
    length = rng.uniform(0.055, 0.075) * head.scale
    drop, bend = rng.uniform(0.05, 0.45), rng.uniform(0.1, 0.35)
    share = np.linspace(0, 1, 7)[:, None]
    forward = length * np.cos(turn / reach * np.pi / 2) ** 0.6
    sheet = np.repeat(start[None], 7, axis=0)
    sheet[..., 2] += share * forward
    sheet[..., 1] -= share * forward * drop + bend * share * (start[:, 0] - head.centre[0]) ** 2 / 0.08
    under = sheet - [0, 0.0022, 0]
    rows, columns = sheet.shape[:2]
    faces = grid_faces(rows, columns)
    return joined([Solid(sheet.reshape(-1, 3), faces), Solid(under.reshape(-1, 3), faces[:, ::-1])])


def _brim(head: HeadRadii, angles: NDArray, edge: NDArray, rng: np.random.Generator) -> Solid:
    """The brim of a hat: a ring around its foot."""
    low = _shell(head, angles, edge, 0.008)[0]
    width, slope = rng.uniform(0.035, 0.085) * head.scale, rng.uniform(-0.15, 0.7)
    share = np.linspace(0, 1, 6)[:, None, None]
    away = (low - head.centre) * [1, 0, 1]
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    ring = low + share * width * away
    ring[..., 1] -= share[..., 0] * width * slope - 0.006 * share[..., 0] * np.cos(2 * angles + np.pi)
    under = ring - [0, 0.002, 0]
    faces = grid_faces(6, COLUMNS, around=True)
    return joined([Solid(ring.reshape(-1, 3), faces[:, ::-1]), Solid(under.reshape(-1, 3), faces)])


def _headscarf(head: HeadRadii, rng: np.random.Generator) -> list[SceneSurface]:
    """A cloth round the face, over the head and the neck, open in front from forehead to chin."""
    angles = np.linspace(0, 2 * np.pi, COLUMNS, endpoint=False)  # around the face: 0 is the top, then the left
    rows = 18
    # The opening as a direction from the centre: forehead, temple, cheek, under the chin.
    folded = np.degrees(np.abs((angles + np.pi) % (2 * np.pi) - np.pi))
    opening = np.radians(np.interp(folded, [0, 45, 90, 125, 150, 180], [30, 40, 52, 52, 53, 58]) + rng.normal(0, 1.5))
    share = np.linspace(0, 1, rows)[:, None]
    polar = opening + share**1.1 * (np.pi - 0.003 - opening)
    directions = np.stack(
        [np.sin(polar) * np.sin(angles), np.sin(polar) * np.cos(angles), np.cos(polar) + 0 * angles], axis=-1
    )
    radius = head.radius(directions, over_ears=True)
    smooth = radius.copy()
    for _ in range(4):
        smooth = (smooth + np.roll(smooth, 1, 1) + np.roll(smooth, -1, 1)) / 3
        smooth[1:-1] = (smooth[:-2] + smooth[1:-1] + smooth[2:]) / 3
    loose = 0.003 + rng.uniform(0.005, 0.012) * np.minimum(share * 4, 1)
    free = np.minimum(share * 5, 1)  # the rim lies on the skin, before the ears
    skin = head.radius(directions, over_ears=False)
    radius = (1 - free) * skin + free * np.maximum(radius, np.maximum(smooth, 0.078 * head.scale)) + loose
    folds = 0.0016 * np.sin(angles * 9 + 5 * share + rng.uniform(0, 6)) * np.minimum(share * 3, 1)
    shell = head.centre + directions * (radius + folds)[..., None]
    chest = _drape(head, rng)
    color, second = _color(rng), _color(rng)
    tint = np.concatenate([np.tile(color, (shell[..., 0].size, 1)), np.tile(color, (chest[..., 0].size, 1))])
    if rng.random() < 0.3:
        points = np.concatenate([shell.reshape(-1, 3), chest.reshape(-1, 3)])
        wave = 0.5 + 0.5 * np.sin(points @ rng.normal(0, 150, 3))
        tint = tint + wave[:, None] * (second - tint) * 0.6
    faces = grid_faces(rows, COLUMNS, around=True)[:, ::-1]
    solids = [Solid(shell.reshape(-1, 3), faces)]
    solids.append(Solid(chest.reshape(-1, 3), grid_faces(len(chest), COLUMNS, around=True)))
    return [_surface(solids, tint)]


def _drape(head: HeadRadii, rng: np.random.Generator) -> NDArray:
    """(8, COLUMNS, 3) cloth from under the chin down to the shoulders."""
    angles = np.linspace(0, 2 * np.pi, COLUMNS, endpoint=False)
    share = np.linspace(0, 1, 8)[:, None]
    height = (-0.245 + 0.15 * share) * head.scale - 0.02 * np.cos(angles) * (1 - share)
    height = height + 0.03 * share * (1 - np.cos(angles))
    wide = (0.145 - 0.068 * np.sqrt(share) + 0.004 * np.sin(7 * angles + 6 * share + rng.uniform(0, 6))) * head.scale
    deep = wide * (0.86 + 0.1 * share) * (1 + 0.45 * share * np.maximum(-np.cos(angles), 0))
    x, z = wide * np.sin(angles), deep * np.cos(angles)
    return np.stack([head.centre[0] + x, height + 0 * angles, head.centre[2] + 0.012 + z], axis=-1)


@dataclass(frozen=True, eq=False)
class Cover:
    """What a hat hides of the hair.

    Attributes:
        head: it sits on.
        angles, low: azimuths, and the elevation of the hat's lower edge there, radians.
        high: the elevation of its upper edge, for a band; else None.
        everything: whether no hair shows at all.
    """

    head: HeadRadii
    angles: NDArray
    low: NDArray
    high: NDArray | None = None
    everything: bool = False

    def below(self, points: NDArray) -> NDArray:
        """(N, S) radians from hair points (N, S, 3) to the hat's edge, negative under the hat."""
        if self.everything:
            return np.full(points.shape[:2], -1.0)
        offsets: NDArray = points - self.head.centre.astype(np.float32)
        azimuth = np.arctan2(offsets[..., 0], offsets[..., 2]) % (2 * np.pi)
        around = np.append(self.angles, 2 * np.pi)
        elevation = np.arctan2(offsets[..., 1], np.hypot(offsets[..., 0], offsets[..., 2]))
        beyond = np.interp(azimuth, around, np.append(self.low, self.low[0])) - elevation
        if self.high is not None:
            beyond = np.maximum(beyond, elevation - np.interp(azimuth, around, np.append(self.high, self.high[0])))
        return beyond

    def press(self, hair: Strands) -> Strands:
        """The hair with what lies under the hat pressed to the head, and without strands that end there."""
        below = self.below(hair.points)
        over = below <= 0
        kept = np.zeros(len(over), bool) if self.everything else (~over).mean(axis=1) > 0.25
        if self.high is not None:
            kept[:] = True
        points, below = hair.points[kept], np.maximum(below[kept], 0)
        offsets = points - self.head.centre.astype(np.float32)
        reach = np.linalg.norm(offsets, axis=2) + 1e-9
        wanted = self.head.radius(offsets, over_ears=False) + PRESSED + 0.09 * below  # the edge holds what is near
        factor = np.where(below < 0.4, np.minimum(1, wanted / reach), 1)
        points = self.head.centre + offsets * factor[..., None]
        return Strands(points.astype(np.float32), hair.radius[kept], hair.albedo[kept])
