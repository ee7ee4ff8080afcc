"""Where a mask, a scarf or the like covers the lower face, by its colour against the skin around the eyes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.copies import shrunk
from maquette.perception.faces import topology

WORKING_FACE = 144  # pixels, height of the face at which colours are judged
DISC = 0.035  # of the face's height, radius of what is looked at around a landmark
# Around the eyes, between the brows and on the nose's root: bare where a network sees a face, but for dark glasses.
EYES = (9, 8, 168, 35, 265, 31, 261, 228, 448, 229, 449, 230, 450, 231, 451, 193, 417)
FOREHEAD = (151, 108, 337, 69, 299)
LOWER = {
    "nose": (1, 4, 44, 274),
    "mouth": (0, 13, 14, 17, 37, 267, 84, 314),
    "chin": (175, 199, 200, 201, 421),
    "cheeks": (205, 425, 187, 411, 207, 427, 50, 280),
}
BELOW_EYES = (111, 340, 118, 347)  # just below the lids: what lies above them is no part of a mask
FACING = 0.2  # of a landmark: others are seen at too flat an angle
UNLIKE = 2.5  # robust standard deviations from the skin around the eyes
COVERED = 0.45  # share of each part of the lower face; of 60 bare faces at most 0.21, drawn masks 0.63 or more
# Share of mouth and chin that is unlike skin where they alone are covered; of bare faces at most 0.7 of both.
WHOLLY = 0.85
GREY, DARKER, HAIR_RED = 0.12, -0.1, (0.0, 0.7)  # see `Tone`: beards are grey, or darker than the skin and of such red
WINGS = (48, 278, 2)  # of the nose, and its base
MIXED = 0.35  # share around the eyes that is unlike their own tone
SKIN_RED, SKIN_BLUE = (0.04, 0.8), 0.06  # logarithms of red over green, and of blue over green, of skin in usual light
EVEN = (0.04, 0.04, 0.1)  # standard deviations around the mouth, see `Tone`: lips reach 0.05 in colour or 0.2 in grey
# Logarithm of brightness between the lower face and eyes and forehead: in bare faces at most 0.1 so evenly.
BRIGHTER = 0.2
BARE_FOREHEAD = 0.35  # share of it unlike the lower face, up to which that is skin and the eyes are covered
NOISE = 12.0  # 8-bit levels added before logarithms: below them colour is noise
LEAST_SPREAD = (0.04, 0.04, 0.12)  # logarithms of red and blue over green, and of brightness
MOST_SPREAD = (0.08, 0.08, 0.25)
NEAR_SKIN = (0.15, 0.15, 0.35)  # likewise: how far from the middle the spread is measured
SHADE, SHINE = 0.5, 0.7  # what darker and brighter count: light and shadow change brightness more than colour
RUN = 0.03  # of the face's height: a covering that is narrower is a fold, a strap or noise
ABOVE, BELOW, BESIDE = 0.015, 0.35, 0.08  # of the face's height: beyond its edge, the chin and the cheeks


@dataclass(frozen=True, eq=False)
class Tone:
    """A colour free of light: (3,) logarithms of red and blue over green and of brightness, and their spread (3,)."""

    middle: NDArray
    spread: NDArray

    @property
    def may_be_skin(self) -> bool:
        """Whether skin has this colour in any usual light; in a grey photo nothing has."""
        return SKIN_RED[0] < float(self.middle[0]) < SKIN_RED[1] and float(self.middle[1]) < SKIN_BLUE

    def distance(self, colours: NDArray) -> NDArray:
        """(...,) robust standard deviations of colours (..., 3) from it."""
        steps = (colours - self.middle) / self.spread
        light = np.where(steps[..., 2] > 0, SHINE, SHADE) * steps[..., 2]
        return np.sqrt((steps[..., 0] ** 2 + steps[..., 1] ** 2 + light**2) / 2)

    def unlike(self, colours: NDArray) -> float:
        """0-1: share of colours (n, 3) that differ from it; 1 of none: what is not seen."""
        return float((self.distance(colours) > UNLIKE).mean()) if len(colours) else 1.0


def covered_region(pixels: NDArray, landmarks: NDArray, facing: NDArray) -> NDArray | None:
    """What covers the lower face: the nose, the mouth, the chin and the cheeks all unlike the skin around the eyes.

    Mouth and chin alone are enough where they are unlike a beard too. Microphones leave a part of them, shade does not
    change the colour; a hand of the same tone is not seen. From the
    covering's upper edge downwards everything is taken as covered, whatever its pattern.

    Args:
        pixels: (H, W, 3) uint8 crop.
        landmarks: (478, 3), pixels of the crop.
        facing: (478,) 0-1, how far each landmark is turned to the camera.

    Returns:
        (H, W) float32 in 0-1, a little beyond its edges; None where nothing covers the face.
    """
    height = max(float(np.linalg.norm(landmarks[topology.CHIN, :2] - landmarks[topology.FOREHEAD_TOP, :2])), 1.0)
    factor = min(1.0, WORKING_FACE / height)
    size = max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor))
    small = shrunk(pixels, size) if factor < 1 else pixels
    points = landmarks[:, :2] * (np.array(size) / pixels.shape[1::-1])
    discs = _Discs(cv2.GaussianBlur(small, (0, 0), 1.0), points, facing, DISC * height * factor)
    skin = tone_of(discs.around(EYES))
    if skin is None:
        return None
    shares = {name: skin.unlike(discs.around(part)) for name, part in LOWER.items()}
    by_skin = min(shares.values()) >= COVERED or _below_the_nose(discs, skin, shares)
    cloth = None if by_skin else _plain_cloth(discs, skin)
    if (cloth is None and not by_skin) or _dark_glasses(discs, skin):
        return None
    colours = _without_light(discs.pixels)
    unlike = skin.distance(colours) > (UNLIKE if cloth is None else cloth.distance(colours))
    if not unlike.any():
        return None
    region = _downwards(unlike, points, height * factor, COVERED > shares["nose"] > 0)
    return cv2.resize(region, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)


@dataclass(frozen=True, eq=False)
class _Discs:
    """Discs around landmarks (478, 2) in a picture (h, w, 3) uint8; a bare face is judged by them alone."""

    pixels: NDArray
    points: NDArray
    facing: NDArray
    radius: float

    def around(self, indices: tuple[int, ...]) -> NDArray:
        """(n, 3) colours, see `Tone`, in the discs of those landmarks that are turned to the camera."""
        drawn = np.zeros(self.pixels.shape[:2], np.uint8)
        for index in indices:
            if self.facing[index] > FACING:
                x, y = self.points[index]
                cv2.circle(drawn, (int(x), int(y)), max(1, round(self.radius)), (1,), -1)
        return _without_light(self.pixels[drawn > 0])


def _without_light(pixels: NDArray) -> NDArray:
    """(..., 3) float32 of (..., 3) uint8: see `Tone`."""
    red, green, blue = np.moveaxis(pixels.astype(np.float32) + NOISE, -1, 0)
    return np.stack([np.log(red / green), np.log(blue / green), np.log((red + green + blue) / 3)], axis=-1)


def tone_of(colours: NDArray) -> Tone | None:
    """The commonest colour of (n, 3), whatever lies before a part of them; None if there are next to none."""
    if len(colours) < 12:
        return None
    middle = np.median(colours, axis=0)
    near = colours
    for _ in range(4):
        kept = colours[(np.abs(colours - middle) < NEAR_SKIN).all(axis=1)]
        if len(kept) < 12:
            break
        near, middle = kept, np.median(kept, axis=0)
    spread = 1.4826 * np.median(np.abs(near - middle), axis=0)
    return Tone(middle, np.clip(spread, LEAST_SPREAD, MOST_SPREAD))


def _below_the_nose(discs: _Discs, skin: Tone, shares: dict[str, float]) -> bool:
    """Whether something covers mouth and chin alone, and is no beard: lighter than the skin, or of no hair's colour."""
    if min(shares["mouth"], shares["chin"]) < WHOLLY:
        return False
    low = tone_of(discs.around(LOWER["mouth"] + LOWER["chin"]))
    if low is None:
        return False
    red, blue, light = (float(value) for value in low.middle - [0, 0, skin.middle[2]])
    colourless = abs(red) < GREY and abs(blue) < GREY
    return not colourless and (light > DARKER or not HAIR_RED[0] < red < HAIR_RED[1])


