"""What one photo says of the hair: where it is, where surely is none, and which colour it has."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Observation
from maquette.geometry.camera import resized
from maquette.perception.faces import topology
from maquette.texturing.head.tones import Tones, distance_to, face_axes, lab_of, learn_tones
from maquette.texturing.images import blurred, disc, smoothstep

SIDE = 320  # pixels: larger crops are looked at on a smaller copy
ABOVE, ASIDE = (
    0.15,
    1.6,
)  # eye-chin distances: what is no skin above the eyes and this near is hair, whatever its colour
LIKE = (2.0, 3.2)  # steps from the hair's tone: nearer is hair, farther is not
UNLIKE = (0.9, 1.4)  # steps from the skin's tone: nearer is skin, farther is not
FOREHEAD_FROM = 0.22  # likewise: above the brows
SAME_SKIN = 1.6  # steps from the cheeks' tone within which a forehead's lies
FOREHEAD = 0.8  # likewise: to the sides of a forehead
THROAT = (0.85, 0.42)  # likewise: below the eyes from, and to the sides up to, what is throat or collar and no hair
FRINGE, AROUND, CRUMB = (
    -0.35,
    0.05,
    0.025,
)  # likewise: lowest fringe, rim of eyes, and specks in a face that are no hair
CROWN = (0.2, 0.9)  # likewise: above the eyes, and to the sides: where colours rarely err
MISSED = 0.5  # share of the hair there that colours see: a network that sees less has missed it
LOWEST = 3.0  # eye-chin distances below the eyes


@dataclass(frozen=True, eq=False)
class HairSeen:
    """One photo at a size at which hair is looked for.

    Attributes:
        camera: for its pixels.
        photo: (h, w, 3) uint8 sRGB; person, hair: (h, w) float32 0-1.
        guessed: (h, w) float32 0-1: hair by colours alone.
        bare: (h, w) float32 0-1: face or ear without hair, up to the hairline.
        inside: (h, w) bool: within the photo; crops may reach beyond it.
        above, aside: (h, w) float32: eye-chin distances above the eyes and to the side of the face's middle (the
            subject's left is positive).
        tones: of skin and hair, or None where no skin shows.
        worn: (h, w) float32 0-1: hat or headscarf, or None where no network looked for it.
        by_network: whether `hair` is a network's, network is not None from colours.
    """

    camera: Camera
    photo: NDArray
    person: NDArray
    hair: NDArray
    guessed: NDArray
    bare: NDArray
    inside: NDArray
    above: NDArray
    aside: NDArray
    tones: Tones | None
    by_network: bool
    worn: NDArray | None = None


def look(observation: Observation, camera: Camera) -> HairSeen | None:
    """What a photo with face landmarks shows of hair; None without them, or where no skin is seen."""
    if observation.landmark_scheme != topology.SCHEME:
        return None
    tones = learn_tones(observation)
    if tones is None:
        return None
    height, width = observation.mask.shape
    factor = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))

    def small(picture: NDArray) -> NDArray:
        return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)

    photo, person = small(observation.frame.pixels), small(observation.shown)
    skin = np.zeros(person.shape, np.float32) if observation.skin is None else small(observation.skin)
    points = observation.landmarks[:, :2] * (np.array(size) / (width, height))
    above, aside, _ = face_axes(points, size)
    network = observation.hair
    guessed = _guessed(photo, person, skin, points, (above, aside), tones)
    hair = guessed
    crown = _inside(observation, size) & (above > CROWN[0]) & (np.abs(aside) < CROWN[1])
    believed = network is not None and (small(network)[crown] > 0.5).sum() >= MISSED * (guessed[crown] > 0.5).sum()
    if network is not None and believed:
        # A fringe shows by its colour: networks take much of it for the face.
        fringe = guessed * (_oval(points, hair.shape) > 0) * (1 - smoothstep(skin, 0.2, 0.5))
        hair = np.maximum(small(network) * person, fringe).astype(np.float32)
    bare = _bare((photo, person, skin, hair), points, (above, aside), tones)
    return HairSeen(
        camera=resized(camera, size),
        photo=photo,
        person=person,
        hair=hair,
        guessed=guessed,
        bare=bare,
        inside=_inside(observation, size),
        above=above,
        aside=aside,
        tones=tones,
        by_network=bool(believed),
        worn=None if observation.headwear is None else small(observation.headwear),
    )


def _inside(observation: Observation, size: tuple[int, int]) -> NDArray:
    """(h, w) bool: which pixels of the small crop lie within the full photo, and not at its border."""
    x0, y0, x1, y1 = observation.box
    full = observation.full_size if min(observation.full_size) > 0 else (np.inf, np.inf)
    x = x0 + (np.arange(size[0]) + 0.5) * (x1 - x0) / size[0]
    y = y0 + (np.arange(size[1]) + 0.5) * (y1 - y0) / size[1]
    edge = 2 * (x1 - x0) / size[0]
    inside: NDArray = ((y > edge) & (y < full[1] - edge))[:, None] & ((x > edge) & (x < full[0] - edge))
    return inside


def _guessed(
    photo: NDArray, person: NDArray, skin: NDArray, points: NDArray, axes: tuple[NDArray, NDArray], tones: Tones
) -> NDArray:
    """(h, w) float32 0-1: the person where it is not skin, above the eyes and, in the hair's colour, on from there."""
    above, aside = axes
    lab = blurred(lab_of(photo), 1.0)
    face = _oval(points, person.shape)
    from_skin = _from_skin(lab, skin, above, tones)
    unlike = smoothstep(from_skin, *UNLIKE)
    like = np.zeros(person.shape)
    if tones.hair is not None:
        from_hair = np.sqrt((((lab - tones.hair) / tones.hair_spread) ** 2).sum(axis=2))
        nearer = from_skin / np.maximum(from_skin + from_hair, 1e-3)
        like = (1 - smoothstep(from_hair, *LIKE)) * smoothstep(nearer, 0.35, 0.55)
        unlike = np.maximum(unlike * smoothstep(nearer, 0.3, 0.5), like)
    bare = smoothstep(skin, 0.3, 0.7)
    crown = (above > ABOVE) & (np.abs(aside) < ASIDE)
    # A fringe may hang over the face, not in brows, eyes and lips, nor where a beard would be.
    no_fringe = (face > 0) & ((above < ABOVE + 0.2) & (_features(points, person.shape) | (above < FRINGE)))
    neck = (above < -THROAT[0]) & (np.abs(aside) < THROAT[1])
    free = person * (1 - bare) * ~(no_fringe | neck)
    hair = free * np.where(crown, np.maximum(unlike, like), like)
    grown = (hair > 0.5) & (above > -LOWEST) & (np.abs(aside) < ASIDE)
    grown = cv2.morphologyEx(grown.astype(np.uint8), cv2.MORPH_CLOSE, disc(2))
    _, labels = cv2.connectedComponents(grown)
    seeds = np.unique(labels[crown & (grown > 0)])
    kept = np.isin(labels, seeds[seeds > 0])
    unit = 1 / max(float(np.abs(np.gradient(above, axis=0)).mean() + np.abs(np.gradient(above, axis=1)).mean()), 1e-6)
    inside = cv2.morphologyEx((hair * kept).astype(np.float32), cv2.MORPH_OPEN, disc(CRUMB * unit))
    found: NDArray = blurred(np.where(face > 0, inside, hair * kept).astype(np.float32), 0.7)
    return found


