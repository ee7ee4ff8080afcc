"""Eyeballs: painted, with iris and sclera in the colours the photo shows and the gaze it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maquette.core.types import Camera, Observation
from maquette.geometry.camera import pixel_rays
from maquette.perception.faces import topology
from maquette.texturing.head.details.iris import IrisPattern, iris_pattern, likely_hue
from maquette.texturing.head.details.lids import LidLine, lid_lines
from maquette.texturing.head.fill import Palette
from maquette.texturing.head.layers import Layers
from maquette.texturing.images import sixteenths, smoothstep

IRIS_RADIUS_M = 0.00585  # visible iris, adult mean 11.7 mm across (Ruefer et al. 2005)
IRIS_ANGLE_LIMITS = (0.30, 0.42)  # radians on the eyeball
LARGEST_GAZE = np.radians(5)  # what the texture may turn: the eyes of the neutral head look forward
FLESH = np.array([198.0, 122.0, 110.0])  # of the inner corner
CARUNCLE = (0.60, 0.80)  # towards the nose, in radii of the eyeball: where it begins and is all
OTHER_EYE = 0.5  # of the better seen iris' weight: one that has less takes its pattern
BRIGHTEST_IRIS = 0.75  # of the white's brightness
PALER = (1.0, 1.35)  # the white's brightness over the iris' that a seen eye has
DARKEST_SHADE = 0.6  # on irises
FRAME_BESIDE, BEHIND_GLASS = 0.05, (10, 30)  # share of frame around an eye; pixels across an iris: lenses reflect
PATTERN_TINT = 0.12  # by how much a pattern's channels may be changed against each other, to the common colour
PATTERN_ENDS = (0.84, 0.98)  # radii
UNSHADED = 0.9, 1.1  # irises and whites were measured in the lids' shade: power of it that is taken out, factor
DEFAULT_IRIS = np.array([84.0, 62.0, 46.0])
DEFAULT_SCLERA = np.array([214.0, 205.0, 198.0])
PUPIL = 0.36  # of the iris' radius
LIMBUS = (0.90, 1.10)  # of it: where the white begins and is all
SIDES = {  # iris centre, its rim, corners, upper and lower lid
    "eyeRight": (topology.RIGHT_IRIS, topology.RIGHT_EYE, (159, 145)),
    "eyeLeft": (topology.LEFT_IRIS, topology.LEFT_EYE, (386, 374)),
}


@dataclass(frozen=True, eq=False)
class EyeColours:
    """What is painted: iris (3,), sclera (3,), 8-bit sRGB; pupil as share of the iris' radius."""

    iris: NDArray
    sclera: NDArray
    pupil: float


@dataclass(frozen=True, eq=False)
class MeasuredEye:
    """One eye in one photo: iris (3,), sclera (3,), 8-bit sRGB; how far to believe them, 0-1."""

    iris: NDArray
    sclera: NDArray
    weight: float


def paint_eyes(
    texture: NDArray, observations: Sequence[Observation], cameras: Sequence[Camera], posed: Sequence[NDArray],
    neutral: NDArray, layers: Layers, palette: Palette,
) -> None:  # fmt: skip
    """Paint both eyeballs into `texture` (S, S, 3) uint8, in place: it is being made by the caller.

    Args:
        posed: (V, 3) metres, per photo. neutral: (V, 3) metres, whose lids shade the eyes.
    """
    charts = {part: layers.small[part] for part in SIDES if part in layers.small}
    if not charts:
        return
    colours = eye_colours(observations, palette)
    turn = gaze_offset(observations[0], cameras[0], posed[0], layers)
    angle = iris_angle(posed[0], layers)
    patterns, lines = iris_patterns(observations), lid_lines(neutral, layers.model)
    for part, chart in charts.items():
        centre = layers.model.eye_centre(layers.model.mean, part.removeprefix("eye"))
        direction = chart.spread(layers.model.mean - centre.astype(np.float32))
        direction /= np.maximum(np.linalg.norm(direction, axis=2, keepdims=True), 1e-9)
        inward = direction[..., 0] * (-1 if part == "eyeLeft" else 1)
        light = shade_of(lines.get(part.removeprefix("eye")), chart.spread(neutral))
        shaded = float(np.median(light[direction[..., 2] > np.cos(angle)]))
        iris = colours.iris / max(shaded, DARKEST_SHADE) ** UNSHADED[0]
        own = replace(colours, iris=iris, sclera=np.minimum(colours.sclera * UNSHADED[1], 238))
        eye = painted_eye(direction, turn, angle, own, patterns.get(part)) * light[..., None]
        chart.paint(texture, with_caruncle(eye, inward, palette.lit(FLESH)))


