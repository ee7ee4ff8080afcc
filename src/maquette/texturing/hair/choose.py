"""Which style a photo shows: none, paint, short, hanging to the chin or longer; then the one that covers it best."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Part
from maquette.geometry.camera import project, resized
from maquette.geometry.raycast import render_buffers
from maquette.texturing.hair.grow import HeadSeen, Trial, carved, try_on
from maquette.texturing.hair.outline import ANGLES, LEAST, outer_skin
from maquette.texturing.hair.shell.covering import covering_of
from maquette.texturing.hair.shell.form import inflate
from maquette.texturing.hair.shell.part import shell_part
from maquette.texturing.hair.shell.worn import worn_on
from maquette.texturing.hair.styles import solid
from maquette.texturing.images import disc, image_at

BALD = 0.25  # share of the head above and beside the face that is not skin
BUZZ_MM = 5.0  # hair no thicker than this over the crown is painted
AFRO_MM = (50.0, 30.0)  # over the crown and beside it: a ball of curls
JAW = (-0.8, -0.25)  # eye-chin distances above the eyes: beside the jaw, above the neck and shoulders
RING_M = (0.004, 0.024)  # beside the head's outline, where hanging hair would be
BOTH = 0.6  # share of those places, on either side, that surely is hanging hair
ONE_SIDE, OTHER_SIDE = (0.85, 0.5), 0.36  # likewise, of one side, by colours or by a network, and of the other
BELOW, BESIDE = (-1.0, -0.85), (0.45, 1.2)  # eye-chin distances below the chin, and to the sides
FARTHER = 0.25  # share of the fuller side there that is hair: it hangs on, to the shoulders
ABOUT = (75.0, 105.0)  # degrees from the way up: beside the ears
FULL, FULL_MM = 0.45, 48.0  # of one side, likewise, where hair reaches that far beside the ear above it
EVEN_MM = 36.0  # or that far beside both ears, and hangs on one side
TURNED = np.radians(12)  # a head turned this far shows the back of its hair on one side
KNOT, KNOT_MM = (30.0, 100.0), (38.0, 25.0, 16.0)  # degrees; reach of a knot there, of the other side, and between them
HARDLY = 0.15  # likewise, from which on a network sees hair there
BELOW_CHIN = (-1.45, -1.1, 0.4)  # eye-chin distances above the eyes, and to the sides
HIDDEN = 0.4  # share of the face: where hair would hide more, the fit is wrong
FIT_MM = 14.0  # outline error above which no style fits
FIT = 0.45  # least overlap of hair and style
JUDGED = -0.95  # eye-chin distances above the eyes: what lies lower is not compared
SIDE = 160  # pixels at which styles are compared
HANDICAP = {"short01": 0.12}  # shaved at the nape: others do on more heads
FRINGED = {
    "short02": 0.15,
    "short03": 0.15,
}  # nobody sees in profile, or with the top cut off, whether a fringe goes on
SIDE_ON = np.radians(40)  # from there on a knot or a tail is seen as well as a nape
MORE, TAIL = 0.02, 0.15  # overlap by which one beats all short styles, and by which a tail beats a knot
ROUND = (0.7, 6.0)  # least overlap of a ball of curls, and most millimetres of its outline error
PROFILE = np.radians(35)
Candidates = tuple[tuple[str, bool], ...]
LONG: Candidates = (("long01", False),)  # styles, and whether they are mirrored
CHIN_LONG: Candidates = (("bob03", False),)
KNOTTED: Candidates = (("bun01", False),)
TIED: Candidates = (("bun01", False), ("ponytail01", False))
BALL: Candidates = (("afro01", False),)
CUT_SHORT: Candidates = (
    ("short01", False), ("short02", False), ("short03", False), ("short03", True), ("short04", False),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Choice:
    """What was chosen and why.

    Attributes:
        name: of a style; "shell", "painted" or "none".
        why: in plain words.
        trial: the style tried on, or None.
        overlap: 0-1, of hair and style in the photo, or None.
        part: the shell, or None.
        errors: of a shell: millimetres between outline and bare head, and shell; nan where no outline is seen.
    """

    name: str
    why: str
    trial: Trial | None = None
    overlap: float | None = None
    part: Part | None = None
    errors: tuple[float, float] = (float("nan"), float("nan"))


def choose(head: HeadSeen) -> Choice:
    """The style that one photo shows."""
    worn = worn_on(head)
    if worn is not None:
        return in_a_shell(head, worn, "a hat or a headscarf is worn")
    tones = head.seen.tones
    if tones is None or np.isnan(tones.hairiness):
        return Choice("painted", "the photo ends below the hair")
    if tones.hairiness < BALD:
        return Choice("none", "no hair is seen")
    hangs, surely = hanging(head)
    crown, sides = thickness(head)
    topless = head.rays.share < LEAST or np.isnan(crown)
    if not hangs and not topless and max(crown, sides, key=_known) <= BUZZ_MM:
        return Choice("painted", f"the hair is no thicker than {BUZZ_MM:.0f} mm")
    names, why, sure = _candidates(head, hangs, surely)
    why += ", the top of the head is not in the photo" if topless else ""
    trials = [try_on(name, head, flipped, carved=hangs) for name, flipped in names]
    handicap = HANDICAP | (FRINGED if topless or abs(yaw_of(head)) > PROFILE else {})
    covered = {names[k]: overlap(trial, head) for k, trial in enumerate(trials)}
    overlaps = {of: share - handicap.get(of[0], 0.0) for of, share in covered.items() if of not in TIED} or covered
    best = max(overlaps, key=lambda of: overlaps[of])
    if tied := _tied(covered):
        best, why, overlaps = tied, "seen from the side, hair is tied behind", covered
    chosen = trials[names.index(best)]
    error = chosen.errors[2]
    if (overlaps[best] < FIT and not (sure or topless)) or error > FIT_MM:
        fit = f"overlap {overlaps[best]:.2f}, outline {error:.0f} mm"
        return _unlike_all(head, hangs, f"{why}, but no style fits ({fit})")
    return Choice(best[0], why, chosen if hangs else carved(chosen, head), overlaps[best])


def _tied(covered: dict[tuple[str, bool], float]) -> tuple[str, bool] | None:
    """The style with a tail or a knot, if one covers hair in profile better than all short ones do."""
    knot, tail = (covered.get(of, 0.0) for of in TIED)
    others = [share for of, share in covered.items() if of not in TIED]
    if not others or max(knot, tail) < MORE + max(others):
        return None
    return TIED[1] if tail > knot + TAIL else TIED[0]


def _unlike_all(head: HeadSeen, hangs: bool, why: str) -> Choice:
    """Hair that no style of its length covers: a ball of curls, which bends farther than all, or a shell."""
    if not hangs:
        ball = try_on(BALL[0][0], head, carved=False)
        share = overlap(ball, head)
        if share > ROUND[0] and ball.errors[2] < ROUND[1]:
            return Choice(BALL[0][0], f"{why}, a ball of curls does", carved(ball, head), share)
    return in_a_shell(head, np.zeros_like(head.seen.hair), why)


def in_a_shell(head: HeadSeen, worn: NDArray, why: str) -> Choice:
    """The shell of what is on the head; paint where that is not seen well enough.

    Args:
        worn: (h, w) float32 0-1: what of it is no hair.
        why: no style is taken.
    """
    under = replace(head, seen=replace(head.seen, hair=(head.seen.hair * (1 - worn)).astype(np.float32)))
    covering = covering_of(under, worn, veils(head, worn))
    if over_the_face(under, covering.mask) > HIDDEN:
        return Choice("painted", f"{why}, and it hides the face")
    shell = inflate(under, covering)
    if not np.isfinite(shell.errors[1]) or shell.seen < LEAST:
        return Choice("painted", f"{why}, and its outline is not in the photo")
    if shell.errors[1] > FIT_MM:
        return Choice("painted", f"{why}, nor does a shell (outline {shell.errors[1]:.0f} mm)")
    part = shell_part(shell, under, covering)
    return Choice("shell", f"{why}: a shell after its outline", part=part, errors=shell.errors)


def veils(head: HeadSeen, worn: NDArray) -> bool:
    """Whether what is worn, (h, w) 0-1, goes on below the face, as a hat's never does."""
    seen = head.seen
    below = (
        (seen.above > BELOW_CHIN[0]) & (seen.above < BELOW_CHIN[1]) & (np.abs(seen.aside) < BELOW_CHIN[2]) & seen.inside
    )
    throat = float((worn[below] > 0.5).mean()) if below.sum() >= 6 else 0.0
    return throat > BOTH or min(beside_the_jaw(head, worn)) > BOTH


