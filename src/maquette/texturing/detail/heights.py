"""The heights of a face's folds from all its photos, and what they do to texture, normals and shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera
from maquette.texturing.detail.chart import DetailChart, detail_chart
from maquette.texturing.detail.evidence import Evidence, evidence_of
from maquette.texturing.detail.reader import read_folds
from maquette.texturing.head.bake import Baked
from maquette.texturing.head.delight import relit
from maquette.texturing.head.skin.relief import FLAT, normals_of, texel_lengths
from maquette.texturing.images import enlarged, smoothstep

SEEN = (0.1, 0.6)  # weight from which a photo says something, and all
MM = 1000.0
DEEPEST, SHALLOWEST_MM = 4, 0.002  # power by which a photo counts that shows deeper folds; added to depths
LARGEST_SHADE = 0.7  # of log luminance, that is taken for folds
FADE_M = 0.003  # towards what is not seen


@dataclass(frozen=True, eq=False)
class Folds:
    """Heights over the mesh on the window of a DetailChart.

    Attributes:
        chart: the grid.
        height: (h, w) float32 metres outwards; what no photo shows is mirrored from the other side, or zero.
        sure: (h, w) float32 0-1: how far a photo shows it; 0 where it is mirrored.
        error: (h, w) float32 metres: the scale of the height's error, Laplace's; nan where no photo shows it.
        photos: what each photo says. heights: (h, w) metres that each shows, with its expression's folds.
    """

    chart: DetailChart
    height: NDArray
    sure: NDArray
    error: NDArray
    photos: tuple[Evidence, ...]
    heights: tuple[NDArray, ...]

    def displacement_map(self) -> NDArray:
        """(S, S) float32 metres in the texture's layout, S the place chart's size."""
        return whole_of(self.height, self.chart)


def folds_of(
    baked: Sequence[Baked], cameras: Sequence[Camera], posed: Sequence[NDArray], kept: Sequence[NDArray], model: str
) -> Folds:
    """Folds of a neutral head from its photos.

    Args:
        baked: photos brought to the texture, their light in them; cameras: theirs.
        posed: (V, 3) metres each, the head as it is in them.
        kept: (h, w) 0-1 each, of any size: share of the heights that is not of the photo's expression.
        model: its name.
    """
    chart = detail_chart(model)
    photos = tuple(evidence_of(*each, chart) for each in zip(baked, cameras, posed))
    heights, errors = zip(*(fold_heights(seen, chart) for seen in photos))
    # Photos of one face that show more of its folds are sharper and better lit; pixels alone do not say it.
    depths = [depth_of(height, seen) for height, seen in zip(heights, photos)]
    sharp = [seen.weight / np.maximum(seen.pixel * MM, 0.1) ** 2 for seen in photos]
    shares = np.stack([share * (depth / max(depths)) ** DEEPEST for share, depth in zip(sharp, depths)])
    total = shares.sum(axis=0)
    own = [height * chart.cut(chart.sized(share)) for height, share in zip(heights, kept)]
    height = (np.stack(own) * shares).sum(axis=0) / np.maximum(total, 1e-6)
    sure = smoothstep(np.max([seen.weight for seen in photos], axis=0), *SEEN).astype(np.float32)
    other = mirrored(sure, chart)
    height = height * sure + (1 - sure) * other * mirrored(height, chart)
    error = np.where(sure > 0, (np.stack(errors) * shares).sum(axis=0) / np.maximum(total, 1e-6), np.nan)
    return Folds(chart, height.astype(np.float32), sure, error.astype(np.float32), photos, heights)


def depth_of(height: NDArray, seen: Evidence) -> float:
    """Root mean square, millimetres, of the heights (h, w) that a photo shows."""
    return MM * float(np.sqrt((height**2 * seen.weight).sum() / max(float(seen.weight.sum()), 1e-3))) + SHALLOWEST_MM


def fold_heights(seen: Evidence, chart: DetailChart) -> tuple[NDArray, NDArray]:
    """(h, w) float32 metres each: the folds that one photo shows, zero where it shows none, and their error's scale."""
    height, error = read_folds(seen, chart)
    shown = smoothstep(chart.smooth(seen.weight, FADE_M), *SEEN).astype(np.float32)
    return height * shown, error


def mirrored(values: NDArray, chart: DetailChart) -> NDArray:
    """(h, w) of the other side of the face."""
    return chart.cut(chart.whole(values)[:, ::-1])


def whole_of(values: NDArray, chart: DetailChart) -> NDArray:
    """(S, S) float32, S the place chart's size: values of the window (h, w) in the texture's layout, else zero."""
    size = chart.layers.place.size
    found = np.zeros((size, size), np.float32)
    found[: chart.shape[0]] = enlarged(chart.whole(values), (chart.shape[0], size))
    return found


def fold_normals(folds: Folds | None) -> NDArray | None:
    """(S, S, 3) uint8 tangent-space normals of the folds, as `normals_of` has them."""
    if folds is None:
        return None
    length = texel_lengths(folds.chart.layers) * (folds.chart.layers.skin.size / folds.chart.layers.place.size)
    rows = folds.chart.shape[0]
    height = folds.displacement_map()
    normals = np.broadcast_to(FLAT, (*height.shape, 3)).copy()
    normals[:rows] = normals_of(height[:rows], enlarged(length, (rows, height.shape[1])))
    return normals


def unfolded(baked: Baked, seen: Evidence, height: NDArray, chart: DetailChart) -> Baked:
    """The photo brought to the texture without the shading of its folds: they are shape now."""
    along, across = np.gradient(height, axis=0), np.gradient(height, axis=1)
    shade = seen.response[..., 0] * along / chart.length[..., 0] + seen.response[..., 1] * across / chart.length[..., 1]
    darker = np.exp(-chart.whole(np.clip(shade, -LARGEST_SHADE, LARGEST_SHADE)))
    return relit(baked, np.repeat(darker[..., None], 3, axis=2))
