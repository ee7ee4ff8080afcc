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
DARKEST, BRIGHTEST = 0.82, 1.1  # what a photo may make of the likely colour of teeth: shadow is no enamel
ENAMEL = (0.62, 0.80)  # green and blue over red in a photo, from which on it shows a tooth, not lip, gum or tongue
BRIGHT_ENOUGH = (0.55, 0.75)  # of the teeth's colour: darker is a gap, a shadow, or the line of a lip
OPEN_ENOUGH = 0.03  # area of the mouth's opening against the squared distance of the irises
# Half widths from the middle line to the end of each tooth, metres along the arch (upper: Wheeler's averages).
TOOTH_ENDS_M = np.cumsum([0.0085, 0.0065, 0.0075, 0.007, 0.007])
LOWER_ENDS_M = np.cumsum([0.0050, 0.0055, 0.0070, 0.007, 0.007])
# Where the layout has them: u of both ends of a row; v of the upper and of the lower one, whose sheets run from the gum
# over the edges to the backs: the gum ends at GUM_LINE of the band, the crowns' front at EDGE.
SPAN, BANDS, GUM_LINE, EDGE = (0.26, 0.60), ((0.065, 0.115), (0.005, 0.060)), 0.14, 0.74
SMALLEST_OPENING = 60  # square pixels
MOUTH_SHARE = 0.33  # of the texture's width that the teeth's chart takes: a finer photo would flicker
STRIDE = 3  # texels
TONGUE_BLUR, ENAMEL_BLUR = 0.012, 0.003  # of the texture's width


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
        if part == "teeth":
            painted = painted_teeth(chart, colour, palette.lit(GUM_COLOUR)).astype(np.float32)
            chart.paint(texture, with_enamel(painted, colour, chart, views, layers))
        else:
            most = palette.lit(TONGUE_COLOUR)
            painted = painted_tongue(chart.spread(layers.model.mean), most).astype(np.float32)
            chart.paint(texture, with_photos(painted, most, chart, views, layers))


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


def with_enamel(painted: NDArray, colour: NDArray, chart: Chart, views: Sequence[MouthView], layers: Layers) -> NDArray:
    """(h, w, 3) float32: painted teeth (h, w, 3) as bright as the photos show them, where those do show enamel.

    A photo says how light a spot is, not where a tooth ends: its gaps lie elsewhere, and lips throw shadows.
    """
    total, weight = np.zeros(painted.shape[:2], np.float32), np.full(painted.shape[:2], 1e-6, np.float32)
    for view in views:
        pixels = chart.spread(pixels_of(view.camera, view.vertices.astype(float))[0])
        seen, inside = view.opening.at(pixels)
        if not inside.any():
            continue
        light = seen.mean(axis=2) / max(float(colour.mean()), 1.0)
        pale = smoothstep(np.minimum(seen[..., 1], seen[..., 2] * 1.1) / np.maximum(seen[..., 0], 1), *ENAMEL)
        share = inside * visible_texels(view, chart, layers) * pale * smoothstep(light, *BRIGHT_ENOUGH)
        total += share * np.clip(light, DARKEST, BRIGHTEST)
        weight += share
    softened, known = (blurred(k, ENAMEL_BLUR * layers.size) for k in (total, weight))
    factor = 1 + np.clip(known, 0, 1) * (softened / np.maximum(known, 1e-6) - 1)
    return (painted * factor[..., None]).astype(np.float32)


def with_photos(painted: NDArray, most: NDArray, chart: Chart, views: Sequence[MouthView], layers: Layers) -> NDArray:
    """(h, w, 3) float32: the painted tongue under what the photos show between the lips, blurred.

    Hidden texels take what lies before them too, for its upper and lower sides share their texels.

    Args:
        painted: (h, w, 3) float32.
        most: (3,) the brightest that it can be.
        chart: of the tongue.
        views: the photos with parted lips.
        layers: of the model.
    """
    total, weight = np.zeros_like(painted), np.full(painted.shape[:2], 1e-6, np.float32)
    for view in views:
        pixels = chart.spread(pixels_of(view.camera, view.vertices.astype(float))[0])
        colour, inside = view.opening.at(pixels)
        fleshy = 1 - smoothstep(colour[..., 1] / np.maximum(colour[..., 0], 1), 0.7, 0.85)  # no teeth
        total += (inside * fleshy)[..., None] * np.minimum(colour, most)
        weight += inside * fleshy
    total, weight = (blurred(k, TONGUE_BLUR * layers.size) for k in (total, weight))
    known = 0.6 * np.clip(weight, 0, 1)[..., None]
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
        return likely
    return np.clip(np.mean(found, axis=0), DARKEST * likely, BRIGHTEST * likely)


