"""An animal's eyes: iris and pupil measured where the photo shows the eyeballs, painted clean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Observation
from maquette.geometry.raycast import RayCaster
from maquette.morphable.model import SIDES, MorphableModel
from maquette.perception.pets.schemes import EYES
from maquette.texturing.images import image_at, smoothstep
from maquette.texturing.projection import pixels_of, view_directions

IRIS = {"cat": 0.95, "dog": 0.78, "wild": 0.78}  # radians on the eyeball from its axis to the iris' rim
DEFAULTS = {  # iris 8-bit sRGB, half width and height of the pupil in radians
    "cat": ((168.0, 170.0, 78.0), (0.22, 0.52)),
    "dog": ((74.0, 48.0, 30.0), (0.36, 0.36)),
    "wild": ((176.0, 138.0, 60.0), (0.24, 0.24)),
}
RINGS, SPOKES = 14, 32  # directions around each eye's axis at which photos are looked at
REACH = 0.85  # radians, outermost of them
MARGIN_M = 2e-4  # above an eyeball where a ray to the camera starts
IRIS_RANGE = (0.35, 0.9)  # quantiles of brightness that are iris: darker ones are pupil and lids, brighter ones glints
DARK = 0.5  # of the iris' brightness, below which it is the pupil
LEAST_SEEN = 40  # directions that must be seen for a measure
BRIGHTNESS = np.array([0.3, 0.59, 0.11])
BLUE_FROM, BROWN = (
    95.0,
    0.12,
)  # brightness of the darkest blue iris; red (green) over blue in a brown (green) one, of it
LEAST_BROWN, DARKEST = 0.15, 30.0  # share of what is seen; brightness of the darkest iris that is painted
LIT = 60.0  # brightness of an iris from which on its pupil can be seen in it
LIMBUS, PUPIL_COLOUR, RIM_COLOUR = 0.55, np.array([9.0, 8, 8]), np.array([22.0, 16, 14])
GLINT, GLINT_AT, GLINT_SIZE = np.array([250.0, 250, 250]), (-0.26, 0.34), 0.085  # a catch-light, radians
SLIT = 0.7  # width over height below which a pupil is a slit


LID_OPENING = {"cat": 0.78, "dog": 0.6, "wild": 0.6}  # height of the opening over its width, usually at most
BESIDE = 1.08  # of the opening: what lies within is eye in the photo, whatever the model has there


@dataclass(frozen=True, eq=False)
class PetEyes:
    """What is painted.

    Attributes:
        iris: (3,) 8-bit sRGB.
        pupil: half width and half height, radians.
        rim: radians from the axis to the iris' rim.
        seen: 0-1: how far it was measured, else usual for the species.
    """

    iris: NDArray
    pupil: tuple[float, float]
    rim: float
    seen: float


def measured_eyes(
    observations: Sequence[Observation], cameras: Sequence[Camera], posed: Sequence[NDArray], model: MorphableModel,
    species: str,
) -> PetEyes:  # fmt: skip
    """The eyes of an animal as its photos show them, both alike.

    Args:
        posed: (V, 3) metres, per photo.
        species: cat, dog or wild: what is usual where the photos show too little.
    """
    colours, places = [np.zeros((0, 3))], [np.zeros((0, 2))]
    for observation, camera, vertices in zip(observations, cameras, posed):
        rays = RayCaster(vertices, model.faces[model.parts["skin"]])
        for side in SIDES:
            found = _samples(observation, camera, vertices, model, side, rays)
            colours.append(found[0])
            places.append(found[1])
    iris, pupil = DEFAULTS[species]
    usual = PetEyes(np.array(iris), pupil, IRIS[species], 0.0)
    return _measured(np.concatenate(colours), np.concatenate(places), usual)


def beside_eyes(observation: Observation, pixels: NDArray, species: str) -> NDArray:
    """(V,) 0-1: 0 where vertices drawn at pixels (V, 2) lie on a photo's open eyes: no skin takes its colour there.

    Lids that are shut would show the eye that they cover.
    """
    out = np.ones(len(pixels), np.float32)
    for pair in EYES:
        ends = observation.landmarks[list(pair), :2]
        along = ends[1] - ends[0]
        half = max(float(np.linalg.norm(along)) / 2 * BESIDE, 1e-6)
        along = along / max(float(np.linalg.norm(along)), 1e-9)
        away = pixels - ends.mean(axis=0)
        across = away @ np.array([-along[1], along[0]])
        inside = np.hypot(away @ along / half, across / (half * LID_OPENING[species]))
        out *= smoothstep(inside, 0.85, 1.1).astype(np.float32)
    return out


def _samples(
    observation: Observation, camera: Camera, vertices: NDArray, model: MorphableModel, side: str, rays: RayCaster
) -> tuple[NDArray, NDArray]:
    """Colours (n, 3) of one eyeball where the photo shows it, and where that is: (n, 2) radians across and up."""
    centre = model.eye_centre(vertices, side)
    radius = np.ptp(vertices[model.part_vertices(f"eye{side}")][:, 1]) / 2
    angle, turn = np.meshgrid(
        np.linspace(0, REACH, RINGS), np.linspace(0, 2 * np.pi, SPOKES, endpoint=False), indexing="ij"
    )
    place = np.column_stack([(angle * np.cos(turn)).ravel(), (angle * np.sin(turn)).ravel()])
    ahead = np.column_stack([np.sin(angle.ravel())[:, None] * _unit(place), np.cos(angle.ravel())])
    points = centre + radius * ahead
    toward, eye = view_directions(camera, points)
    facing = (ahead * toward).sum(axis=1) > 0.3
    seen = facing & ~rays.occluded(points, ahead, eye, MARGIN_M)
    pixels, _ = pixels_of(camera, points)
    width, height = observation.frame.size
    seen &= (pixels > 1).all(axis=1) & (pixels < np.array([width, height]) - 1).all(axis=1)
    return image_at(observation.frame.pixels, pixels[seen].astype(np.float32)).astype(float), place[seen]


def _unit(place: NDArray) -> NDArray:
    return place / np.maximum(np.linalg.norm(place, axis=1, keepdims=True), 1e-9)


def _measured(colours: NDArray, places: NDArray, usual: PetEyes) -> PetEyes:
    """Iris and pupil of colours (n, 3) at places (n, 2) on the eyeballs."""
    inner = np.linalg.norm(places, axis=1) < 0.8 * usual.rim
    if inner.sum() < LEAST_SEEN:
        return usual
    colours, places = colours[inner], places[inner]
    bright = colours @ BRIGHTNESS
    low, high = np.quantile(bright, IRIS_RANGE)
    likely = (bright >= low) & (bright <= high)
    chroma = np.ptp(colours, axis=1)
    # Glints, lids in shade and the pupil's rim are greyer than the iris.
    iris = np.median(colours[likely & (chroma >= np.median(chroma[likely]))], axis=0)
    iris = _without_sky(iris, colours[likely], usual.iris)
    level = float(iris @ BRIGHTNESS)
    seen = float(np.clip(inner.sum() / (4 * LEAST_SEEN), 0, 1))
    pupil = usual.pupil
    dark = (bright < DARK * level) & (np.linalg.norm(places, axis=1) < 0.7 * usual.rim)
    if level > LIT and dark.sum() >= 8:
        spread = np.sqrt(np.median((places[dark] - np.median(places[dark], axis=0)) ** 2, axis=0)) * 2.2
        half = np.clip(spread, 0.1, 0.62 * usual.rim)
        slit = half[0] < SLIT * half[1] and usual.pupil[0] < SLIT * usual.pupil[1]
        pupil = (float(half[0]), float(half[1])) if slit else (float(half.mean()),) * 2
    return PetEyes(iris, pupil, usual.rim, seen)


def _without_sky(iris: NDArray, colours: NDArray, usual: NDArray) -> NDArray:
    """(3,) a measured colour; where a dark eye only mirrors the sky, that of what is brown in it, or the usual one.

    Blue irises are bright: without pigment light comes back from them. A dark one is brown, or green as cats' are.
    """
    level = float(iris @ BRIGHTNESS)
    if level > BLUE_FROM or max(iris[0], iris[1]) - iris[2] >= BROWN * level:
        return iris
    brown = colours[:, 0] - colours[:, 2] >= BROWN * (colours @ BRIGHTNESS)
    if brown.mean() > LEAST_BROWN:
        return np.asarray(np.median(colours[brown], axis=0))
    return usual * min(1.0, max(level, DARKEST) / float(usual @ BRIGHTNESS))


def painted_eyes(eyes: PetEyes, directions: NDArray) -> NDArray:
    """(N, 3) 8-bit sRGB of directions (N, 3), unit, from the middle of an eyeball whose axis is +z."""
    angle = np.arccos(np.clip(directions[:, 2], -1, 1))
    place = angle[:, None] * _unit(directions[:, :2])
    out = eyes.iris * (1.12 - 0.3 * smoothstep(angle / eyes.rim, 0.2, 0.9))[:, None]
    spokes = np.sin(23 * np.arctan2(place[:, 1], place[:, 0])) * np.sin(9 * np.arctan2(place[:, 1], place[:, 0]) + 1)
    out = out * (1 + 0.05 * spokes * smoothstep(angle / eyes.rim, 0.2, 0.6))[:, None]
    limbus = smoothstep(angle / eyes.rim, 0.82, 1.0)[:, None]
    out = out + limbus * (LIMBUS * out * 0.5 - out)
    out = out + smoothstep(angle / eyes.rim, 0.97, 1.08)[:, None] * (RIM_COLOUR - out)
    inside = np.linalg.norm(place / np.array(eyes.pupil), axis=1)
    edge = 0.06 / max(min(eyes.pupil), 1e-3)
    out = out + (1 - smoothstep(inside, 1 - edge, 1 + edge))[:, None] * (PUPIL_COLOUR - out)
    away = np.linalg.norm(place - np.array(GLINT_AT) * eyes.rim / 0.95, axis=1)
    out = out + (1 - smoothstep(away, 0.5 * GLINT_SIZE, GLINT_SIZE))[:, None] * (GLINT - out)
    return np.clip(out, 0, 255)
