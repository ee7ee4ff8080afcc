"""What one photo says of the folds: brightness and tint against the skin around, and how light falls on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera
from maquette.geometry.mesh import vertex_normals
from maquette.reconstruction.face_fit.terms.shading import harmonics
from maquette.texturing.detail.chart import DetailChart
from maquette.texturing.head.bake import Baked
from maquette.texturing.head.delight import linear
from maquette.texturing.images import blurred, smoothstep
from maquette.texturing.projection import pixels_of

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
FLOOR = 0.01  # added to linear light before the logarithm
BASE_M = 0.007  # standard deviation: what changes more slowly is light and shape, no fold
UNLIKE = 0.25  # of the log luminance: what differs more from the skin around is hair or a highlight
BARE_M = 0.004  # over which bare skin is looked for
SAMPLES, FEWEST = 13, 100  # every so many texels the light is fitted, if there are so many
RIDGE = 0.02  # pull of the light to even light, per sample
DARKEST = 0.25  # share of the mean light below which no slope is believed
TURN = 0.02  # slope by which the skin is tilted to see how its light changes
LARGEST_CHANGE = 3.0  # of the log luminance per slope
LARGEST, LARGEST_TINT = 1.5, 1.0


@dataclass(frozen=True, eq=False)
class Evidence:
    """One photo on the grid of a DetailChart.

    Attributes:
        fine: (h, w) log luminance against the skin within BASE_M.
        tint: (h, w, 2) log of red and blue over luminance, likewise.
        weight: (h, w) 0-1, skin that is seen and may fold.
        base: (h, w) log luminance of the skin around, against its mean; level: that mean.
        response: (h, w, 2) change of the log luminance per slope of the skin, down and right.
        pixel: (h, w) metres that one pixel of the photo is wide there.
        lit: R2 of the light's fit, 0-1.
    """

    fine: NDArray
    tint: NDArray
    weight: NDArray
    base: NDArray
    level: float
    response: NDArray
    pixel: NDArray
    lit: float


def evidence_of(baked: Baked, camera: Camera, vertices: NDArray, chart: DetailChart) -> Evidence:
    """What a photo says.

    Args:
        baked: brought to the texture, its own light in it. camera: of the photo.
        vertices: (V, 3) metres, as they are in the photo.
    """
    faces = chart.layers.model.faces
    light = linear(chart.cut(chart.sized(baked.colour)))
    level = np.log(light @ LUMINANCE + FLOOR)
    tint = np.stack([np.log(light[..., channel] + FLOOR) - level for channel in (0, 2)], axis=2)
    bare = chart.smooth(chart.cut(chart.sized(baked.bare)), BARE_M)
    weight = chart.cut(chart.sized(baked.trust)) * chart.free * smoothstep(bare, 0.2, 0.5)
    weight = weight.astype(np.float32)
    base = chart.around(level, weight, BASE_M)
    known = weight * np.exp(-(((level - base) / UNLIKE) ** 2))
    base = chart.around(level, known, BASE_M)
    normals = chart.spread(vertex_normals(vertices, faces))
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)
    response, lit = light_response(base, weight, normals, chart)
    mean = float((base * weight).sum() / max(float(weight.sum()), 1e-3))
    return Evidence(
        np.clip(level - base, -LARGEST, LARGEST),
        np.clip(tint - chart.around(tint, known, BASE_M), -LARGEST_TINT, LARGEST_TINT),
        weight, base - mean, mean, response, pixel_widths(camera, vertices, chart), lit,
    )  # fmt: skip


def pixel_widths(camera: Camera, vertices: NDArray, chart: DetailChart) -> NDArray:
    """(h, w) float32 metres on the mean head that a pixel of the photo shows."""
    x, y = np.moveaxis(chart.spread(pixels_of(camera, vertices.astype(float))[0]), 2, 0)
    area = np.gradient(x, axis=0) * np.gradient(y, axis=1) - np.gradient(x, axis=1) * np.gradient(y, axis=0)
    side = np.sqrt(blurred(np.abs(area).astype(np.float32), 2.0))
    return np.sqrt(chart.length.prod(axis=2)) / np.maximum(side, 1e-3)


def light_response(base: NDArray, weight: NDArray, normals: NDArray, chart: DetailChart) -> tuple[NDArray, float]:
    """How the log luminance changes with slopes down and right the chart, (h, w, 2), and the R2 of the light's fit.

    Nine harmonics of the normals (Ramamoorthi and Hanrahan 2001) are fitted to the brightness of the skin around.
    """
    at = np.flatnonzero((weight > 0.5) & (chart.zones[3] > 0.5))[::SAMPLES]
    if len(at) < FEWEST:
        return np.zeros((*base.shape, 2), np.float32), 0.0
    bright = np.exp(base.ravel()[at]).astype(float)
    basis = harmonics(normals.reshape(-1, 3)[at].astype(float))
    pull = RIDGE * len(at) * np.diag([0.0] + [1.0] * 8)
    light = np.linalg.solve(basis.T @ basis + pull, basis.T @ bright)
    shown = basis @ light
    lit = 1 - float(((bright - shown) ** 2).sum()) / max(float(((bright - bright.mean()) ** 2).sum()), 1e-12)
    light = light.astype(np.float32)

    def shade(directions: NDArray) -> NDArray:
        return (harmonics(directions.reshape(-1, 3)) @ light).reshape(base.shape)

    even = np.maximum(shade(normals), DARKEST * shown.mean())
    place = chart.spread(chart.layers.model.mean)
    changes = []
    for axis in (0, 1):
        tangent = np.gradient(place, axis=axis)
        tangent -= (tangent * normals).sum(axis=2, keepdims=True) * normals
        tangent /= np.maximum(np.linalg.norm(tangent, axis=2, keepdims=True), 1e-9)
        tilted = normals - TURN * tangent
        tilted /= np.maximum(np.linalg.norm(tilted, axis=2, keepdims=True), 1e-9)
        changes.append(np.clip((shade(tilted) - even) / TURN / even, -LARGEST_CHANGE, LARGEST_CHANGE))
    return np.stack(changes, axis=2).astype(np.float32), lit
