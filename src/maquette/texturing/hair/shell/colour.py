"""The colour of a shell: the photo where it looks at it, elsewhere what is next to that, mirrored to and fro."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter1d, median_filter

from maquette.geometry.camera import project
from maquette.geometry.raycast import render_buffers
from maquette.texturing.hair.grow import HeadSeen
from maquette.texturing.hair.paint import DEFAULT, tones_of
from maquette.texturing.hair.shell.covering import Covering
from maquette.texturing.hair.shell.form import Shell
from maquette.texturing.head.tones import lab_of
from maquette.texturing.images import blurred, disc, image_at, remapped, smoothstep
from maquette.texturing.projection import sample_photo, view_directions

CELL = 8  # texels between rows and columns
FACING = (0.15, 0.4)  # cosine against the view, from which on the photo is shown, and from which on it is repeated
RIM_M = 0.005  # of the covering, where it is mixed with what is beside it
CLOTH, STRANGE = np.array([16.0, 6.0, 6.0]), 3.0  # least spread of 8-bit Lab; spreads from which on it is no cloth
FAR_M = 1e4  # where nothing is drawn
BEHIND_M = 0.008  # farther behind what lies before it a point is not seen
UPRIGHT = 2.5  # rows count as farther apart than columns: hair and cloth go on around the head
LEAST = 30  # texels that are seen, fewer show no colour
WIDE = 0.3  # of half the texture's breadth: shorter stretches are repeated only if there is no such
FINEST = 30.0  # 8-bit levels: by how much what is repeated differs from the tone around
EVENED = 0.15  # of the texture's breadth: over it seen colours give way to those usual in their row
TONE = 0.03  # of the texture's breadth: colours so smoothed are tones, the rest is strands and weave
GAP = 3 * CELL  # texels: narrower gaps between what is seen have the colours beside them
SOFT = 3.0  # texels over which seen and continued meet


def paint_shell(shell: Shell, head: HeadSeen, covering: Covering, faces: NDArray) -> NDArray:
    """(H, W, 3) uint8 sRGB: the texture of a shell in its chart, rows and columns as its grid's.

    Args:
        faces: (F, 3) of its grid's points, flattened, the first column once more at the end.
    """
    rows, columns = shell.reach.shape
    size = (columns * CELL, (rows - 1) * CELL)
    closed = np.concatenate([shell.points, shell.points[:, :1]], axis=1).astype(np.float32)
    at = _chart(closed, size)
    normals = _normals(at)
    colour, known, usual = _seen(at, normals, shell, head, covering, faces)
    # What the photo does not show it may show on the other side of the head.
    share = blurred(known.astype(np.float32), SOFT) * known
    twin = usual[:, ::-1] & (share < 1)
    mixed = share[..., None] * colour + (1 - share[..., None]) * colour[:, ::-1]
    colour = np.where(twin[..., None], mixed, colour)
    return _continued(colour, known | twin, usual | twin)


def _chart(values: NDArray, size: tuple[int, int]) -> NDArray:
    """(H, W, C) values of the grid (R, C + 1, ...) between its points."""
    width, height = size
    x = (np.arange(width) + 0.5) / width * (values.shape[1] - 1)
    y = (np.arange(height) + 0.5) / height * (values.shape[0] - 1)
    places = np.stack(np.meshgrid(x, y), axis=2).astype(np.float32)
    return remapped(values, places, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)


def _normals(at: NDArray) -> NDArray:
    across = np.roll(at, -2, axis=1) - np.roll(at, 2, axis=1)
    found = np.cross(across, -np.gradient(at, axis=0))
    return found / np.maximum(np.linalg.norm(found, axis=2, keepdims=True), 1e-9)


def _seen(
    at: NDArray, normals: NDArray, shell: Shell, head: HeadSeen, covering: Covering, faces: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """The photo at places (H, W, 3), 8-bit sRGB; (H, W) bool where it shows them, and what of that goes on."""
    flat, metre = at.reshape(-1, 3).astype(float), head.rays.metre
    toward = view_directions(head.camera, flat)[0].reshape(at.shape)
    facing = (normals * toward).sum(axis=2)
    small, depth = project(head.seen.camera, flat)
    small = small.astype(np.float32)
    closed = np.concatenate([shell.points, shell.points[:, :1]], axis=1).reshape(-1, 3)
    whole = np.concatenate([closed, head.posed])
    drawn = render_buffers(head.seen.camera, whole, np.concatenate([faces, head.model.faces + len(closed)]))[2]
    nearest = image_at(np.where(np.isfinite(drawn), drawn, FAR_M).astype(np.float32), small, cv2.INTER_NEAREST)
    worn = (covering.worn > 0.5) & covering.mask
    worn &= _alike(lab_of(head.seen.photo), worn)
    hair = covering.mask & ~worn & (tones_of(head.seen, metre).sure > 0.5)
    rim = disc(max(1.0, RIM_M * metre))
    sure = [cv2.erode((of & head.seen.inside).astype(np.float32), rim) for of in (covering.mask, worn)]
    shown, cloth = (image_at(of, small, border=cv2.BORDER_CONSTANT) > 0.7 for of in sure)
    grown = image_at(hair.astype(np.float32), small, border=cv2.BORDER_CONSTANT) > 0.5
    looked = (depth < nearest + BEHIND_M).reshape(facing.shape)
    looked &= (facing > FACING[0]) & (shell_chart(shell, at.shape[:2]) > 0)
    known = looked & (shown & (cloth | grown)).reshape(facing.shape)
    pixels = project(head.camera, flat)[0].astype(np.float32).reshape(*at.shape[:2], 2)
    apart = np.linalg.norm(np.diff(pixels, axis=1), axis=2)[known[:, 1:]]
    step = float(np.clip(np.median(apart), 0.2, 8.0)) if apart.size else 1.0
    colour = sample_photo(head.observation.frame.pixels, pixels, step).astype(np.float32)
    goes_on = known & (facing > FACING[1])
    cloth = goes_on & cloth.reshape(known.shape)
    colour, known = _closed(colour, known, looked)
    return colour, known, cloth if cloth.sum() > LEAST else goes_on


def _closed(colour: NDArray, known: NDArray, looked: NDArray) -> tuple[NDArray, NDArray]:
    """Colours (H, W, 3) and where they are known, (H, W) bool, with narrow gaps in what the photo looks at filled."""
    if not known.any():
        return colour, known
    away, (row, column) = distance_transform_edt(~known, return_indices=True)
    gap = looked & ~known & (away < GAP)
    return np.where(gap[..., None], blurred(colour[row, column], SOFT), colour), known | gap


def _alike(lab: NDArray, chosen: NDArray) -> NDArray:
    """(h, w) bool: where a picture (h, w, 3), CIELAB, has one of the colours of what is chosen."""
    if chosen.sum() < LEAST:
        return chosen
    middle = np.median(lab[chosen], axis=0)
    spread = np.maximum(1.5 * np.median(np.abs(lab[chosen] - middle), axis=0), CLOTH)
    return np.asarray((np.abs(lab - middle) < STRANGE * spread).all(axis=2))


def shell_chart(shell: Shell, shape: tuple[int, int]) -> NDArray:
    """(H, W) metres inside the edge."""
    closed = np.concatenate([shell.edge, shell.edge[:, :1]], axis=1).astype(np.float32)
    return _chart(closed, shape[::-1])


def _continued(colour: NDArray, known: NDArray, usual: NDArray) -> NDArray:
    """(H, W, 3) uint8: colours seen where known, (H, W) bool, and elsewhere as they go on around the head.

    `usual`, (H, W) bool: those of them that go on.
    """
    usual = cv2.morphologyEx(usual.astype(np.uint8), cv2.MORPH_OPEN, disc(3)) > 0
    if usual.sum() < LEAST:
        return np.broadcast_to(DEFAULT.astype(np.uint8), colour.shape).copy()
    width = known.shape[1]
    row, column = np.asarray(distance_transform_edt(~usual, sampling=(UPRIGHT, 1.0), return_indices=True)[1])
    tone, flat, near = _tone(colour, usual), _of_rows(colour, usual), colour[row, column]
    fine = np.clip(near - tone, -FINEST, FINEST)
    made, total = np.zeros(colour.shape, np.float32), np.zeros((1, width, 1), np.float32)
    past = np.arange(round(0.6 * width))
    weight = 1.0001 - smoothstep(past / width, 0.42, 0.58)
    rows = np.arange(len(known))
    for side in (1, -1):
        columns = (width // 2 + side * past) % width
        last, at, ends, length = _runs(usual[:, columns[: width // 2]])
        beyond = np.maximum(past - last[:, None], 0)
        folded = np.mod(beyond, 2 * length[:, None])
        source = np.where(beyond > 0, ends[:, None] - np.minimum(folded, 2 * length[:, None] - folded), past)
        source = columns[np.clip(np.rint(source).astype(int), 0, len(past) - 1)]
        own = columns[np.minimum(past, np.rint(last)[:, None].astype(int))]
        drift = smoothstep(beyond / width, 0.0, EVENED)[..., None]
        base = tone[rows[:, None], own] + drift * (flat - tone[rows[:, None], own])
        value = base + fine[np.where(beyond > 0, at[:, None], rows[:, None]), source]
        made[:, columns] += weight[:, None] * value
        total[:, columns] += weight[:, None]
    made /= total
    soft = (blurred(cv2.erode(known.astype(np.float32), disc(SOFT)), SOFT) * known)[..., None]
    return np.clip(np.rint(soft * colour + (1 - soft) * made), 0, 255).astype(np.uint8)


def _runs(known: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Where each row of known texels (H, N) bool ends, and which stretch of which row is repeated beyond.

    Returns:
        last: (H,) the end, even from row to row.
        at: (H,) int: the row that is repeated: its own, or where that shows little, one as near.
        ends, length: (H,) of the stretch in that row.
    """
    height, count = known.shape
    last = count - 1 - known[:, ::-1].argmax(axis=1)
    gap = ~known & (np.arange(count) < last[:, None])
    first = np.where(gap.any(axis=1), count - gap[:, ::-1].argmax(axis=1), 0)
    breadth = np.where(known.any(axis=1), last - first, 0)
    some = np.flatnonzero(breadth > 0)
    nearest = some[np.abs(np.arange(height)[:, None] - some).argmin(axis=1)]
    wide = breadth > min(WIDE * count, 0.7 * breadth.max())
    top = int(np.argmax(breadth))
    upper = top - int(np.argmin(np.append(wide[top::-1], False))) + 1
    lower = top + int(np.argmin(np.append(wide[top:], False))) - 1
    at = upper + _folded(np.arange(height) - upper, lower - upper)
    even, ends, starts = (
        gaussian_filter1d(median_filter(of.astype(float), 21, mode="nearest"), 5.0)
        for of in (last[nearest], last[at], first[at])
    )
    return even, at, ends, np.maximum(ends - starts, 4.0)


def _folded(steps: NDArray, length: int) -> NDArray:
    """Steps to and fro over a length, like light between mirrors."""
    turn = np.mod(steps, 2 * max(length, 1))
    return np.minimum(turn, 2 * max(length, 1) - turn)


def _of_rows(colour: NDArray, known: NDArray) -> NDArray:
    """(H, 1, 3) the usual colour of each row, smooth down the rows."""
    weight = known[..., None].astype(np.float32)
    sums, counts = (
        blurred(of.sum(axis=1, keepdims=True), TONE * known.shape[1]).reshape(len(known), -1)
        for of in (colour * weight, weight)
    )
    rows = np.flatnonzero(counts[:, 0] > 0.02 * counts.max())
    nearest = rows[np.abs(np.arange(len(known))[:, None] - rows).argmin(axis=1)]
    return np.asarray((sums / np.maximum(counts, 1e-6))[nearest, None])


def _tone(colour: NDArray, known: NDArray) -> NDArray:
    """(H, W, 3) the seen colours, smooth."""
    weight = known.astype(np.float32)
    wide = TONE * known.shape[1]
    return (
        blurred((colour * weight[..., None]).astype(np.float32), wide)
        / np.maximum(blurred(weight, wide), 1e-3)[..., None]
    )