def _plain_cloth(discs: _Discs, skin: Tone) -> Tone | None:
    """The tone of an even cloth as grey as the skin, as white before pale skin or in a grey photo, if there is one.

    That needs that there are no lips to be seen, and that the lower face is far brighter or darker than the rest.
    """
    mouth = discs.around(LOWER["mouth"])
    if not len(mouth) or (mouth.std(axis=0) > EVEN).any():
        return None
    lower, forehead = tone_of(discs.around(sum(LOWER.values(), ()))), tone_of(discs.around(FOREHEAD))
    if lower is None:
        return None
    apart = [abs(float(lower.middle[2] - other.middle[2])) for other in (skin, forehead) if other is not None]
    return lower if min(apart) > BRIGHTER else None


def _dark_glasses(discs: _Discs, around_eyes: Tone) -> bool:
    """Whether it is rather the eyes that are covered: the lower face has the forehead's colour, not theirs.

    Small glasses leave a mixture around the eyes, the tone of nothing; then what may be skin is taken for it.
    """
    lower = tone_of(discs.around(sum(LOWER.values(), ())))
    if lower is None:
        return False
    mixed = around_eyes.unlike(discs.around(EYES)) > MIXED
    if lower.may_be_skin and (mixed or not around_eyes.may_be_skin):
        return True
    forehead = discs.around(FOREHEAD)
    return lower.unlike(forehead) < BARE_FOREHEAD and around_eyes.unlike(forehead) > COVERED


