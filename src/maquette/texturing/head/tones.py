"""What this person's skin and hair look like in one photo, and which texels look like which."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.perception.faces import topology
from maquette.texturing.images import blurred, disc, smoothstep

WORKING_SIDE = 384  # pixels, longer side of the copy on which colours are learned
SKIN_SPREAD = np.array([32.0, 8.0, 9.0], np.float32)  # 8-bit Lab: light varies more than colour
HAIR_SPREAD = np.array([16.0, 5.0, 5.0], np.float32)
BRIGHTER = 0.45  # skin brighter than the cheeks' median is likelier than darker
BAND = (0.15, 1.5, 1.05)  # where hair is looked for: above the eyes from, to, and to the sides, in eye-chin distances
ROUGH_BAND = 0.1  # smaller bands are forehead wrinkles as often as hair: only their colour counts
MASKED = 0.5  # share of the bare skin below the eyes: bare faces have more
UNLIKE = 1.1  # steps from the skin's tone from which on a colour is not skin's
NEAR = 0.12  # eye-chin distances around the face: hair there is a head's own
HAT_STEP = 120.0  # steps of 8-bit Lab: what is farther off in so different a colour is a hat
ENOUGH_BAND = 0.005  # band pixels per squared eye-chin distance that make a judgement


@dataclass(frozen=True, eq=False)
class Tones:
    """Colours of one photo.

    Attributes:
        skin, hair: (3,) float32 Lab, each 0-255 in scale (L times 2.55); hair None where none is seen.
        skin_spread, hair_spread: (3,) float32, what counts as one step away.
        hairiness: 0-1, share of the head above and beside the face that is not bare skin; NaN if that is not shown.
    """

    skin: NDArray
    skin_spread: NDArray
    hair: NDArray | None
    hair_spread: NDArray
    hairiness: float


def lab_of(colour: NDArray) -> NDArray:
    """(..., 3) float32 Lab with L in 0-255 for sRGB in 0-255."""
    return cv2.cvtColor(np.asarray(colour, np.float32) / np.float32(255), cv2.COLOR_RGB2LAB) * np.array(
        [2.55, 1, 1], np.float32
    )


def rgb_of(lab: NDArray) -> NDArray:
    """(3,) sRGB 0-255 of one colour of `lab_of`."""
    scaled: NDArray = (np.asarray(lab, np.float32) / np.array([2.55, 1, 1], np.float32)).reshape(1, 1, 3)
    return np.clip(cv2.cvtColor(scaled, cv2.COLOR_LAB2RGB)[0, 0] * 255, 0, 255)


def learn_tones(observation: Observation) -> Tones | None:
    """The tones of one photo; None where no skin is seen."""
    height, width = observation.mask.shape
    factor = min(1.0, WORKING_SIDE / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(observation.frame.pixels, size, interpolation=cv2.INTER_AREA)
    person = cv2.resize(observation.shown, size, interpolation=cv2.INTER_AREA)
    bare = person if observation.skin is None else cv2.resize(observation.skin, size, interpolation=cv2.INTER_AREA)
    lab = lab_of(small)
    if observation.landmark_scheme != topology.SCHEME:
        return _tones(lab, bare > 0.6, np.zeros(bare.shape, bool), 1.0)
    points = observation.landmarks[:, :2] * (np.array(size) / (width, height))
    above, aside, unit = face_axes(points, size)
    aside = np.abs(aside)
    face = np.zeros(bare.shape, np.uint8)
    oval = points[list(topology.FACE_OVAL)]
    cv2.fillConvexPoly(face, np.round(cv2.convexHull(oval.astype(np.float32))[:, 0]).astype(np.int32), (1,))
    grown = cv2.dilate(face, np.ones((3, 3), np.uint8), iterations=max(1, round(0.03 * unit)))
    sure = cv2.erode(person, np.ones((3, 3), np.uint8), iterations=max(1, round(0.04 * unit)))
    band = (above > BAND[0]) & (above < BAND[1]) & (aside < BAND[2]) & (sure > 0.8) & (grown == 0)
    if observation.headwear is not None:
        band &= cv2.resize(observation.headwear, size, interpolation=cv2.INTER_AREA) < 0.5
    near = cv2.dilate(face, disc(NEAR * unit)) > 0
    # Fringes hang over foreheads, so skin is learned below the eyes, unless a mask leaves little there.
    surely = bare > 0.6
    cheeks = surely & (above < -0.05)
    masked = observation.covered is not None and cheeks.sum() < MASKED * surely.sum()
    skin = surely if masked else cheeks
    return _tones(lab, skin, band & ~_hat(lab, skin, band & near, band & ~near), unit)


def _hat(lab: NDArray, skin: NDArray, near: NDArray, far: NDArray) -> NDArray:
    """(h, w) bool: what is far from a face in quite another colour than the hair near it; all (h, w) bool."""
    none = np.zeros(near.shape, bool)
    if min(skin.sum(), near.sum(), far.sum()) < 12:
        return none
    bare, noise = _robust(lab[skin])
    hair, hat = np.median(lab[near], axis=0), np.median(lab[far], axis=0)
    if distance_to(hair, bare, np.maximum(2.2 * noise, SKIN_SPREAD)) < UNLIKE or np.linalg.norm(hair - hat) < HAT_STEP:
        return none
    nearer: NDArray = np.linalg.norm(lab - hat, axis=2) < np.linalg.norm(lab - hair, axis=2)
    return nearer


def face_axes(points: NDArray, size: tuple[int, int]) -> tuple[NDArray, NDArray, float]:
    """How far pixels lie above the eyes and beside the face's middle, eye-chin distances; that in pixels."""
    eyes = points[[33, 133, 362, 263]].mean(axis=0)
    down = points[topology.CHIN] - eyes
    unit = max(float(np.linalg.norm(down)), 1.0)
    down = down / unit
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    x, y = (x + 0.5 - eyes[0]) / unit, (y + 0.5 - eyes[1]) / unit
    return -(x * down[0] + y * down[1]), x * down[1] - y * down[0], unit


