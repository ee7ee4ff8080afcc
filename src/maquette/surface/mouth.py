"""Teeth and tongue: painted in the light of the photo."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.perception import topology
from maquette.surface.fill import Palette
from maquette.surface.layers import Layers
from maquette.surface.pyramid import smoothstep

TOOTH_COLOUR = np.array([226.0, 216.0, 198.0])
GUM_COLOUR = np.array([176.0, 96.0, 92.0])
TONGUE_COLOUR = np.array([178.0, 98.0, 96.0])
CLOSED_SHADE = 0.7  # behind lips that are closed in every photo teeth lie in shadow; what peeps out must not shine
OPEN_ENOUGH = 0.03  # area of the mouth's opening against the squared distance of the irises
# Half widths from the middle line to the end of each tooth, metres along the arch (upper: Wheeler's averages).
TOOTH_ENDS_M = np.cumsum([0.0085, 0.0065, 0.0075, 0.007, 0.007, 0.010, 0.009, 0.0085])


def paint_mouth(texture: NDArray, observations: Sequence[Observation], layers: Layers, palette: Palette) -> None:
    """Paint teeth and tongue into `texture` (S, S, 3) uint8, in place: it is being made by the caller."""
    if "tongue" in layers.small:
        chart = layers.small["tongue"]
        place = chart.spread(layers.model.mean)
        front = smoothstep(place[..., 2], np.percentile(place[..., 2], 5), np.percentile(place[..., 2], 80))
        groove = 1 - 0.25 * np.exp(-((place[..., 0] / 0.0012) ** 2))
        chart.paint(texture, palette.lit(TONGUE_COLOUR) * (0.2 + 0.5 * front * groove)[..., None])
    if "teeth" in layers.small:
        colour = tooth_colour(observations, palette.lit(TOOTH_COLOUR))
        chart = layers.small["teeth"]
        chart.paint(texture, painted_teeth(chart.spread(layers.model.mean), colour, palette.lit(GUM_COLOUR), layers))


def tooth_colour(observations: Sequence[Observation], likely: NDArray) -> NDArray:
    """(3,) 8-bit sRGB: the bright, pale part of open mouths in the photos, kept near what is likely in their light."""
    found = []
    for observation in observations:
        if observation.landmark_scheme != topology.SCHEME:
            continue
        outline = observation.landmarks[list(topology.MOUTH_OPENING), :2]
        eyes = observation.landmarks[[topology.RIGHT_IRIS[0], topology.LEFT_IRIS[0]], :2]
        area = cv2.contourArea(outline.astype(np.float32))
        if area < OPEN_ENOUGH * ((eyes[0] - eyes[1]) ** 2).sum() or area < 60:
            continue
        opening = np.zeros(observation.mask.shape, np.uint8)
        cv2.fillPoly(opening, [np.round((outline - 0.5) * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
        pixels = observation.frame.pixels[opening > 0].astype(np.float32)
        green = pixels[:, 1]
        found.append(np.median(pixels[green >= np.percentile(green, 85)], axis=0))
    if not found:
        return CLOSED_SHADE * likely
    return np.clip(np.mean(found, axis=0), 0.75 * likely, 1.1 * likely)


def painted_teeth(place: NDArray, colour: NDArray, gum: NDArray, layers: Layers) -> NDArray:
    """(h, w, 3) float: teeth with dark lines between them, gums at the roots, darker towards the back."""
    teeth = layers.model.mean[layers.model.part_vertices("teeth")]
    middle = np.median(teeth[:, 1])
    radius = float(np.abs(teeth[:, 0]).max())
    arch_centre = teeth[:, 2].max() - radius
    along = np.abs(np.arctan2(place[..., 0], np.maximum(place[..., 2] - arch_centre, 0.002))) * radius
    gap = np.exp(-((np.abs(along[..., None] - np.append(0, TOOTH_ENDS_M)).min(axis=2) / 0.0005) ** 2))
    upper = place[..., 1] > middle
    edge = np.where(upper, place[..., 1] - teeth[teeth[:, 1] > middle, 1].min(),
                    teeth[teeth[:, 1] <= middle, 1].max() - place[..., 1])  # fmt: skip
    back = 1 - 0.6 * smoothstep(along, 0.012, 0.045)
    tooth = colour * ((1 - 0.30 * gap) * back)[..., None]
    gum = gum * back[..., None]
    scallop = 0.0012 * np.cos(np.pi * np.abs(along[..., None] - TOOTH_ENDS_M).min(axis=2) / 0.004)
    return tooth + smoothstep(edge + scallop, 0.0085, 0.0105)[..., None] * (gum - tooth)
