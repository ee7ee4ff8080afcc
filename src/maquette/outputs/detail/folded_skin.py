"""The texture of a head that moves, shaded by its folds: the mesh of a film is too coarse to have them as shape."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.geometry.mesh import vertex_normals
from maquette.morphable.refined.dense import WRINKLES
from maquette.outputs.asset import Asset
from maquette.texturing.detail.chart import detail_chart
from maquette.texturing.head.skin.relief import texel_lengths

COARSER = 8  # texels between points at which the light on the skin is worked out
TILT = 0.05  # slope by which the skin is tilted for it
LARGEST = 0.7  # of the log of light that a fold changes
CAVITY = 600.0  # log of light per metre of height: 450 to 1,400 on seven of eight photographs, slopes regressed out
DARKEST = 0.1  # share of the mean light below which no fold is drawn
FAINT = 0.02  # weight up to which a unit's folds are left out
NOTHING = 1e-4  # slope, and log of light, that nobody sees
LEAST_M = 1e-5  # folds no deeper than that are left out


class FoldedSkin:
    """The texture of one head with its folds in any light and expression.

    Args:
        asset: a head with a model. texture: (S, S, 3) uint8, as it is drawn.
    """

    def __init__(self, asset: Asset, texture: NDArray) -> None:
        assert asset.model is not None, "made for heads of a model"
        made, chart = asset.result.reconstruction, detail_chart(asset.model.name)
        layers, side = chart.layers, chart.layers.skin.size
        down, right = chart.window
        rows = slice(*(edge * side // layers.place.size for edge in (down.start, down.stop)))
        columns = slice(*(edge * side // chart.shape[1] for edge in (right.start, right.stop)))
        self._side, self._window, names = side, (rows, columns), list(asset.model.expression_names)
        units = [str(unit) for unit in made.parameters.get(f"{WRINKLES}_units", ())]
        self._units = [names.index(unit) for unit in units]
        still = asset.mesh.displacement_map
        still = np.zeros((side, side), np.float32) if still is None else still
        heights = [cv2.resize(still, (side, side), interpolation=cv2.INTER_AREA)]
        heights += [np.asarray(one, np.float32) for one in made.parameters.get(WRINKLES, ())]
        length = texel_lengths(layers)[rows, columns]
        # Rows of down, right, and how much darker grooves are. That of lasting ones is in the texture already.
        slopes = [np.moveaxis(np.stack(np.gradient(one[rows, columns]), axis=2) / length, 2, 0) for one in heights]
        self._still = np.concatenate([slopes[0], np.zeros_like(slopes[0][:1])]).astype(np.float32)
        deep = [np.clip(CAVITY * one[rows, columns], -LARGEST, LARGEST)[None] for one in heights]
        moving = (np.concatenate(pair) for pair in zip(slopes[1:], deep[1:]))
        self._moving = [_framed(planes.astype(np.float32)) for planes in moving]
        self._plain = texture
        normals = layers.skin.spread(vertex_normals(asset.neutral.astype(float), asset.mesh.faces))
        places = layers.skin.spread(asset.neutral)
        self._normals = _unit(normals[rows, columns][::COARSER, ::COARSER])
        self._tangents = [_unit(np.gradient(places, axis=axis)[rows, columns][::COARSER, ::COARSER]) for axis in (0, 1)]

    @classmethod
    def of(cls, asset: Asset, texture: NDArray | None) -> FoldedSkin | None:
        """The skin of a head that has folds; None where there are none to draw."""
        made, still = asset.result.reconstruction, asset.mesh.displacement_map
        deep = still is not None and float(np.abs(still).max()) > LEAST_M
        return cls(asset, texture) if texture is not None and (deep or WRINKLES in made.parameters) else None

    def shaded(self, expression: NDArray, lit: Callable[[NDArray], NDArray]) -> NDArray:
        """(S, S, 3) uint8: the texture.

        Args:
            expression: (E,) weights. lit: (N,) linear light on skin with unit normals (N, 3), head axes.
        """

        def shade(normals: NDArray) -> NDArray:
            return lit(normals.reshape(-1, 3)).reshape(normals.shape[:2])

        plain = shade(self._normals)
        plain = np.maximum(plain, DARKEST * max(float(plain.mean()), 1e-3))
        folds = self._still.copy()
        for weight, (place, planes) in zip(expression[self._units], self._moving):
            if weight > FAINT:
                folds[place] += np.float32(weight) * planes
        change = folds[2]
        for axis, tangent in enumerate(self._tangents):
            tilted = shade(_unit(self._normals - TILT * tangent))
            response = ((tilted - plain) / TILT / plain).astype(np.float32)
            change += folds[axis] * cv2.resize(response, change.shape[::-1], interpolation=cv2.INTER_LINEAR)
        # The picture is drawn in a gamma of 2.
        factor = cv2.exp(0.5 * np.clip(change, -LARGEST, LARGEST))
        scale, (rows, columns) = self._plain.shape[0] / self._side, self._window
        rows, columns = (slice(round(s.start * scale), round(s.stop * scale)) for s in (rows, columns))
        part = self._plain[rows, columns]
        factor = cv2.resize(factor, part.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        texture = self._plain.copy()
        texture[rows, columns] = cv2.multiply(part, cv2.merge([factor] * 3), dtype=cv2.CV_8U)
        return texture


def _unit(vectors: NDArray) -> NDArray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=2, keepdims=True), 1e-9)


def _framed(planes: NDArray) -> tuple[tuple[slice, slice, slice], NDArray]:
    """Where planes (3, h, w) are anything at all, and they there: a unit folds one place of the face."""
    rows, columns = (np.flatnonzero(np.abs(planes).max(axis=axes) > NOTHING) for axes in ((0, 2), (0, 1)))
    if not len(rows):
        return (slice(None), slice(0), slice(0)), planes[:, :0, :0]
    place = slice(None), slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return place, np.ascontiguousarray(planes[place])
