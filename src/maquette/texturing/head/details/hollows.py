"""What lies in shadow whatever the light: nostrils, and the mouth behind the lips. Viewers throw no shadow there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from maquette.texturing.head.fill import Palette
from maquette.texturing.head.layers import Layers
from maquette.texturing.images import blurred, enlarged, smoothstep

NOSTRIL = (0.35, 0.85)  # of the model's region: rim and dark
NOSTRIL_SHADE = np.array([0.30, 0.18, 0.16])  # of the skin's colour
FLESH = np.array([126.0, 58.0, 54.0])  # inside of the cheeks
LIPS_M, FLESH_M, THROAT_M = (
    0.003,
    0.008,
    0.030,
)  # behind the rim of the lips: their colour ends, flesh begins, it is dark
LIPS_SHADE, THROAT_SHADE = 0.72, 0.32
SOFT = 0.0030  # of the texture's width


@dataclass(frozen=True, eq=False)
class Hollows:
    """Of one model, in its skin chart: nostril (h, w) 0-1; behind (h, w) metres behind the lips' rim, 0 before it;
    inside (h, w) 0-1 of the mouth; rim (h, w) bool, lips that are seen.
    """

    nostril: NDArray
    behind: NDArray
    inside: NDArray
    rim: NDArray


def paint_hollows(texture: NDArray, layers: Layers, palette: Palette) -> None:
    """Darken nostrils and the inside of the mouth in `texture` (S, S, 3) uint8, in place: the caller is making it."""
    hollows = hollows_of(layers)
    shape = (layers.rows, layers.size)
    rows = layers.skin_rows
    nostril, inside, behind = (
        enlarged(k.astype(np.float32), shape)[:rows] for k in (hollows.nostril, hollows.inside, hollows.behind)
    )
    step = layers.size // layers.skin.size
    seen = texture[step // 2 : rows : step, step // 2 :: step][: hollows.rim.shape[0]]
    lips = seen[hollows.rim[: len(seen)]]
    lip = np.median(lips, axis=0) if len(lips) else palette.skin
    skin = texture[:rows]
    where = nostril > 1 / 255
    dark = np.minimum(skin[where], palette.skin * NOSTRIL_SHADE)
    skin[where] = mixed(skin[where], dark, nostril[where])
    where = inside > 1 / 255
    skin[where] = mixed(skin[where], inner_colour(behind[where], lip, palette.lit(FLESH)), inside[where])


def mixed(old: NDArray, new: NDArray, share: NDArray) -> NDArray:
    """(n, 3) uint8: colours (n, 3) of which a share (n,) is new."""
    return np.rint(old + share[:, None] * (new - old)).astype(np.uint8)


def inner_colour(behind: NDArray, lip: NDArray, flesh: NDArray) -> NDArray:
    """(n, 3) colours at places (n,) metres behind the lips: theirs, then flesh that is darker towards the throat."""
    deep = smoothstep(behind, LIPS_M, FLESH_M)[:, None]
    dark = 1 - (1 - THROAT_SHADE) * smoothstep(behind, LIPS_M, THROAT_M)[:, None]
    shaded = 1 - (1 - LIPS_SHADE) * smoothstep(behind, 0.0, LIPS_M)[:, None]
    found: NDArray = (lip * shaded + deep * (flesh - lip * shaded)) * dark
    return found


@lru_cache(maxsize=2)
def hollows_of(layers: Layers) -> Hollows:
    """Where a model's hollows are."""
    model = layers.model
    count = len(model.mean)
    nostril = smoothstep(layers.skin.spread(model.regions.get("hollows", np.zeros(count))), *NOSTRIL)
    inside, behind = np.zeros(count, np.float32), np.zeros(count, np.float32)
    if "mouth" in model.parts:
        own = model.part_vertices("mouth")
        rim = np.intersect1d(own, model.part_vertices("skin"))
        inside[np.setdiff1d(own, rim)] = 1
        inside[rim] = 0.5
        behind[own] = cKDTree(model.mean[rim]).query(model.mean[own])[0]
    lips = layers.zones["lips"] * (layers.skin.spread(inside) < 0.01)
    blur = SOFT * layers.skin.size
    return Hollows(
        blurred(nostril.astype(np.float32), blur), layers.skin.spread(behind), layers.skin.spread(inside), lips > 0.8
    )