def _downwards(unlike: NDArray, points: NDArray, height: float, bare_nose: bool) -> NDArray:
    """(h, w) float32 0-1: in each line down the face, all from the first run of what is unlike skin below the eyes.

    Below a bare nose it begins there, not in the nostrils.
    """
    down = points[topology.CHIN] - points[topology.FOREHEAD_TOP]
    angle = float(np.degrees(np.arctan2(-down[0], down[1])))
    centre = points[list(topology.FACE_OVAL)].mean(axis=0)
    side = int(np.ceil(1.7 * height)) | 1
    to_upright = np.asarray(cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), angle, 1.0), float)
    to_upright[:, 2] += side / 2 - centre
    upright = cv2.warpAffine(unlike.astype(np.uint8), to_upright, (side, side), flags=cv2.INTER_NEAREST)
    placed = points @ to_upright[:, :2].T + to_upright[:, 2]
    run = max(2, round(RUN * height))
    solid = cv2.morphologyEx(upright, cv2.MORPH_OPEN, np.ones((run, run), np.uint8))
    solid[: int(placed[list(BELOW_EYES), 1].min())] = 0
    if bare_nose:
        (left, _), (right, _), (_, base) = np.sort(placed[list(WINGS)], axis=0)[[0, 2, 2]].astype(int)
        solid[:base, max(left, 0) : right] = 0
    outline = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(outline, cv2.convexHull(np.round(placed[list(topology.FACE_OVAL)]).astype(np.int32)), (1,))
    within = np.maximum.accumulate(solid * outline, axis=0) * outline
    # Beyond the face's outline, only as far as it goes on: a mask stands off the chin.
    beside = cv2.dilate(outline, np.ones((1, 1 + 2 * round(BESIDE * height)), np.uint8))
    below = np.maximum.accumulate(outline, axis=0) * (1 - outline)
    going_on = np.minimum.accumulate(np.where(below > 0, solid, 1), axis=0) * np.maximum.accumulate(within, axis=0)
    going_on[int(placed[topology.CHIN, 1] + BELOW * height) :] = 0
    covered = np.max([within, beside * solid, below * going_on], axis=0).astype(np.uint8)
    grown = cv2.dilate(covered, np.ones((1 + 2 * max(1, round(ABOVE * height)),) * 2, np.uint8))
    back = cv2.invertAffineTransform(to_upright)
    region = cv2.warpAffine(grown.astype(np.float32), back, unlike.shape[::-1], flags=cv2.INTER_LINEAR)
    return cv2.GaussianBlur(region, (0, 0), max(1.0, 0.5 * ABOVE * height))
