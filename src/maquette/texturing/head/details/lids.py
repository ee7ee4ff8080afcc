"""Where the lids lie on the eyeballs: their shade on them, and their wet inner edges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from maquette.geometry.raycast import RayCaster
from maquette.morphable.model import SIDES, MorphableModel
from maquette.texturing.head.details.hollows import mixed
from maquette.texturing.head.fill import Palette
from maquette.texturing.head.layers import Layers
from maquette.texturing.images import enlarged, smoothstep

STEP_M = 0.0003  # of the rays that look for the lids
SMOOTH = 3  # columns
UPPER = ((0.26, 0.0009), (0.42, 0.0040))  # shade of the upper lid and its lashes: strength and metres by which it fades
LOWER = ((0.24, 0.0008), (0.14, 0.0030))
UNDER_M, LIFTED = 0.004, 0.35  # under a lid the shade is so much less, this far behind its edge: it may be lifted
EDGE_M = (0.0007, 0.0014)  # over the eyeball: a lid's inner edge, and its skin
WET = np.array([196.0, 124.0, 112.0])  # of the lower edge
WET_SHARE, UPPER_SHARE = 0.65, 0.75
UPPER_SHADE = 0.42  # of the upper edge, which lies in its own shadow, among the roots of the lashes


@dataclass(frozen=True, eq=False)
class LidLine:
    """An open eye from the front: x (C,) metres; top, bottom (C,) metres, y of the lids, equal where it is shut."""

    x: NDArray
    top: NDArray
    bottom: NDArray

    def shade(self, places: NDArray) -> NDArray:
        """(...,) factor of the light at places (..., 3) on the eyeball, metres."""
        x, y = places[..., 0], places[..., 1]
        light = np.ones(x.shape)
        for far, parts in ((np.interp(x, self.x, self.top) - y, UPPER), (y - np.interp(x, self.x, self.bottom), LOWER)):
            dark = sum(strength * np.exp(-np.maximum(far, 0) / reach) for strength, reach in parts)
            light = light * (1 - dark * (1 - LIFTED * smoothstep(-far, 0, UNDER_M)))
        return light


def lid_lines(vertices: NDArray, model: MorphableModel) -> dict[str, LidLine]:
    """Side -> where the lids of a head (V, 3) lie on its eyeball; none for an eye that is shut."""
    rays = RayCaster(vertices, model.faces)
    lines = {}
    for side in SIDES:
        ball = vertices[model.part_vertices(f"eye{side}")]
        centre, reach = model.eye_centre(vertices, side), float(np.ptp(ball, axis=0).max()) / 2
        x = np.arange(-1.05 * reach, 1.05 * reach, STEP_M) + centre[0]
        y = np.arange(-0.75 * reach, 0.75 * reach, STEP_M) + centre[1]
        grid = np.stack([*np.meshgrid(x, y, indexing="ij"), np.full((len(x), len(y)), centre[2] + 0.2)], axis=-1)
        starts = grid.reshape(-1, 3)
        hit = rays.first_hits(starts, np.tile([0.0, 0.0, -1.0], (len(starts), 1)))[0]
        seen = np.isin(hit, model.parts[f"eye{side}"]).reshape(len(x), len(y))
        columns = np.flatnonzero(seen.any(axis=1))
        if len(columns) < 3:
            continue
        top = y[len(y) - 1 - seen[columns, ::-1].argmax(axis=1)]
        bottom = y[seen[columns].argmax(axis=1)]
        ends = np.pad(np.stack([top, bottom]), ((0, 0), (SMOOTH, SMOOTH)), mode="edge")
        kernel = np.hanning(2 * SMOOTH + 3)[1:-1]
        top, bottom = (np.convolve(row, kernel / kernel.sum(), "valid") for row in ends)
        lines[side] = LidLine(x[columns], top, bottom)
    return lines


def paint_lid_edges(texture: NDArray, layers: Layers, palette: Palette) -> None:
    """Paint the lids' inner edges into `texture` (S, S, 3) uint8, in place: photos show them blurred with the eye."""
    shape, rows = (layers.rows, layers.size), layers.skin_rows
    upper, lower = (enlarged(edge, shape)[:rows] for edge in lid_edges(layers))
    skin = texture[:rows]
    where = lower > 1 / 255
    skin[where] = mixed(skin[where], palette.lit(WET), WET_SHARE * lower[where])
    where = upper > 1 / 255
    skin[where] = mixed(skin[where], UPPER_SHADE * palette.skin, UPPER_SHARE * upper[where])


@lru_cache(maxsize=2)
def lid_edges(layers: Layers) -> tuple[NDArray, NDArray]:
    """(h, w) float32 0-1 each, at the chart `place`: inner edges of the upper and of the lower lids."""
    model = layers.model
    edges = np.zeros((2, len(model.mean)), np.float32)
    skin = model.part_vertices("skin")
    for side in SIDES:
        if f"eye{side}" not in model.parts:
            continue
        centre = model.eye_centre(model.mean, side)
        out = model.mean[skin] - centre
        far = np.linalg.norm(out, axis=1)
        ball = model.mean[model.part_vertices(f"eye{side}")] - centre
        radii = np.linalg.norm(ball, axis=1)
        over = far - radii[cKDTree(ball / radii[:, None]).query(out / far[:, None])[1]]
        on = (1 - smoothstep(over, *EDGE_M)) * (model.regions["eyelids"][skin] > 0.3) * (out[:, 2] > 0)
        for number, half in enumerate((out[:, 1] > 0, out[:, 1] <= 0)):
            edges[number, skin] = np.maximum(edges[number, skin], on * half)
    return layers.place.spread(edges[0]), layers.place.spread(edges[1])
