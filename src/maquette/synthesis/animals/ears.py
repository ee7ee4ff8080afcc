"""An ear as a cupped sheet that may be folded over: its distance field, and the way from the sheet to space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.synthesis.animals.head_shape import AnimalShape

ROOT = 0.35  # of the length, that the sheet runs on inside the head
FOLD_RADIUS = 0.14  # of the length, of the bend where a flap folds over
THICK_TIP, THICK_ROOT = 0.042, 0.085  # half thickness, IOD
OVERLAP = 0.03  # of the straight and the bent pieces of a folded ear, IOD
SCALE = 0.75  # of the sheet's own distances, so that bent and tapered ones do not overstate


def rotation(shape: AnimalShape, turn: float = 0.0) -> NDArray:
    """(3, 3), columns: across, along and the inner face's direction of the left ear, in the head's frame."""
    yaw, tilt, back = shape.ear_yaw + turn, -shape.ear_tilt, -0.08
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, back, tilt) for f in (np.cos, np.sin))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    product: NDArray = about_z @ about_x @ about_y
    return product


def root(shape: AnimalShape) -> NDArray:
    """(3,) the left ear's root."""
    return np.array([shape.ear_x, shape.ear_y, shape.ear_z])


def half_width(shape: AnimalShape, along: NDArray) -> NDArray:
    """Half the sheet's width at shares of its length; it narrows again inside the head."""
    share = np.clip(along, 0, 1)
    rest = np.maximum(1 - share**shape.ear_taper, 0) ** (1 / shape.ear_round)
    width: NDArray = shape.ear_width * rest * (1 - 1.6 * np.clip(-along, 0, 0.4))
    return width


def half_thickness(along: NDArray) -> NDArray:
    """Half the sheet's thickness at shares of its length."""
    rest: NDArray = THICK_TIP + (THICK_ROOT - THICK_TIP) * np.clip(1 - along, 0, 1.2) ** 2
    return rest


def hollow(shape: AnimalShape, along: NDArray) -> NDArray:
    """Curvature of the sheet across at shares of its length, per IOD; a flap that is folded over is flat."""
    flat = min(1.0, shape.ear_fold) * np.clip((along - shape.ear_fold_at) / 0.2 + 1, 0, 1)
    curve: NDArray = shape.ear_cup / shape.ear_width * (1 - 0.9 * flat)
    return curve


def bent(shape: AnimalShape, sheet: NDArray, turn: float = 0.0) -> NDArray:
    """From the sheet to the head's frame, left ear.

    Args:
        sheet: (..., 3) IOD: across, along, and off the cupped middle surface toward the inner face.
        turn: radians outward, beyond the shape's yaw.
    """
    across, along = sheet[..., 0], sheet[..., 1]
    off = sheet[..., 2] + hollow(shape, along / shape.ear_length) * across**2
    start, radius = shape.ear_fold_at * shape.ear_length, FOLD_RADIUS * shape.ear_length
    angle = np.clip((along - start) / radius, 0, shape.ear_fold)
    rest = np.where(along > start, along - start - radius * angle, 0)
    up = np.minimum(along, start) + (radius - off) * np.sin(angle) + rest * np.cos(angle)
    front = radius - (radius - off) * np.cos(angle) + rest * np.sin(angle)
    local = np.stack([across, up, front], axis=-1)
    placed: NDArray = local @ rotation(shape, turn).T + root(shape)
    return placed


def ear_distance(shape: AnimalShape, points: NDArray, turn: float = 0.0) -> NDArray:
    """(N,) a lower bound of the signed distance of (N, 3) points to the left ear."""
    local = (points - root(shape).astype(points.dtype)) @ rotation(shape, turn).astype(points.dtype)
    across, up, front = local.T
    if shape.ear_fold < 1e-3:
        return _sheet(shape, across, up, front)
    start, radius = shape.ear_fold_at * shape.ear_length, FOLD_RADIUS * shape.ear_length
    before = np.maximum(_sheet(shape, across, up, front), up - start - OVERLAP)
    turned = np.arctan2(up - start, radius - front)
    inside = np.clip(turned, 0, shape.ear_fold)
    toward = (up - start) * np.sin(inside) + (radius - front) * np.cos(inside)
    beside = np.abs((up - start) * np.cos(inside) - (radius - front) * np.sin(inside))
    curve = np.maximum(_sheet(shape, across, start + radius * inside, radius - toward), beside - OVERLAP)
    cosine, sine = np.cos(shape.ear_fold), np.sin(shape.ear_fold)
    rest = (up - start) * cosine - (radius - front) * sine
    off = radius - ((up - start) * sine + (radius - front) * cosine)
    after = np.maximum(_sheet(shape, across, start + radius * shape.ear_fold + rest, off), -rest - OVERLAP)
    joined: NDArray = np.minimum(np.minimum(before, curve), after)
    return joined


def _sheet(shape: AnimalShape, across: NDArray, along: NDArray, off: NDArray) -> NDArray:
    """The flat sheet's distance."""
    share = along / shape.ear_length
    aside = (np.abs(across) - half_width(shape, share)) * 0.7
    thick = np.abs(off - hollow(shape, share) * across**2) - half_thickness(share)
    ends = np.maximum(along - shape.ear_length, -along - ROOT * shape.ear_length)
    flat: NDArray = SCALE * smooth_most(smooth_most(aside, thick, 0.06), ends, 0.06)
    return flat


def smooth_least(a: NDArray, b: NDArray, k: float) -> NDArray:
    """The smaller of two, rounded where they differ by less than k (polynomial smooth minimum)."""
    h = np.maximum(k - np.abs(a - b), 0)
    least: NDArray = np.minimum(a, b) - h * h * (0.25 / k)
    return least


def smooth_most(a: NDArray, b: NDArray, k: float) -> NDArray:
    """The larger of two, rounded where they differ by less than k."""
    most: NDArray = -smooth_least(-a, -b, k)
    return most