def iris_angle(vertices: NDArray, layers: Layers) -> float:
    """Radians between the iris' axis and its rim, so that it has its physical size on this eyeball."""
    model = layers.model
    centres = [model.eye_centre(vertices, side) for side in ("Left", "Right")]
    ball = vertices[model.part_vertices("eyeLeft")] - centres[0]
    front = np.percentile(np.linalg.norm(ball, axis=1), 90)
    # A head of unknown scale has eyes of average distance: 63 mm.
    size = IRIS_RADIUS_M / 0.063 * np.linalg.norm(centres[0] - centres[1])
    return float(np.clip(np.arcsin(np.clip(size / front, 0, 1)), *IRIS_ANGLE_LIMITS))


def gaze_offset(observation: Observation, camera: Camera, vertices: NDArray, layers: Layers) -> Rotation:
    """How much farther the photo's eyes are turned than the model's, the same for both eyes."""
    if observation.landmark_scheme != topology.SCHEME:
        return Rotation.identity()
    angles, weights = [], []
    for part, (iris, _, _) in SIDES.items():
        side = part.removeprefix("eye")
        index = layers.model.part_vertices(part)
        centre = layers.model.eye_centre(vertices, side)
        rest = layers.model.mean[index] - layers.model.eye_centre(layers.model.mean, side)
        ball = vertices[index] - centre
        pose = Rotation.align_vectors(ball, rest)[0]
        origin, ray = pixel_rays(camera, observation.landmarks[iris[0], :2][None])
        along = float((centre - origin[0]) @ ray[0])
        nearest = origin[0] + along * ray[0] - centre
        radius = np.percentile(np.linalg.norm(ball, axis=1), 90)
        depth = np.sqrt(max(radius**2 - nearest @ nearest, 0.0))
        looked = pose.inv().apply(nearest - depth * ray[0])
        angles.append([np.arctan2(looked[0], looked[2]), np.arctan2(looked[1], np.hypot(looked[0], looked[2]))])
        weights.append(openness(observation, part) + 1e-3)
    yaw, pitch = np.average(angles, axis=0, weights=weights) * min(1.0, 2 * max(weights))
    size = max(float(np.hypot(yaw, pitch)), 1e-9)
    yaw, pitch = np.array([yaw, pitch]) * min(1.0, LARGEST_GAZE / size)
    return Rotation.from_euler("YX", [yaw, -pitch])


def openness(observation: Observation, part: str) -> float:
    """0-1: how far the eye is open; the opening's height against the iris' diameter."""
    lids = SIDES[part][2]
    points = observation.landmarks[:, :2]
    diameter = iris_diameter(observation, part)
    height = np.linalg.norm(points[lids[0]] - points[lids[1]])
    return float(smoothstep(height / max(diameter, 1e-6), 0.2, 0.6))


def iris_diameter(observation: Observation, part: str) -> float:
    """Pixels of the crop."""
    iris = observation.landmarks[list(SIDES[part][0]), :2]
    return float(max(np.linalg.norm(iris[1] - iris[3]), np.linalg.norm(iris[2] - iris[4])))


def eye_colours(observations: Sequence[Observation], palette: Palette) -> EyeColours:
    """Iris and sclera over all photos and both eyes; where the eyes are too small, likely ones in the photo's light."""
    likely = EyeColours(palette.lit(DEFAULT_IRIS), np.minimum(palette.lit(DEFAULT_SCLERA), 225), PUPIL)
    known = [observation for observation in observations if observation.landmark_scheme == topology.SCHEME]
    eyes = [measure_eye(observation, part) for observation in known for part in SIDES]
    found = [eye for eye in eyes if eye is not None and eye.weight > 0]
    if not found:
        return likely
    weights = np.array([eye.weight for eye in found])
    trust = float(smoothstep(weights.max(), 0.05, 0.6))
    iris = np.average([eye.iris for eye in found], axis=0, weights=weights)
    sclera = np.average([eye.sclera for eye in found], axis=0, weights=weights)
    # Grey-white of the measured brightness, with some of its tint: the photo's sclera is full of lashes and lids.
    grey = np.clip(sclera.mean(), 0.75 * likely.sclera.mean(), 1.12 * likely.sclera.mean())
    tint = np.clip(sclera / max(sclera.mean(), 1.0), 0.85, 1.15)
    sclera = grey * (0.5 * tint + 0.5 * likely.sclera / likely.sclera.mean())
    iris = likely_hue(iris * min(1.0, BRIGHTEST_IRIS * grey / max(float(iris.mean()), 1.0)), palette.skin)
    return EyeColours(
        likely.iris + trust * (iris - likely.iris),
        np.minimum(likely.sclera + trust * (sclera - likely.sclera), 228), PUPIL,
    )  # fmt: skip


