"""Upper lids as clean skin: what an open eye hides or shows squeezed must not be stamped on the closed one.

A blink stretches a band of a few texels over the whole eyeball. What a photo has there is lash, shade and sclera, a
fraction of a millimetre out of place: streaks. The band takes the colour of the skin around it, and of the photo only
how bright it is from the crease down to the edge, evened out along the lid: the lid's line and the crease stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.geometry.mesh import vertex_normals
from maquette.morphable.model import SIDES
from maquette.texturing.head.layers import Layers
from maquette.texturing.images import enlarged, image_at, membrane, smoothstep

MOVED_M = (0.0008, 0.0026)  # by a blink: from where a texel is of the lid, and wholly
REACH_M = 0.030  # from the middle of the eyeball: the skin around
ACROSS_M = 0.017  # half a lid's length
COLUMNS, ROWS = 48, 20  # of the lid laid out: along it, and from crease to edge
STEP_TEXELS = 2.0  # over which the lid is smoothed, along it
ALONG = 7.0  # columns: how far brightness is evened out along the lid
DARK = (0.72, 0.95)  # of the skin around: darker skin is shade or hair, and says nothing of the lid's colour
CREASE = (0.10, 0.35)  # likewise: where the fold above the lid ends
DARKEST = (0.50, 0.80, 0.30)  # of the skin around: in the crease, on the lid, on its edge
BRIGHTEST = (1.0, 1.0, 0.60)
EDGE = (0.80, 1.0)  # of the way from crease to edge, where the lashes grow
TINT = np.array([-0.20, 0.08, 0.12], np.float32)  # added to the power of the shade: lids are thin, blood shows
COLOURED = 0.4  # spread of the channels over their mean, of usual skin; grey photos keep grey lids


@dataclass(frozen=True, eq=False)
class Lid:
    """One upper lid in the skin chart.

    Attributes:
        window: rows and columns of the chart around the eye.
        share: (h, w) 0-1: how far a texel of the window is of the lid.
        along: (h, w) -1 to 1 from corner to corner; down: (h, w) 0-1 from the crease to the edge and behind it.
        around: (h, w) 0-1: skin around the lids.
    """

    window: tuple[slice, slice]
    share: NDArray
    along: NDArray
    down: NDArray
    around: NDArray


def clean_lids(texture: NDArray, confidence: NDArray, layers: Layers) -> None:
    """Make the upper lids clean skin, in `texture` (S, S, 3) and `confidence` (S, S) uint8, in place.

    What is made up loses its confidence. The caller is making both pictures.
    """
    scale = layers.size // layers.skin.size
    for lid in lids_of(layers):
        rows, columns = (slice(part.start * scale, part.stop * scale) for part in lid.window)
        patch = texture[rows, columns].astype(np.float32)
        small = cv2.resize(patch, lid.share.shape[::-1], interpolation=cv2.INTER_AREA)
        colour = lid_colour(small, lid)
        share = enlarged(lid.share, patch.shape[:2])
        mixed = patch + share[..., None] * (enlarged(colour, patch.shape[:2]) - patch)
        texture[rows, columns] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
        known = confidence[rows, columns]
        confidence[rows, columns] = np.rint(known * (1 - share)).astype(np.uint8)


def lid_colour(patch: NDArray, lid: Lid) -> NDArray:
    """(h, w, 3) what the lid is painted with; patch: (h, w, 3) float32 8-bit sRGB, the texture around the eye."""
    skin = skin_around(patch, lid.around)
    ratio = patch.mean(axis=2) / np.maximum(skin.mean(axis=2), 1.0)
    edge, crease = smoothstep(lid.down, *EDGE), 1 - smoothstep(lid.down, *CREASE)
    least, most = (crease * a + (1 - crease - edge) * b + edge * c for a, b, c in (DARKEST, BRIGHTEST))
    shade = np.clip(evened(ratio, lid), least, most)[..., None]
    colour = np.clip(np.ptp(skin, axis=2) / np.maximum(skin.mean(axis=2), 1.0) / COLOURED, 0, 1)[..., None]
    found: NDArray = skin * shade ** (1 + colour * TINT)
    return found


def skin_around(patch: NDArray, around: NDArray) -> NDArray:
    """(h, w, 3) the skin around the lids continued over them, without lashes and shade."""
    weight = around.astype(np.float32)
    for _ in range(2):
        skin = membrane(patch, weight, firmness=0.002)
        weight = (around * (0.02 + smoothstep(patch.mean(axis=2) / np.maximum(skin.mean(axis=2), 1.0), *DARK))).astype(
            np.float32
        )
    return membrane(patch, weight, firmness=0.002)


def evened(ratio: NDArray, lid: Lid) -> NDArray:
    """(h, w) a brightness (h, w) evened out along the lid, so that it only varies from the crease to the edge."""
    at = np.stack([(lid.along + 1) / 2 * (COLUMNS - 1), lid.down * (ROWS - 1)], axis=2) + 0.5
    column, row = (np.clip(np.rint(at[..., k] - 0.5).astype(int), 0, n - 1) for k, n in ((0, COLUMNS), (1, ROWS)))
    place = (row * COLUMNS + column).ravel()
    weight = lid.share.ravel()
    total = np.bincount(place, weight * ratio.ravel(), COLUMNS * ROWS).reshape(ROWS, COLUMNS)
    count = np.bincount(place, weight, COLUMNS * ROWS).reshape(ROWS, COLUMNS)
    smooth = [cv2.GaussianBlur(k, (0, 0), ALONG, sigmaY=0.8, borderType=cv2.BORDER_CONSTANT) for k in (total, count)]
    return image_at((smooth[0] / np.maximum(smooth[1], 1e-6)).astype(np.float32), at)


@lru_cache(maxsize=2)
def lids_of(layers: Layers) -> tuple[Lid, ...]:
    """Where a model's upper lids are; none on a model that cannot blink."""
    model = layers.model
    if "eyeLeft" not in model.parts or "eyeBlinkLeft" not in model.expression_names:
        return ()
    return tuple(lid_of(layers, side) for side in SIDES)


