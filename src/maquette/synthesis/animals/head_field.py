"""An animal's head as a signed distance: negative inside, in IOD, see head_shape.py for the frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Mesh
from maquette.geometry.surfaces.clean import largest_piece
from maquette.geometry.surfaces.isosurface import marching_cubes
from maquette.synthesis.animals.ears import bent, ear_distance, smooth_least, smooth_most
from maquette.synthesis.animals.head_shape import AnimalExpression, AnimalShape

Place = NDArray | Sequence[float]
REST = AnimalExpression()
SKIN, EYE, NOSE, MOUTH = range(4)  # what a point of the surface is
HINGE = np.array([0.0, -0.35, -0.85], np.float32)  # of the jaw
NECK_END = -2.25  # y at which the bust is cut
LID = 1.10  # radius of the lids against the eyeball's
LIPS = 0.05  # rounding where the lips meet
BOX = np.array([[-2.1, -2.35, -3.0], [2.1, 2.25, 2.3]], np.float32)  # a corner and the other one of all heads


class FieldParts(NamedTuple):
    """Distances (N,) of what the surface is made of, and where the skin is the mouth's inside."""

    skin: NDArray
    eye: NDArray
    nose: NDArray
    inside: NDArray


def distance(points: NDArray, shape: AnimalShape, expression: AnimalExpression = REST) -> NDArray:
    """(N,) float32 signed distance of (N, 3) points: a bound that is exact in sign and zero on the surface."""
    return np.minimum.reduce(parts(points, shape, expression)[:3])


def kinds(points: NDArray, shape: AnimalShape, expression: AnimalExpression = REST) -> NDArray:
    """(N,) what is nearest: SKIN, EYE, NOSE or MOUTH."""
    found = parts(points, shape, expression)
    nearest = np.argmin(np.stack(found[:3]), axis=0)
    return np.where((nearest == SKIN) & found.inside, MOUTH, nearest)


def parts(points: NDArray, shape: AnimalShape, expression: AnimalExpression = REST) -> FieldParts:
    """The distances of skin with the inside of the mouth, of eyeballs and of the nose pad."""
    points = np.asarray(points, np.float32)
    folded = np.stack([np.abs(points[:, 0]), points[:, 1], points[:, 2]], axis=1)
    head, eye = _skull(folded, shape, expression, points[:, 0] >= 0)
    snout, inside = _snout(folded, shape, expression.jaw)
    nose, nostril = _nose(folded, shape)
    skin = smooth_least(head, snout, 0.22)
    skin = _with_neck(smooth_least(skin, _ears(points, folded, shape, expression), 0.16), folded, shape)
    skin = smooth_most(skin, -nostril, 0.04)
    return FieldParts(skin, eye, smooth_most(nose, -nostril, 0.04), inside)


def bare_distance(points: NDArray, shape: AnimalShape) -> NDArray:
    """(N,) float32: the field at rest without eyeballs, the openings of the lids and ears."""
    points = np.asarray(points, np.float32)
    folded = np.stack([np.abs(points[:, 0]), points[:, 1], points[:, 2]], axis=1)
    skin = smooth_least(_lidded_skull(folded, shape, 0.0), _snout(folded, shape, 0.0)[0], 0.22)
    nose, nostril = _nose(folded, shape)
    whole: NDArray = smooth_most(np.minimum(_with_neck(skin, folded, shape), nose), -nostril, 0.04)
    return whole


def surface(shape: AnimalShape, expression: AnimalExpression = REST, resolution: int = 64, newton: int = 2) -> Mesh:
    """The whole surface as a closed mesh in IOD, marched at a resolution and moved onto the field exactly."""
    half = (resolution + 1) // 2
    low, high = BOX
    step = (high - low) / (resolution - 1)
    axes = [low[k] + step[k] * np.arange(resolution, dtype=np.float32) for k in range(3)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    values = np.empty(grid.shape[:3], np.float32)
    values[half:] = distance(grid[half:].reshape(-1, 3), shape, expression).reshape(values[half:].shape)
    if expression.ear_left == expression.ear_right and expression.blink_left == expression.blink_right:
        values[:half] = values[::-1][:half]
    else:
        values[:half] = distance(grid[:half].reshape(-1, 3), shape, expression).reshape(values[:half].shape)
    vertices, faces, _ = largest_piece(*marching_cubes(-values))
    placed = (vertices * step + low).astype(np.float32)
    for _ in range(newton):
        placed = projected(placed, shape, expression)
    return Mesh(placed, faces.astype(np.int32))


def gradient(points: NDArray, shape: AnimalShape, expression: AnimalExpression = REST, step: float = 2e-3) -> NDArray:
    """(N, 3) the field's slope, by central differences."""
    count = len(points)
    offsets = np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32) * step
    around = (np.asarray(points, np.float32)[None] + offsets[:, None]).reshape(-1, 3)
    values = distance(around, shape, expression).reshape(6, count)
    slope: NDArray = (values[:3] - values[3:]).T / (2 * step)
    return slope


