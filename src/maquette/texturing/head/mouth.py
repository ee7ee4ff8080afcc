"""Teeth and tongue: from the photo where lips are parted, painted in its light elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Observation
from maquette.geometry.raycast import RayCaster
from maquette.perception.faces import topology
from maquette.texturing.atlas import Chart
from maquette.texturing.head.bake import visible_points
from maquette.texturing.head.fill import Palette
from maquette.texturing.head.layers import Layers
from maquette.texturing.images import blurred, image_at, sixteenths, smoothstep
from maquette.texturing.projection import pixels_of

TOOTH_COLOUR = np.array([226.0, 216.0, 198.0])
GUM_COLOUR = np.array([176.0, 96.0, 92.0])
TONGUE_COLOUR = np.array([178.0, 98.0, 96.0])
CLOSED_SHADE = 0.7  # behind lips that are closed in every photo teeth lie in shadow; what peeps out must not shine
OPEN_ENOUGH = 0.03  # area of the mouth's opening against the squared distance of the irises
# Half widths from the middle line to the end of each tooth, metres along the arch (upper: Wheeler's averages).
TOOTH_ENDS_M = np.cumsum([0.0085, 0.0065, 0.0075, 0.007, 0.007, 0.010, 0.009, 0.0085])
LOWER_ENDS_M = np.cumsum([0.0050, 0.0055, 0.0070, 0.007, 0.007, 0.011, 0.0105, 0.0100])
SMALLEST_OPENING = 60  # square pixels
MOUTH_SHARE = 0.33  # of the texture's width that the teeth's chart takes: a finer photo would flicker
ARCH_DEPTH = 1.2  # the arch's half ellipse is deeper than the rows, which end before it is as wide as it gets
STRIDE = 3  # texels
TONGUE_BLUR = 0.012  # of the texture's width


@dataclass(frozen=True, eq=False)
class Opening:
    """The part of a photo that is seen between parted lips.

    Attributes:
        photo: (h, w, 3) uint8, cut out and no finer than the texture.
        inside: (h, w) float32 0-1, fading within the lips' inner border.
        corner: (2,) pixels of the crop where the cut-out begins.
        zoom: pixels of the cut-out per pixel of the crop.
    """

    photo: NDArray
    inside: NDArray
    corner: NDArray
    zoom: float

    def at(self, pixels: NDArray) -> tuple[NDArray, NDArray]:
        """Colour (h, w, 3) float32 and how far it lies inside, (h, w) 0-1, at crop pixels (h, w, 2)."""
        place = (pixels - self.corner) * self.zoom
        return image_at(self.photo, place).astype(np.float32), image_at(self.inside, place, border=cv2.BORDER_CONSTANT)


@dataclass(frozen=True, eq=False)
class MouthView:
    """A photo with parted lips: what it shows there, its camera, and the head in it, (V, 3) metres, with its rays."""

    opening: Opening
    camera: Camera
    vertices: NDArray
    rays: RayCaster


def paint_mouth(
    texture: NDArray, observations: Sequence[Observation], cameras: Sequence[Camera], posed: Sequence[NDArray],
    rays: Sequence[RayCaster], layers: Layers, palette: Palette,
) -> None:  # fmt: skip
    """Paint teeth and tongue into `texture` (S, S, 3) uint8, in place: it is being made by the caller."""
    openings = [opening_of(observation, layers.size) for observation in observations]
    views = [MouthView(o, c, v, r) for o, c, v, r in zip(openings, cameras, posed, rays) if o is not None]
    colour = tooth_colour([view.opening for view in views], palette.lit(TOOTH_COLOUR))
    for part in ("teeth", "tongue"):
        if part not in layers.small:
            continue
        chart = layers.small[part]
        place = chart.spread(layers.model.mean)
        if part == "teeth":
            most = np.full(3, 255.0)
            painted = painted_teeth(place, colour, palette.lit(GUM_COLOUR), layers)
        else:
            most = 1.1 * palette.lit(TONGUE_COLOUR)
            painted = painted_tongue(place, most)
        chart.paint(texture, with_photos(painted.astype(np.float32), most, chart, views, layers))


def opening_of(observation: Observation, size: int) -> Opening | None:
    """What a photo shows between the lips, for a texture `size` texels wide; None where they are closed or hidden."""
    if observation.landmark_scheme != topology.SCHEME:
        return None
    outline = observation.landmarks[list(topology.MOUTH_OPENING), :2]
    eyes = observation.landmarks[[topology.RIGHT_IRIS[0], topology.LEFT_IRIS[0]], :2]
    area = cv2.contourArea(outline.astype(np.float32))
    if area < OPEN_ENOUGH * ((eyes[0] - eyes[1]) ** 2).sum() or area < SMALLEST_OPENING:
        return None
    width = float(np.ptp(outline, axis=0).max())
    low = np.maximum(np.floor(outline.min(axis=0) - 0.1 * width).astype(int), 0)
    high = np.minimum(np.ceil(outline.max(axis=0) + 0.1 * width).astype(int), observation.frame.size)
    if (high - low).min() < 4:
        return None
    photo = observation.frame.pixels[low[1] : high[1], low[0] : high[0]]
    zoom = min(1.0, MOUTH_SHARE * size / width)
    if zoom < 0.9:
        photo = cv2.resize(photo, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    else:
        zoom = 1.0
    inside = np.zeros(photo.shape[:2], np.float32)
    cv2.fillPoly(inside, [sixteenths((outline - low) * zoom)], (1.0,), cv2.LINE_8, 4)
    if observation.covered is not None:
        hidden = observation.covered[low[1] : high[1], low[0] : high[0]]
        inside *= cv2.resize(hidden, photo.shape[1::-1], interpolation=cv2.INTER_AREA) < 0.5
        if inside.sum() < SMALLEST_OPENING * zoom**2:
            return None
    inward = cv2.distanceTransform((inside > 0.5).astype(np.uint8), cv2.DIST_L2, 5) / max(0.05 * width * zoom, 1.0)
    return Opening(photo, smoothstep(inward, 0.1, 1.0).astype(np.float32), low.astype(float), zoom)


def with_photos(painted: NDArray, most: NDArray, chart: Chart, views: Sequence[MouthView], layers: Layers) -> NDArray:
    """(h, w, 3) float32: the painted colours under what the photos show between the lips.

    Args:
        painted: (h, w, 3) float32.
        most: (3,) the brightest that this part can be: then hidden texels take what lies before them too, blurred,
            as the tongue must, whose upper and lower sides share their texels; 255: only seen texels are changed.
        chart: of the part.
        views: the photos with parted lips.
        layers: of the model.
    """
    crisp = np.min(most) >= 255
    total, weight = np.zeros_like(painted), np.full(painted.shape[:2], 1e-6, np.float32)
    for view in views:
        pixels = chart.spread(pixels_of(view.camera, view.vertices.astype(float))[0])
        colour, inside = view.opening.at(pixels)
        if not inside.any():
            continue
        share = inside * visible_texels(view, chart, layers) if crisp else inside
        total += share[..., None] * np.minimum(colour, most)
        weight += share
    if not crisp:
        total, weight = (blurred(k, TONGUE_BLUR * layers.size) for k in (total, weight))
    known = np.clip(weight, 0, 1)[..., None]
    return painted + known * (total / weight[..., None] - painted)


def visible_texels(view: MouthView, chart: Chart, layers: Layers) -> NDArray:
    """(h, w) float32 0-1: whether the camera sees each texel; looked up at every STRIDE-th only."""
    index = np.arange(chart.inside.size).reshape(chart.shape)[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
    weights = chart.weights[index.ravel()]
    seen = visible_points(view.camera, view.vertices, view.rays, weights, layers).reshape(index.shape)
    seen = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return blurred(cv2.resize(seen, chart.shape[::-1], interpolation=cv2.INTER_LINEAR), STRIDE)


def tooth_colour(openings: Sequence[Opening], likely: NDArray) -> NDArray:
    """(3,) 8-bit sRGB: the bright, pale part of open mouths in the photos, kept near what is likely in their light."""
    found = []
    for opening in openings:
        pixels = opening.photo[opening.inside > 0.5].astype(np.float32)
        if len(pixels) > 10:
            found.append(np.median(pixels[pixels[:, 1] >= np.percentile(pixels[:, 1], 70)], axis=0))
    if not found:
        return CLOSED_SHADE * likely
    return np.clip(np.mean(found, axis=0), 0.7 * likely, 1.1 * likely)


def painted_tongue(place: NDArray, colour: NDArray) -> NDArray:
    """(h, w, 3) float: darker towards the throat, with a groove."""
    front = smoothstep(place[..., 2], np.percentile(place[..., 2], 5), np.percentile(place[..., 2], 80))
    groove = 1 - 0.25 * np.exp(-((place[..., 0] / 0.0012) ** 2))
    return colour * (0.2 + 0.5 * front * groove)[..., None]


def painted_teeth(place: NDArray, colour: NDArray, gum: NDArray, layers: Layers) -> NDArray:
    """(h, w, 3) float: teeth with fine lines between them, gums at the roots, darker towards the back."""
    teeth = layers.model.mean[layers.model.part_vertices("teeth")]
    middle = np.median(teeth[:, 1])
    along = arch_length(place, teeth)
    upper = place[..., 1] > middle
    apart = np.where(upper, to_nearest(along, TOOTH_ENDS_M), to_nearest(along, LOWER_ENDS_M))
    root = np.where(upper, place[..., 1] - teeth[teeth[:, 1] > middle, 1].min(),
                    teeth[teeth[:, 1] <= middle, 1].max() - place[..., 1])  # fmt: skip
    # Between the teeth the light falls off softly, and a thin line remains; towards the edge they part.
    soft, line = np.exp(-((apart / 0.0011) ** 2)), np.exp(-((apart / 0.00035) ** 2))
    edge = 1 - smoothstep(root, 0.0, 0.0012 + 0.0008 * soft)
    light = (1 - 0.10 * soft - 0.18 * line) * (1 - 0.10 * edge) * (0.94 + 0.06 * smoothstep(root, 0.006, 0.003))
    warm = np.array([0.0, -0.02, -0.06]) * smoothstep(root, 0.003, 0.008)[..., None]
    back = (1 - 0.65 * smoothstep(along, 0.010, 0.038))[..., None]
    tooth = colour * (1 + warm) * light[..., None]
    scallop = 0.0016 * np.exp(-((apart / 0.0016) ** 2))
    covered = smoothstep(root + scallop, 0.0086, 0.0094)[..., None]
    gum = gum * (1 - 0.12 * np.exp(-(((root + scallop - 0.0094) / 0.0006) ** 2)))[..., None]
    return (tooth + covered * (gum - tooth)) * back


def to_nearest(along: NDArray, ends: NDArray) -> NDArray:
    """(h, w) metres to the nearest gap between teeth: the middle line or one of `ends` (n,), ascending."""
    gaps = np.append(0, ends)
    return np.abs(along - gaps[np.searchsorted((gaps[1:] + gaps[:-1]) / 2, along)])


def arch_length(place: NDArray, teeth: NDArray) -> NDArray:
    """(h, w) metres from the middle line along the dental arch, an ellipse through the teeth (n, 3)."""
    half, depth = float(np.abs(teeth[:, 0]).max()), float(np.ptp(teeth[:, 2])) * ARCH_DEPTH
    angle = np.linspace(0, np.pi / 2, 91)
    step = np.hypot(np.diff(half * np.sin(angle)), np.diff(depth * np.cos(angle)))
    turn = np.arctan2(np.abs(place[..., 0]) / half, np.maximum(place[..., 2] - teeth[:, 2].max() + depth, 1e-4) / depth)
    return np.interp(turn, angle, np.append(0, np.cumsum(step)))
