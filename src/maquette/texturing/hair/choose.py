"""Which style a photo shows: none, paint, short, hanging to the chin or longer; then the one that covers it best."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.geometry.camera import resized
from maquette.geometry.raycast import render_buffers
from maquette.texturing.hair.grow import HeadSeen, Trial, try_on
from maquette.texturing.hair.outline import ANGLES, LEAST, outer_skin
from maquette.texturing.hair.styles import texel_map
from maquette.texturing.head.tones import lab_of
from maquette.texturing.images import disc

BALD = 0.25  # share of the head above and beside the face that is not skin
BUZZ_MM = 5.0  # hair no thicker than this over the crown is painted
AFRO_MM = 50.0  # over the crown and beside it: a ball of curls
JAW = (-0.8, -0.25)  # eye-chin distances above the eyes: beside the jaw, above the neck and shoulders
RING_M = (0.004, 0.024)  # beside the head's outline, where hanging hair would be
BOTH = 0.6  # share of those places, on either side, that surely is hanging hair
ONE_SIDE, OTHER_SIDE = 0.85, 0.36  # likewise, of one side and the other
HAT_M = (0.020, 0.080)  # beside the head's outline, where a hat would be
HAT_SHARE, HAT_STEP = 0.25, 120.0  # of the hair before the head; steps of 8-bit Lab between them
FIT_MM = 14.0  # outline error above which no style fits
FIT = 0.45  # least overlap of hair and style
JUDGED = -0.95  # eye-chin distances above the eyes: what lies lower is not compared
SIDE = 160  # pixels at which styles are compared
HANDICAP = 0.03  # of short01, shaved at the nape: others do on more heads
HANG = (("long01", False), ("bob02", False), ("bob02", True))  # styles, and whether they are mirrored
CUT_SHORT = (("short01", False), ("short02", False), ("short03", False), ("short03", True), ("short04", False))


@dataclass(frozen=True, eq=False)
class Choice:
    """What was chosen and why.

    Attributes:
        name: of a style; "painted" or "none".
        why: in plain words.
        trial: the style tried on, or None.
        overlap: 0-1, of hair and style in the photo, or None.
    """

    name: str
    why: str
    trial: Trial | None = None
    overlap: float | None = None


def choose(head: HeadSeen) -> Choice:
    """The style that one photo shows."""
    tones = head.seen.tones
    if tones is None or np.isnan(tones.hairiness):
        return Choice("painted", "the photo ends below the hair")
    if tones.hairiness < BALD:
        return Choice("none", "no hair is seen")
    hangs, surely = hanging(head)
    if head.rays.share < LEAST and not surely:
        return Choice("painted", "the hair's outline is not in the photo")
    crown, sides = thickness(head)
    if not hangs and np.isnan(crown):
        return Choice("painted", "the top of the head is not in the photo")
    if not hangs and not max(crown, sides, key=_known) > BUZZ_MM:
        return Choice("painted", f"the hair is no thicker than {BUZZ_MM:.0f} mm")
    if wears_a_hat(head):
        return Choice("painted", "what is around the head has another colour than the hair: a hat, or somebody else")
    names = HANG if hangs else [("afro01", False)] if min(crown, sides) > AFRO_MM else CUT_SHORT
    why = "hair hangs beside the jaw" if hangs else "nothing hangs beside the jaw"
    trials = [try_on(name, head, flipped, carved=False) for name, flipped in names]
    overlaps = [overlap(trial, head) - (HANDICAP if trial.hair.style.name == "short01" else 0) for trial in trials]
    best = int(np.argmax(overlaps))
    error = trials[best].errors[2]
    if (overlaps[best] < FIT and not (surely and not head.seen.by_network)) or error > FIT_MM:
        return Choice("painted", f"{why}, but no style fits (overlap {overlaps[best]:.2f}, outline {error:.0f} mm)")
    name, flipped = names[best]
    return Choice(name, why, try_on(name, head, flipped), overlaps[best])


def _known(number: float) -> float:
    return -1.0 if np.isnan(number) else number


def hanging(head: HeadSeen) -> tuple[bool, bool]:
    """Whether hair hangs beside the jaw, and whether that is sure.

    Where no network says which pixels are hair, whatever of the person is beside the jaw on both sides is taken for it:
    blond hair is often as skin. A hand, a shoulder or somebody behind is on one side.
    """
    hair, person = beside_the_jaw(head, head.seen.hair), beside_the_jaw(head, head.seen.person)
    if head.seen.by_network:
        person = hair
    surely = min(person) > BOTH
    one = max(hair) > ONE_SIDE and min(person) > OTHER_SIDE
    return surely or one, surely


def yaw_of(head: HeadSeen) -> float:
    """Radians by which the head is turned from the camera."""
    towards = -head.camera.world_to_camera[2, :3]
    return float(np.arctan2(towards[0], towards[2]))


def thickness(head: HeadSeen) -> tuple[float, float]:
    """Millimetres of hair over the crown and beside it, as far as the outline is in the picture; else nan."""
    bare = head.rays.reach(outer_skin(head.neutral, head.model))
    over = 1000 * (head.rays.target - bare)

    def middle(values: NDArray) -> float:
        known = values[np.isfinite(values)]
        return float(np.median(known)) if len(known) else float("nan")

    return middle(over[np.abs(ANGLES) < 40]), middle(over[(np.abs(ANGLES) > 50) & (np.abs(ANGLES) < 85)])


def wears_a_hat(head: HeadSeen) -> bool:
    """Whether much of what sticks out above the head has another colour than the hair on it."""
    seen, metre = head.seen, head.rays.metre
    covered = np.isfinite(head.empty.depth).astype(np.uint8)
    near, far = (cv2.dilate(covered, disc(reach * metre)) > 0 for reach in HAT_M)
    high = (seen.person > 0.5) & seen.inside & (seen.above > 0.2)
    on, off = high & (covered > 0) & (seen.bare < 0.5) & (seen.hair > 0.5), high & ~near & far
    if on.sum() < 20 or off.sum() < HAT_SHARE * on.sum():
        return False
    lab = lab_of(seen.photo)
    return bool(np.linalg.norm(np.median(lab[on], axis=0) - np.median(lab[off], axis=0)) > HAT_STEP)


def beside_the_jaw(head: HeadSeen, picture: NDArray) -> tuple[float, float]:
    """Shares 0-1 of what a picture shows (hair, the person) beside the jaw, on the subject's left and right."""
    seen, metre = head.seen, head.rays.metre
    covered = np.isfinite(head.empty.depth).astype(np.uint8)
    outer, inner = (cv2.dilate(covered, disc(reach * metre)) > 0 for reach in RING_M[::-1])
    beside = outer & ~inner & seen.inside & (seen.above > JAW[0]) & (seen.above < JAW[1])

    def share(chosen: NDArray) -> float:
        return float((picture[chosen] > 0.5).mean()) if chosen.sum() >= 6 else 0.0

    return share(beside & (seen.aside > 0)), share(beside & (seen.aside < 0))


def overlap(trial: Trial, head: HeadSeen) -> float:
    """0-1: intersection over union of hair and style in the photo, above the chin."""
    seen, hair = head.seen, trial.hair
    factor = min(1.0, SIDE / max(seen.camera.size))
    size = max(1, round(seen.camera.size[0] * factor)), max(1, round(seen.camera.size[1] * factor))
    solid = texel_map(hair.style.name).solid & trial.cut.kept
    faces = np.concatenate([hair.style.faces[solid], head.model.faces + len(hair.vertices)])
    face = render_buffers(resized(seen.camera, size), np.concatenate([hair.vertices, head.posed]), faces)[0]
    style = (face >= 0) & (face < solid.sum())
    shown = cv2.resize(seen.hair, size, interpolation=cv2.INTER_AREA) > 0.5
    counts = cv2.resize((seen.inside & (seen.above > JUDGED)).astype(np.float32), size) > 0.5
    both, either = (style & shown & counts).sum(), ((style | shown) & counts).sum()
    return float(both / max(either, 1))