def over_the_face(head: HeadSeen, mask: NDArray) -> float:
    """Share 0-1 of the face, as it was fitted, that a mask (h, w) bool of the photo hides."""
    face = head.posed[head.model.regions["face"] > 0.5]
    hidden = image_at(mask.astype(np.float32), project(head.seen.camera, face)[0].astype(np.float32))
    return float((hidden > 0.5).mean())


def _candidates(head: HeadSeen, hangs: bool, surely: bool) -> tuple[Candidates, str, bool]:
    """Which styles a photo may show, why, and whether no other can be meant, however little it covers."""
    crown, sides = thickness(head)
    if hangs:
        if surely or below_the_chin(head) > FARTHER:
            return LONG, "hair hangs beside the jaw", surely
        return CHIN_LONG, "hair hangs to the jaw, no farther", False
    if knotted(head):
        return KNOTTED, "hair sticks out at the back of the head: a knot", True
    if crown > AFRO_MM[0] and sides > AFRO_MM[1]:
        return BALL, "hair stands out all around", False
    if abs(yaw_of(head)) > SIDE_ON:
        return (*(of for of in CUT_SHORT if not of[1]), *TIED), "nothing hangs beside the jaw", False
    return CUT_SHORT, "nothing hangs beside the jaw", False


def _known(number: float) -> float:
    return -1.0 if np.isnan(number) else number