def painted_tongue(place: NDArray, colour: NDArray) -> NDArray:
    """(h, w, 3) float: darker towards the throat, with a groove."""
    front = smoothstep(place[..., 2], np.percentile(place[..., 2], 15), np.percentile(place[..., 2], 97))
    groove = 1 - 0.2 * np.exp(-((place[..., 0] / 0.0015) ** 2))
    return colour * (0.10 + 0.75 * front * groove)[..., None]


def on_sheet(chart: Chart) -> tuple[NDArray, NDArray, NDArray]:
    """Where each texel of the teeth's chart lies on their sheets.

    Returns:
        along: (h, w) metres along the arch, from its middle to the subject's left.
        down: (h, w) 0-1, from the gum over the edge to the back.
        upper: (h, w) bool, whether it is of the upper row.
    """
    row0, row1, column0, column1 = chart.window
    u = (np.arange(column0, column1) + 0.5) / chart.size
    v = (1 - (np.arange(row0, row1) + 0.5) / chart.size)[:, None]
    upper = np.broadcast_to(v > (BANDS[0][0] + BANDS[1][1]) / 2, chart.shape)
    down = np.where(upper, (BANDS[0][1] - v) / np.ptp(BANDS[0]), (v - BANDS[1][0]) / np.ptp(BANDS[1]))
    ends = np.where(upper, TOOTH_ENDS_M[-1], LOWER_ENDS_M[-1])
    along = (2 * (u - SPAN[0]) / (SPAN[1] - SPAN[0]) - 1) * ends
    return along, np.clip(down, 0, 1), upper


def light_and_gum(chart: Chart) -> tuple[NDArray, NDArray]:
    """(h, w) 0-1 each: light on the teeth, less in gaps, at the backs and far back, and how much of a texel is gum."""
    along, down, upper = on_sheet(chart)
    side = np.abs(along)
    apart = np.where(upper, to_nearest(side, TOOTH_ENDS_M), to_nearest(side, LOWER_ENDS_M))
    crown = crown_of(down)
    gum = 1 - smoothstep(crown, -0.03, 0.05)
    gap = 0.16 * np.exp(-((apart / 0.0010) ** 2)) + 0.22 * np.exp(-((apart / 0.0003) ** 2))
    neck = 0.25 * np.exp(-((crown / 0.08) ** 2))
    back = (1 - 0.65 * smoothstep(side, 0.014, 0.040)) * (1 - 0.65 * smoothstep(down, EDGE + 0.04, EDGE + 0.2))
    return (1 - (1 - gum) * gap - gum * neck) * back, gum


def crown_of(down: NDArray) -> NDArray:
    """Places down a sheet, (h, w), from 0 at the gum to 1 at the edge."""
    return (down - GUM_LINE) / (EDGE - GUM_LINE)


def painted_teeth(chart: Chart, colour: NDArray, gum: NDArray) -> NDArray:
    """(h, w, 3) float: teeth that are warm at the neck and a little clear at the edge, with their gums."""
    along, down, upper = on_sheet(chart)
    light, covered = light_and_gum(chart)
    crown = crown_of(down)
    canine = np.exp(-(((np.abs(along) - np.where(upper, 0.0187, 0.014)) / 0.004) ** 2))
    warm = np.array([0.0, -0.03, -0.09]) * (smoothstep(-crown, -0.5, 0.0) + 0.5 * canine)[..., None]
    tooth = colour * (1 + warm) * (1 - 0.05 * smoothstep(crown, 0.75, 1.0))[..., None]
    return (tooth + covered[..., None] * (gum - tooth)) * light[..., None]


def to_nearest(along: NDArray, ends: NDArray) -> NDArray:
    """(h, w) metres to the nearest gap between teeth: the middle line or one of `ends` (n,), ascending."""
    gaps = np.append(0, ends)
    found: NDArray = np.abs(along - gaps[np.searchsorted((gaps[1:] + gaps[:-1]) / 2, along)])
    return found