def iris_patterns(observations: Sequence[Observation]) -> dict[str, IrisPattern]:
    """Part -> the pattern of its iris, from the photo that shows it best; that of the other eye where it is hidden."""
    found: dict[str, IrisPattern] = {}
    for observation in observations:
        for part, (iris, outline, _) in SIDES.items():
            eye = measure_eye(observation, part) if observation.landmark_scheme == topology.SCHEME else None
            pattern = None if eye is None else iris_pattern(observation, iris, outline, eye.weight)
            if pattern is not None and (part not in found or pattern.weight > found[part].weight):
                found[part] = pattern
    for part, other in zip(SIDES, reversed(SIDES)):
        if part in found and (other not in found or found[other].weight < OTHER_EYE * found[part].weight):
            found[other] = found[part].mirrored()
    return found


def shade_of(line: LidLine | None, places: NDArray) -> NDArray:
    """(h, w) factor of the light at places (h, w, 3) metres on an eyeball."""
    return np.ones(places.shape[:2], np.float32) if line is None else line.shade(places)


def measure_eye(observation: Observation, part: str) -> MeasuredEye | None:
    """The colours of one eye in one photo; None where it cannot be seen."""
    iris, outline, _ = SIDES[part]
    diameter, opened = iris_diameter(observation, part), openness(observation, part)
    weight = opened * float(smoothstep(diameter, 4, 14)) * float(observation.landmark_confidence[list(iris)].mean())
    centre = observation.landmarks[iris[0], :2]
    height, width = observation.frame.pixels.shape[:2]
    if observation.covered is not None:
        x, y = np.clip(centre.astype(int), 0, (width - 1, height - 1))
        weight *= 1 - float(observation.covered[y, x])
    reach = int(2.2 * diameter) + 2
    x0, y0 = max(int(centre[0]) - reach, 0), max(int(centre[1]) - reach, 0)
    x1, y1 = min(int(centre[0]) + reach, width), min(int(centre[1]) + reach, height)
    if weight < 0.02 or x1 - x0 < 3 or y1 - y0 < 3:
        return None
    if observation.glasses is not None and observation.glasses[y0:y1, x0:x1].mean() > FRAME_BESIDE:
        weight *= float(smoothstep(diameter, *BEHIND_GLASS))
    patch = observation.frame.pixels[y0:y1, x0:x1].astype(np.float32)
    opening = np.zeros(patch.shape[:2], np.uint8)
    corners = sixteenths(observation.landmarks[list(outline), :2] - [x0, y0])
    cv2.fillPoly(opening, [corners], (1,), cv2.LINE_8, 4)
    inside = (cv2.erode(opening, np.ones((3, 3), np.uint8)) if diameter > 12 else opening) > 0
    y, x = np.mgrid[y0:y1, x0:x1] + 0.5
    rho = np.hypot(x - centre[0], y - centre[1]) / (diameter / 2)
    below = y > centre[1] - 0.35 * diameter / 2  # the lid's shadow lies above
    ring = patch[inside & (rho > 0.45) & (rho < 0.85) & below]
    white = patch[inside & (rho > 1.15) & (rho < 2.0)]
    if len(ring) < 4:
        return None
    light = ring.mean(axis=1)
    middle = ring[(light >= np.percentile(light, 15)) & (light <= np.percentile(light, 75))]
    colour = np.median(middle if len(middle) else ring, axis=0)
    if len(white) < 4:
        return MeasuredEye(colour, DEFAULT_SCLERA, 0.5 * weight)
    bright = white.mean(axis=1)
    sclera = np.median(white[bright >= np.percentile(bright, 60)], axis=0)
    # Behind the nose of a half profile landmarks lie on skin, which is as pale all over.
    weight *= float(smoothstep(sclera.mean() / max(float(colour.mean()), 1.0), *PALER))
    return MeasuredEye(colour, sclera, weight)