def hanging(head: HeadSeen) -> tuple[bool, bool]:
    """Whether hair hangs beside the jaw, and whether that is sure.

    What of the person is beside the jaw on both sides is taken for hair, whatever its colour: blond hair is often as
    skin, black hair as night. Only where neither a network nor colours see any there it is none. A hand, a
    shoulder or somebody behind is on one side.
    """
    hair, person = beside_the_jaw(head, head.seen.hair), beside_the_jaw(head, head.seen.person)
    network = head.seen.by_network
    coloured = max(hair) > HARDLY or max(beside_the_jaw(head, head.seen.guessed)) > HARDLY
    surely = min(person) > BOTH and (coloured or not network)
    one = max(hair) > ONE_SIDE[network] and min(person) > OTHER_SIDE
    aside = beside_the_ears(head)
    full = any(share > FULL and reach > FULL_MM for share, reach in zip(hair, aside))
    full = full or (max(hair) > ONE_SIDE[0] and min(aside) > EVEN_MM)
    return surely or one or full, surely


def yaw_of(head: HeadSeen) -> float:
    """Radians by which the head is turned from the camera."""
    towards = -head.camera.world_to_camera[2, :3]
    return float(np.arctan2(towards[0], towards[2]))


def thickness(head: HeadSeen) -> tuple[float, float]:
    """Millimetres of hair over the crown and on its fuller side, as far as the outline is in the picture; else nan."""
    bare = head.rays.reach(outer_skin(head.neutral, head.model))
    over = 1000 * (head.rays.target - bare)
    aside = [_middle(over[(turn > 50) & (turn < 85)]) for turn in (ANGLES, -ANGLES)]
    return _middle(over[np.abs(ANGLES) < 40]), max(aside, key=_known)


def below_the_chin(head: HeadSeen) -> float:
    """Share 0-1 of what is below the chin, beside the neck, that is hair, on the fuller side."""
    seen = head.seen
    hair = np.maximum(seen.hair, seen.guessed * (seen.person > 0.5)) > 0.5
    level = (seen.above > BELOW[0]) & (seen.above < BELOW[1]) & seen.inside
    sides = [level & (side * seen.aside > BESIDE[0]) & (side * seen.aside < BESIDE[1]) for side in (1, -1)]
    return max(float(hair[side].mean()) if side.sum() >= 6 else 0.0 for side in sides)


def knotted(head: HeadSeen) -> bool:
    """Whether a turned head has much more hair behind than before, as short hair never has: it is tied there."""
    yaw = yaw_of(head)
    if abs(yaw) < TURNED:
        return False
    over = 1000 * (head.rays.target - head.rays.reach(outer_skin(head.neutral, head.model)))
    turn = np.sign(yaw) * ANGLES
    behind, before = (over[(side > KNOT[0]) & (side < KNOT[1])] for side in (turn, -turn))
    if min(np.isfinite(behind).sum(), np.isfinite(before).sum()) < LEAST * len(behind):
        return False
    most, usual = float(np.nanquantile(behind, 0.9)), float(np.nanmedian(before))
    return most > KNOT_MM[0] and usual < KNOT_MM[1] and most - usual > KNOT_MM[2]


def beside_the_ears(head: HeadSeen) -> tuple[float, float]:
    """Millimetres by which the outline is beside the ears' on the subject's left and right; nan out of the picture."""
    over = 1000 * (head.rays.target - head.rays.reach(outer_skin(head.neutral, head.model)))
    left, right = (_middle(over[(turn > ABOUT[0]) & (turn < ABOUT[1])]) for turn in (ANGLES, -ANGLES))
    return left, right


def _middle(values: NDArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


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
    shown_faces = solid(hair.style.name) & trial.cut.kept
    faces = np.concatenate([hair.style.faces[shown_faces], head.model.faces + len(hair.vertices)])
    face = render_buffers(resized(seen.camera, size), np.concatenate([hair.vertices, head.posed]), faces)[0]
    style = (face >= 0) & (face < shown_faces.sum())
    shown = cv2.resize(seen.hair, size, interpolation=cv2.INTER_AREA) > 0.5
    counts = cv2.resize((seen.inside & (seen.above > JUDGED)).astype(np.float32), size) > 0.5
    both, either = (style & shown & counts).sum(), ((style | shown) & counts).sum()
    return float(both / max(either, 1))
