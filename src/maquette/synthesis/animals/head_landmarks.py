"""The 20 landmarks of an animal's face, as points of the field's surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.perception.pets.schemes import FLIPPED
from maquette.synthesis.animals import head_field
from maquette.synthesis.animals.ears import half_thickness
from maquette.synthesis.animals.head_shape import AnimalExpression, AnimalShape

NAMES = (
    *("eye outer R", "eye inner R", "eye inner L", "eye outer L", "nose tip", "nasal root", "forehead"),
    *("mouth R", "mouth L", "upper lip", "lower lip", "chin", "ear outer R", "ear tip R", "ear inner R"),
    *("ear inner L", "ear tip L", "ear outer L", "cheek R", "cheek L"),
)
LEFT = {"eye inner": 2, "eye outer": 3, "mouth": 8, "ear inner": 15, "ear tip": 16, "ear outer": 17, "cheek": 19}
MIDDLE = {"nose tip": 4, "nasal root": 5, "forehead": 6, "upper lip": 9, "lower lip": 10, "chin": 11}
STEPS = 96  # along a ray, before Newton's method


def landmarks(shape: AnimalShape, expression: AnimalExpression = head_field.REST) -> NDArray:
    """(20, 3) float32 IOD, in the order of NAMES; R and L are the animal's own sides."""
    points = np.zeros((20, 3), np.float32)
    for name, place in _middle_points(shape, expression).items():
        points[MIDDLE[name]] = place
    for turn, mirrored in ((expression.ear_left, False), (expression.ear_right, True)):
        for name, place in _left_points(shape, expression, turn).items():
            index = LEFT[name]
            points[FLIPPED[index] if mirrored else index] = place * ([-1, 1, 1] if mirrored else [1, 1, 1])
    middle = list(MIDDLE.values())
    for _ in range(6):
        points = head_field.projected(points, shape, expression)
        points[middle, 0] = 0
    return points


def _middle_points(shape: AnimalShape, expression: AnimalExpression) -> dict[str, NDArray]:
    forward = np.array([0.0, 0, 1])
    tip = np.array([0, shape.nose_y, shape.nose_z + 0.55 * shape.nose_width])
    heights = np.linspace(0.3, -0.15, 19)
    starts = np.stack([0 * heights, heights, 0 * heights - 0.6], axis=1)
    profile = np.array([cast(start, forward, shape, expression) for start in starts])
    sag = profile[:, 2] - np.interp(heights, heights[[-1, 0]], profile[[-1, 0], 2])
    ears = 0.5 * (shape.ear_y + shape.cranium_y + shape.cranium_height)
    crown = cast(np.array([0, 0.5 * ears, shape.cranium_z]), forward, shape, expression)
    lip = head_field.mouth_height(np.zeros((1, 3), np.float32), shape)[0]
    front = shape.nose_z - 0.5 * shape.pad_radius - 0.2
    lower, chin = (
        cast(
            opened(np.array(start), expression.jaw),
            opened(np.array(way), expression.jaw, turn_only=True),
            shape,
            expression,
        )
        for start, way in (
            ([0, lip - 0.03, front - 0.25], [0, 0, 1.0]),
            ([0, lip - 0.03, front - 0.15], [0, -1.0, 0.0]),
        )
    )
    return {
        "nose tip": tip,
        "nasal root": profile[int(np.argmin(sag[1:-1])) + 1],
        "forehead": crown,
        "upper lip": cast(np.array([0, lip + 0.03, front - 0.25]), forward, shape, expression),
        "lower lip": lower,
        "chin": chin,
    }


def _left_points(shape: AnimalShape, expression: AnimalExpression, turn: float) -> dict[str, NDArray]:
    corner = head_field.mouth_corner(shape).astype(float)
    aside = np.array([1.0, 0, 0])
    reach = 0.97 * shape.lid_width * shape.eye_radius
    across = np.array([np.cos(shape.lid_tilt), np.sin(shape.lid_tilt), 0])
    eye = np.array([0.5, 0, shape.eye_z])
    inner, outer = (eye + side * reach * across for side in (-1, 1))
    forward = np.array(
        [0, 0, np.sqrt(max((head_field.LID**2 - 0.9 * shape.lid_width**2) * shape.eye_radius**2, 0)) + 0.01]
    )
    edge = half_thickness(np.array([1.0]))[0]
    sheet = np.array([[0, 1.0 - 0.3 * edge / shape.ear_length, 0], [-0.92, 0.12, 0], [0.92, 0.12, 0]])
    tip, inside, outside = head_field.ear_points(shape, sheet, turn)
    return {
        "eye inner": inner + forward,
        "eye outer": outer + forward,
        "mouth": _mouth_end(shape, expression),
        "ear tip": tip,
        "ear inner": inside,
        "ear outer": outside,
        "cheek": cast(np.array([0.0, corner[1], shape.cheek_z]), aside, shape, expression),
    }


def _mouth_end(shape: AnimalShape, expression: AnimalExpression) -> NDArray:
    """(3,) the left corner of the mouth: aside of its end, or where cheeks stand there, before them."""
    corner = head_field.mouth_corner(shape).astype(float)
    end = cast(np.array([0, corner[1], corner[2]]), np.array([1.0, 0, 0]), shape, expression)
    widest = 0.95 * head_field.widest_mouth(shape)
    if end[0] > widest:
        end = cast(np.array([widest, corner[1], corner[2] - 0.3]), np.array([0, 0, 1.0]), shape, expression)
    return end


def opened(point: NDArray, jaw: float, turn_only: bool = False) -> NDArray:
    """(3,) where a point of the shut lower jaw is when it is open by an angle; turn_only: of a direction."""
    cosine, sine = np.cos(jaw), np.sin(jaw)
    hinge = np.zeros(3) if turn_only else head_field.HINGE.astype(float)
    y, z = (point - hinge)[1:]
    return hinge + np.array([point[0], cosine * y - sine * z, cosine * z + sine * y])


def cast(start: NDArray, direction: NDArray, shape: AnimalShape, expression: AnimalExpression) -> NDArray:
    """(3,) where a ray from inside leaves the head."""
    reach = np.linspace(0, 2.6, STEPS)
    line = start + reach[:, None] * direction
    values = head_field.distance(line, shape, expression)
    leaving = np.flatnonzero((values[:-1] < 0) & (values[1:] >= 0))
    if not len(leaving):
        return line[int(np.argmin(np.abs(values)))]
    first = int(leaving[0])
    share = values[first] / (values[first] - values[first + 1])
    place: NDArray = line[first] + share * (line[first + 1] - line[first])
    return place