def projected(points: NDArray, shape: AnimalShape, expression: AnimalExpression = REST, reach: float = 0.1) -> NDArray:
    """(N, 3) points after one Newton step onto the surface, of at most `reach`."""
    slope = gradient(points, shape, expression)
    size = np.maximum((slope * slope).sum(axis=1), 0.05)
    move = -(distance(points, shape, expression) / size)[:, None] * slope
    length = np.linalg.norm(move, axis=1, keepdims=True)
    placed: NDArray = points + move * np.minimum(1, reach / np.maximum(length, 1e-9))
    return placed.astype(np.float32)


def widest_mouth(shape: AnimalShape) -> float:
    """x beyond which the mouth does not go, where cheeks stand beside a short muzzle."""
    return 0.03 + 1.35 * float(mouth_corner(shape)[0])


def _lip_drop(shape: AnimalShape) -> float:
    """How far below the nose pad's centre the lips meet."""
    return 0.11 + shape.pad_drop


def mouth_corner(shape: AnimalShape) -> NDArray:
    """(3,) the left corner of the mouth, before it is projected onto the skin."""
    length = shape.nose_z - shape.eye_z
    return np.array(
        [
            0.62 * shape.muzzle_back * shape.muzzle_width,
            shape.nose_y - _lip_drop(shape) - 0.03,
            shape.eye_z + 0.14 * length - 0.05,
        ],
        np.float32,
    )


def _skull(p: NDArray, shape: AnimalShape, expression: AnimalExpression, left: NDArray) -> tuple[NDArray, NDArray]:
    """Cranium, cheeks, nasal bridge, brows and lids; and the eyeball."""
    eye = p - np.array([0.5, 0, shape.eye_z], np.float32)
    opening = _lid_opening(eye, shape, expression, left)
    ball = np.sqrt((eye * eye).sum(axis=1)) - shape.eye_radius
    return smooth_most(_lidded_skull(p, shape, expression.brow), -opening, 0.03), ball


def _lidded_skull(p: NDArray, shape: AnimalShape, raised: float) -> NDArray:
    """Cranium, cheeks, nasal bridge, brows raised by so much, and shut lids."""
    radii = [shape.cranium_width, shape.cranium_height, shape.cranium_depth]
    d = _ellipsoid(p, [0, shape.cranium_y, shape.cranium_z], radii)
    r = shape.cheek_radius
    d = smooth_least(d, _ellipsoid(p, [shape.cheek_x, shape.cheek_y, shape.cheek_z], [r, 0.9 * r, r]), 0.5)
    front = [0, shape.nose_y + 0.10, shape.nose_z - 0.12]
    d = smooth_least(d, _cone(p, [0, 0.14, -0.34], front, shape.bridge_back, shape.bridge_front), 0.25)
    brow = [0.46, 1.05 * shape.eye_radius + 0.05 + raised, shape.eye_z - 0.14]
    d = smooth_least(d, _ellipsoid(p, brow, [0.32, 0.13, 0.15 + 0.7 * shape.brow]), 0.28)
    eye = p - np.array([0.5, 0, shape.eye_z], np.float32)
    return smooth_least(d, np.sqrt((eye * eye).sum(axis=1)) - LID * shape.eye_radius, 0.14)


def _snout(p: NDArray, shape: AnimalShape, jaw: float) -> tuple[NDArray, NDArray]:
    """Muzzle and lower jaw, parted by the mouth line; and where its surface is the mouth's inside.

    One solid is cut along the line, and what lies below turns with the jaw.
    """
    upper, above = _closed_snout(p, shape), _mouth_line(p, shape)
    turned = _turned(p, jaw)
    lower, below = (_closed_snout(turned, shape), -_mouth_line(turned, shape)) if jaw else (upper, -above)
    before = np.minimum((p[:, 2] - mouth_corner(shape)[2]) / 0.2, (widest_mouth(shape) - p[:, 0]) / 0.1)
    before = np.clip(before, -1, 1)
    shift = 0.3 * (1 - before)  # behind the corners nothing is cut
    cut_upper, cut_lower = smooth_most(upper, above - shift, LIPS), smooth_most(lower, below - shift, LIPS)
    snout = smooth_least(cut_upper, cut_lower, 0.03)
    inside = np.where(cut_upper < cut_lower, above - shift > upper, below - shift > lower) & (before > 0)
    return snout, inside & (jaw > 0)