def lid_of(layers: Layers, side: str) -> Lid:
    """The upper lid of the "Left" or "Right" eye."""
    model, chart = layers.model, layers.skin
    centre = model.eye_centre(model.mean, side)
    blink = model.expression_basis[model.expression_names.index(f"eyeBlink{side}")]
    offset = chart.spread(model.mean - centre)
    ahead = chart.spread(vertex_normals(model.mean, model.faces))[..., 2] > 0
    near = (np.linalg.norm(offset, axis=2) < REACH_M) & ahead
    rows, columns = np.nonzero(near)
    window = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    offset, near = offset[window], near[window]
    moved = np.maximum(-chart.spread(blink)[window][..., 1], 0)
    share = smoothstep(moved, *MOVED_M)
    along = np.clip(offset[..., 0] / ACROSS_M, -1, 1)
    most = column_most(along, moved)
    down = levelled(np.clip(moved / np.maximum(most, 1e-4), 0, 1))
    zones = {name: layers.zones[name][window] for name in ("edge", "brows")}
    around = near * (1 - smoothstep(share, 0.0, 0.1)) * (1 - zones["edge"]) * (zones["brows"] < 0.02)
    return Lid(window, levelled(share), along, down, around)


def levelled(values: NDArray) -> NDArray:
    """Values (h, w) smoothed along the lid: a blink draws out every step between texels to a streak."""
    return cv2.GaussianBlur(values.astype(np.float32), (0, 0), STEP_TEXELS, sigmaY=0.4)


def column_most(along: NDArray, moved: NDArray) -> NDArray:
    """(h, w) the most that any texel moves as far along the lid; metres."""
    column = np.clip(np.rint((along + 1) / 2 * (COLUMNS - 1)).astype(int), 0, COLUMNS - 1)
    most = np.zeros(COLUMNS)
    np.maximum.at(most, column.ravel(), moved.ravel())
    return cv2.GaussianBlur(most[None], (0, 0), 1.5)[0][column]