def painted_eye(
    direction: NDArray, turn: Rotation, iris_radius: float, colours: EyeColours, pattern: IrisPattern | None = None
) -> NDArray:
    """(h, w, 3) float: the eyeball's colour in even light.

    Args:
        direction: (h, w, 3) unit, from its centre; +z is straight ahead.
        turn: how far the eye looks elsewhere. iris_radius: radians on the eyeball.
        pattern: of the iris in a photo; None paints one.
    """
    looked = direction @ turn.as_matrix().astype(np.float32)  # the inverse rotation, as rows
    angle = np.arccos(np.clip(looked[..., 2], -1, 1))
    around = np.arctan2(looked[..., 1], looked[..., 0])
    rho = angle / iris_radius
    noise = _noise()
    sclera = painted_sclera(looked, angle, rho, colours.sclera, noise)
    fibre = _looked_up(noise, around / (2 * np.pi) * 192, rho * 9) * 0.6
    fibre += _looked_up(noise, around / (2 * np.pi) * 64 + 40, rho * 5 + 70) * 0.5
    shade = 1.0 + 0.13 * fibre + 0.15 * np.exp(-(((rho - 0.55) / 0.13) ** 2)) - 0.55 * smoothstep(rho, 0.72, 1.0)
    shade = shade + 0.10 * smoothstep(-looked[..., 1] / np.sin(iris_radius), -0.2, 0.9)
    iris = colours.iris * shade[..., None]
    if pattern is not None:
        share = (pattern.weight * (1 - smoothstep(rho, *PATTERN_ENDS)))[..., None]
        iris = iris + share * (pattern.at(rho, around) * to_colour(pattern.middle, colours.iris) - iris)
    iris = np.clip(iris, 4, 235)
    dark = 0.16 * colours.iris + 4
    pupil = 1 - smoothstep(rho, colours.pupil - 0.07, colours.pupil + 0.07)
    iris = iris + pupil[..., None] * (dark - iris)
    inside = 1 - smoothstep(rho, *LIMBUS)
    eye: NDArray = sclera + inside[..., None] * (iris - sclera)
    return eye


def to_colour(own: NDArray, wanted: NDArray) -> NDArray:
    """(3,) factors that bring a pattern's colour (3,) to the brightness wanted (3,), and nearly to its hue."""
    level = wanted.mean() / max(float(own.mean()), 1.0)
    tint = wanted / np.maximum(own * level, 1.0)
    found: NDArray = level * np.clip(tint, 1 - PATTERN_TINT, 1 + PATTERN_TINT)
    return found


def with_caruncle(eye: NDArray, inward: NDArray, flesh: NDArray) -> NDArray:
    """(h, w, 3) float: the eye with flesh in its inner corner. inward: (h, w) towards the nose, in radii."""
    share = smoothstep(inward, *CARUNCLE)[..., None]
    found: NDArray = eye + share * (flesh * (1 - 0.35 * smoothstep(inward, 0.8, 1.0))[..., None] - eye)
    return found


def painted_sclera(looked: NDArray, angle: NDArray, rho: NDArray, colour: NDArray, noise: NDArray) -> NDArray:
    """(h, w, 3) float: off-white, redder towards the corners, with faint veins."""
    veins = np.zeros_like(angle)
    for scale, shift in ((26.0, 11), (47.0, 93)):
        bent = 0.06 * _looked_up(noise, looked[..., 0] * 30 + 5, looked[..., 1] * 30 + 140)
        value = _looked_up(noise, looked[..., 0] * scale * 0.45 + shift, (looked[..., 1] + bent) * scale + shift)
        veins += np.exp(-((value / 0.10) ** 2))
    outward = smoothstep(rho, 1.15, 2.6)
    red = 0.10 * outward * veins + 0.22 * smoothstep(angle, 0.75, 1.5)
    flesh = np.array([1.0, 0.62, 0.58])
    return colour * (1 - red[..., None] * (1 - flesh))


@lru_cache(maxsize=1)
def _noise() -> NDArray:
    """(192, 192) float32 unit noise that repeats at its borders, the same on every call."""
    values = np.random.default_rng(22).standard_normal((192, 192), np.float32)
    wrapped = np.pad(values, 8, mode="wrap")
    return cv2.GaussianBlur(wrapped, (0, 0), 0.7)[8:-8, 8:-8] * 2.2


def _looked_up(noise: NDArray, x: NDArray, y: NDArray) -> NDArray:
    """Noise at any position, repeated in both directions, bilinear."""
    size = noise.shape[0]
    wrapped = np.pad(noise, ((0, 1), (0, 1)), mode="wrap")
    x, y = (np.mod(k, size).astype(np.float32) for k in (x, y))
    return cv2.remap(wrapped, x, y, cv2.INTER_LINEAR)