def _closed_snout(p: NDArray, shape: AnimalShape) -> NDArray:
    """Muzzle, whisker pads, jaw and chin of a shut mouth."""
    start = [0, 0.72 * shape.nose_y - 0.10, -0.55]
    tip = [0, shape.nose_y - 0.12, shape.nose_z - shape.muzzle_front - 0.04]
    d = _cone(p, start, tip, shape.muzzle_back, shape.muzzle_front, shape.muzzle_width)
    a = shape.pad_radius
    low = max(shape.nose_y - shape.pad_drop, shape.nose_y - _lip_drop(shape) + 0.85 * a - 0.05)  # above the lower lip
    pad = [shape.pad_x, low, shape.nose_z - a - 0.04]
    d = smooth_least(d, _ellipsoid(p, pad, [a, 0.85 * a, 0.95 * a]), 0.15)
    lip = shape.nose_y - _lip_drop(shape) + 0.03
    back, front = [0, lip - 0.02, mouth_corner(shape)[2] - 0.1], [0, lip, shape.nose_z - shape.muzzle_front - 0.06]
    tall = 0.5 * shape.muzzle_front  # of the lips' side walls, on which the mouth lies
    d = smooth_least(d, _cone(p, back, front, 1.2 * tall, tall, 1.7 * shape.muzzle_width), 0.12)
    hinge = [0, shape.nose_y * 0.55 - 0.42, -0.75]
    chin = [0, shape.nose_y - shape.chin_drop + 0.02, shape.nose_z - shape.chin_radius - 0.14]
    d = smooth_least(d, _cone(p, hinge, chin, shape.jaw_radius, shape.chin_radius, 1.25), 0.14)
    return d + _philtrum(p, shape)


def _philtrum(p: NDArray, shape: AnimalShape) -> NDArray:
    """The furrow from the nose to the lips, by how far it lies below the skin."""
    top, bottom = shape.nose_y - 0.2 * shape.nose_width, shape.nose_y - _lip_drop(shape)
    high = np.clip((top - p[:, 1]) / 0.05, 0, 1) * np.clip((p[:, 1] - bottom) / 0.05 + 1, 0, 1)
    ahead = np.clip((p[:, 2] - shape.nose_z) / shape.pad_radius + 1.5, 0, 1)
    depth: NDArray = (0.016 * high * ahead * np.exp(-((p[:, 0] / 0.032) ** 2))).astype(np.float32)
    return depth


def _lid_opening(eye: NDArray, shape: AnimalShape, expression: AnimalExpression, left: NDArray) -> NDArray:
    """The almond cut out between the lids, around points relative to the eyeball's centre."""
    open_left, open_right = 1 - expression.blink_left, 1 - expression.blink_right
    opened = open_left if open_left == open_right else np.where(left, open_left, open_right).astype(np.float32)
    cosine, sine = np.cos(shape.lid_tilt), np.sin(shape.lid_tilt)
    x = (eye[:, 0] * cosine + eye[:, 1] * sine) / (shape.lid_width * shape.eye_radius)
    y = (eye[:, 1] * cosine - eye[:, 0] * sine) / shape.eye_radius
    bow = np.maximum(1 - x * x, -1)
    shut = -0.45 * shape.lid_height * (1 - opened) * np.maximum(bow, 0)  # where the lids meet: low, and bent
    most = np.where(y > shut, 1.0, 0.8) * shape.lid_height * bow * opened
    across = (np.abs(y - shut) - most) * shape.eye_radius * 0.55 + 0.02 * (1 - opened)
    opening: NDArray = np.maximum(across, 0.15 * shape.eye_radius - eye[:, 2]).astype(np.float32)
    return opening


def _turned(p: NDArray, jaw: float) -> NDArray:
    """Points as a jaw sees them that is open by an angle."""
    if not jaw:
        return p
    cosine, sine = np.float32(np.cos(jaw)), np.float32(np.sin(jaw))
    y, z = p[:, 1] - HINGE[1], p[:, 2] - HINGE[2]
    return np.stack([p[:, 0], HINGE[1] + cosine * y + sine * z, HINGE[2] + cosine * z - sine * y], axis=1)