def _tones(lab: NDArray, bare: NDArray, band: NDArray, unit: float) -> Tones | None:
    if bare.sum() < 12:
        return None
    skin, noise = _robust(lab[bare])
    skin_spread = np.clip(2.2 * noise, SKIN_SPREAD, 1.5 * SKIN_SPREAD).astype(np.float32)
    if band.sum() < ENOUGH_BAND * unit**2:
        return Tones(skin, skin_spread, None, HAIR_SPREAD, float("nan"))
    rough = roughness(lab)
    coarse = rough > max(2.0 * float(np.median(rough[bare])), 3.5)
    coarse &= band.sum() > ROUGH_BAND * unit**2
    unlike = (distance_to(lab, skin, skin_spread)[band] > UNLIKE) | coarse[band]
    hairiness = float(unlike.mean())
    if unlike.any() and coarse.any():
        # A bald head in the light is brighter than the cheeks and smooth; grey and fair hair is rough.
        other = np.median(lab[band][unlike], axis=0)
        if distance_to(other, skin, skin_spread) < 1.0:
            hairiness *= float(smoothstep(coarse[band].mean(), 0.25, 0.5))
    if unlike.sum() < 12:
        return Tones(skin, skin_spread, None, HAIR_SPREAD, hairiness)
    hair, noise = _robust(lab[band][unlike])
    return Tones(skin, skin_spread, hair, np.maximum(1.8 * noise, HAIR_SPREAD).astype(np.float32), hairiness)


def _robust(values: NDArray) -> tuple[NDArray, NDArray]:
    middle = np.median(values, axis=0)
    return middle.astype(np.float32), 1.4826 * np.median(np.abs(values - middle), axis=0)


def distance_to(lab: NDArray, middle: NDArray, spread: NDArray) -> NDArray:
    """(...,) steps away from a tone; brighter counts less than darker."""
    offset = (lab - middle) / spread
    light = np.where(offset[..., 0] > 0, BRIGHTER * offset[..., 0], offset[..., 0])
    return np.sqrt(light**2 + offset[..., 1] ** 2 + offset[..., 2] ** 2)


def roughness(lab: NDArray) -> NDArray:
    """(h, w) how much the lightness varies within a few pixels: hair does, skin hardly."""
    return np.sqrt(blurred((lab[..., 0] - blurred(lab[..., 0], 2.5)) ** 2, 2.5))


def likeness(colour: NDArray, tones: Tones | None, known_skin: NDArray, plain: NDArray) -> tuple[NDArray, NDArray]:
    """How far each texel looks like this person's bare skin, anywhere on the head, and how far like the hair.

    Args:
        colour: (h, w, 3) float32 0-255; tones: of the photo.
        known_skin: (h, w) float32 0-1, the observation's own skin mask, which only covers the face.
        plain: (h, w) bool, surely seen skin, whose roughness is the measure for hair's.

    Returns:
        bare and hair: (h, w) float32 0-1 each.
    """
    if tones is None:
        return np.zeros(colour.shape[:2], np.float32), np.zeros(colour.shape[:2], np.float32)
    lab = lab_of(colour)
    smooth = blurred(lab, 1.0)
    # In the face the observation knows shadows from hair: it follows the light across the face.
    from_skin = distance_to(smooth, tones.skin, tones.skin_spread) * (1 - 0.5 * known_skin)
    rough = roughness(lab) * (1 - 0.5 * known_skin)
    usual = float(np.median(rough[plain])) if plain.sum() > 50 else 2.0
    unlike = np.maximum(smoothstep(from_skin, 0.8, 1.5), smoothstep(rough / max(3.0, 2.2 * usual), 0.8, 1.6))
    if tones.hair is not None:
        from_hair = np.sqrt((((smooth - tones.hair) / tones.hair_spread) ** 2).sum(axis=2))
        nearer = from_skin / np.maximum(from_skin + from_hair, 1e-3)
        unlike = np.maximum(unlike * smoothstep(nearer, 0.15, 0.35), smoothstep(nearer, 0.45, 0.6))
    hair = cv2.medianBlur((255 * unlike).astype(np.uint8), 5).astype(np.float32) / 255
    bare = (1 - smoothstep(from_skin, 0.9, 1.6)) * (1 - 0.8 * hair)
    return bare.astype(np.float32), hair