def _from_skin(lab: NDArray, skin: NDArray, above: NDArray, tones: Tones) -> NDArray:
    """(h, w) steps from the tone of the cheeks or of the forehead, whichever is nearer: lamps hang above foreheads."""
    apart = distance_to(lab, tones.skin, tones.skin_spread)
    forehead = (skin > 0.6) & (above > FOREHEAD_FROM)
    if forehead.sum() < 20:
        return apart
    tone = np.median(lab[forehead], axis=0)
    if distance_to(tone, tones.skin, tones.skin_spread) > SAME_SKIN:  # a fringe that the mask took for skin
        return apart
    return np.minimum(apart, distance_to(lab, tone, tones.skin_spread))


def _features(points: NDArray, shape: tuple[int, ...]) -> NDArray:
    """(h, w) bool: brows, eyes and lips, and a little around them."""
    drawn = np.zeros(shape, np.uint8)
    for ring in (topology.RIGHT_EYE, topology.LEFT_EYE, topology.RIGHT_BROW, topology.LEFT_BROW, topology.LIPS):
        hull = cv2.convexHull(points[list(ring)].astype(np.float32))[:, 0]
        cv2.fillConvexPoly(drawn, np.round(hull).astype(np.int32), (1,))
    eyes = points[[33, 133, 362, 263]].mean(axis=0)
    found: NDArray = cv2.dilate(drawn, disc(AROUND * float(np.linalg.norm(points[topology.CHIN] - eyes)))) > 0
    return found


def _oval(points: NDArray, shape: tuple[int, ...]) -> NDArray:
    """(h, w) uint8: the face, from the brows' top to the chin."""
    face = np.zeros(shape, np.uint8)
    oval = cv2.convexHull(points[list(topology.FACE_OVAL)].astype(np.float32))[:, 0]
    cv2.fillConvexPoly(face, np.round(oval).astype(np.int32), (1,))
    return face


def _bare(
    pictures: tuple[NDArray, NDArray, NDArray, NDArray],
    points: NDArray,
    axes: tuple[NDArray, NDArray],
    tones: Tones,
) -> NDArray:
    """(h, w) float32 0-1: the face, and what is like its skin and joins it on the forehead.

    `pictures`: photo, person, skin and hair.
    """
    photo, person, skin, hair = pictures
    face = _oval(points, person.shape)
    above, aside = axes
    alike = 1 - smoothstep(_from_skin(blurred(lab_of(photo), 1.0), skin, above, tones), 1.0, 1.6)
    alike = alike * (person > 0.5) * (hair < 0.4)
    # What is neither skin nor brow, eye or lip in the face may be a strand: it speaks against no hair.
    core = ((face > 0) & ((skin > 0.3) | _features(points, face.shape)) | (skin > 0.5)) & (hair < 0.5)
    both = (core | (alike > 0.5)).astype(np.uint8)
    _, labels = cv2.connectedComponents(both)
    joined = np.isin(labels, np.setdiff1d(np.unique(labels[core]), [0]))
    # Beside and below the face blond hair is like skin: there only a face's own points are believed.
    believed = joined & (above > 0) & (np.abs(aside) < FOREHEAD)
    return (np.maximum(core, alike * believed) * (1 - hair)).astype(np.float32)