def mouth_height(p: NDArray, shape: AnimalShape) -> NDArray:
    """(N,) y of the surface in which the shut lips meet, above or below (N, 3) points."""
    corner = mouth_corner(shape)
    reach = np.clip(np.abs(p[:, 0]) / max(float(corner[0]), 0.1), 0, 1.3)
    lip = shape.nose_y - _lip_drop(shape)
    sag = 0.34 * shape.pad_radius * np.sin(np.pi * np.clip(reach * 1.25, 0, 1)) ** 2
    height: NDArray = lip - sag + (corner[1] - lip) * reach**2
    return height


def _mouth_line(p: NDArray, shape: AnimalShape) -> NDArray:
    """How far below the lips' meeting surface points lie."""
    below: NDArray = mouth_height(p, shape) - p[:, 1]
    return below


def _neck(p: NDArray, shape: AnimalShape) -> NDArray:
    """The neck, and a mane around it."""
    start, end = [0, -0.55, -1.35], [0, -3.2, -1.35 - 2.65 * shape.neck_lean]
    d = _cone(p, start, end, shape.neck_radius, 1.2 * shape.neck_radius)
    if shape.mane > 0:
        m = shape.mane
        d = smooth_least(d, _ellipsoid(p, [0, -0.25, -1.5], [1.15 + m, 1.15 + m, 0.85]), 0.3)
        d = smooth_least(d, _ellipsoid(p, [0, -1.5, -1.1], [0.9 + 0.5 * m, 1.1, 0.6 + 0.4 * m]), 0.3)
    return d


def _with_neck(skin: NDArray, p: NDArray, shape: AnimalShape) -> NDArray:
    """The head on its neck, which ends in a plane."""
    skin = smooth_least(skin, _neck(p, shape), 0.45)
    return smooth_most(skin, NECK_END - 0.12 * p[:, 2] - p[:, 1] - 0.3, 0.08)


def _ears(points: NDArray, folded: NDArray, shape: AnimalShape, expression: AnimalExpression) -> NDArray:
    """Both ears."""
    if expression.ear_left == expression.ear_right:
        return ear_distance(shape, folded, expression.ear_left)
    d = np.empty(len(points), np.float32)
    for side, turn in ((points[:, 0] >= 0, expression.ear_left), (points[:, 0] < 0, expression.ear_right)):
        d[side] = ear_distance(shape, folded[side], turn)
    return d


def _nose(p: NDArray, shape: AnimalShape) -> tuple[NDArray, NDArray]:
    """The nose pad, and a nostril: a comma that runs out to the side."""
    w = shape.nose_width
    centre = np.array([0, shape.nose_y, shape.nose_z])
    taper = (1 + 0.45 * np.clip((p[:, 1] - shape.nose_y) / w, -1, 1)).astype(np.float32)  # wide above
    q = np.stack([p[:, 0] / taper, p[:, 1], p[:, 2]], axis=1)
    pad = _ellipsoid(q, centre, [w, 0.62 * w, 0.55 * w]) * 0.8
    inner = centre + np.array([0.40 * w, -0.10 * w, 0.50 * w])
    outer = centre + np.array([0.98 * w, 0.05 * w, 0.16 * w])
    return pad, _cone(p, inner, outer, 0.17 * w, 0.08 * w)


def _ellipsoid(p: NDArray, centre: Place, radii: Sequence[float]) -> NDArray:
    """A bound of the distance to an ellipsoid."""
    r = np.asarray(radii, np.float32)
    q = (p - np.asarray(centre, np.float32)) / r
    near = np.sqrt((q * q).sum(axis=1))
    q /= r
    slope = np.sqrt((q * q).sum(axis=1))
    bound: NDArray = near * (near - 1) / np.maximum(slope, 1e-6)
    return bound


def _cone(p: NDArray, start: Place, end: Place, first: float, last: float, wide: float = 1.0) -> NDArray:
    """A bound of the distance to a round cone between two centres with radii, stretched sideways."""
    a, b = np.asarray(start, np.float32), np.asarray(end, np.float32)
    off = p - a
    if wide != 1:
        off[:, 0] /= wide
    along = b - a
    t = np.clip(off @ (along / (along @ along)), 0, 1)
    off = off - t[:, None] * along
    bound: NDArray = (np.sqrt((off * off).sum(axis=1)) - (first + (last - first) * t)) * np.float32(min(1.0, wide))
    return bound


def ear_points(shape: AnimalShape, sheet: NDArray, turn: float = 0.0) -> NDArray:
    """(N, 3) places of the left ear given on its sheet as shares of half width, length, and off the middle in IOD."""
    scale = np.array([shape.ear_width, shape.ear_length, 1.0])
    return bent(shape, np.asarray(sheet, float) * scale, turn)
