"""Places that every head has, by which one head's mesh is carried to another: the left half, in IOD.

All are found on the bare head (no ears, no openings) by rays from inside its parts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.synthesis.animals import ears
from maquette.synthesis.animals.head_field import LID, bare_distance, mouth_corner, mouth_height, widest_mouth
from maquette.synthesis.animals.head_shape import AnimalShape

RIM = 32  # corners of the opening between the lids
LIPS = 21  # places along half the mouth, the corner included
ACROSS = 13  # columns of an ear's face
EAR = 2 * (ACROSS - 1)  # corners of an ear's root
FLOOR, SLOPE = -2.55, -0.12  # the plane in which the neck ends: y = FLOOR + SLOPE z
MOST = 3.6  # IOD, of a ray
INSIDE = np.array([0.0, -0.35, -0.95])  # a point from which the whole head of the template is seen


def leaving(starts: NDArray, ways: NDArray, shape: AnimalShape, outermost: bool = False) -> NDArray:
    """(N, 3) where rays from inside leave the bare head, for the first time or the last."""
    ways = ways / np.linalg.norm(ways, axis=1, keepdims=True)
    reach = np.linspace(0, MOST, 91)
    values = _along(starts, ways, reach[None].repeat(len(ways), 0), shape)
    crossing = (values[:, :-1] < 0) & (values[:, 1:] >= 0)
    first = crossing.shape[1] - 1 - crossing[:, ::-1].argmax(1) if outermost else crossing.argmax(1)
    low, high = reach[first], reach[first + 1]
    for _ in range(14):
        middle = 0.5 * (low + high)
        inside = _along(starts, ways, middle[:, None], shape)[:, 0] < 0
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    place: NDArray = starts + low[:, None] * ways
    return place


def _along(starts: NDArray, ways: NDArray, reach: NDArray, shape: AnimalShape) -> NDArray:
    points = starts[:, None] + reach[..., None] * ways[:, None]
    return bare_distance(points.reshape(-1, 3), shape).reshape(reach.shape)


def lid_rim(shape: AnimalShape, radius: float = LID, grow: float = 0.0) -> NDArray:
    """(RIM, 3) the left eye's opening on a ball of so many eye radii, from the outer corner over the top and round."""
    wide = shape.lid_width * shape.eye_radius
    x = np.linspace(1, -1, 400)
    high = shape.lid_height * shape.eye_radius * (1 - x * x)
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x) * wide, np.diff(high)))])
    at = np.interp(np.linspace(0, length[-1], RIM // 2 + 1), length, x)
    upper = np.stack([at * (wide + grow), shape.lid_height * (1 - at**2) * shape.eye_radius], 1)
    lower = upper[-2:0:-1] * [1, -0.8]
    flat = np.concatenate([upper, lower])
    cosine, sine = np.cos(shape.lid_tilt), np.sin(shape.lid_tilt)
    x, y = flat[:, 0] * cosine - flat[:, 1] * sine, flat[:, 1] * cosine + flat[:, 0] * sine
    z = np.sqrt(np.maximum((radius * shape.eye_radius) ** 2 - x * x - y * y, 0))
    return np.stack([0.5 + x, y, shape.eye_z + z], axis=1)


def mouth_line(shape: AnimalShape) -> NDArray:
    """(LIPS, 3) where the shut lips meet, from the middle to the left corner, evenly along."""
    corner = mouth_corner(shape).astype(float)
    turn = np.linspace(0, 0.5 * np.pi, 60)
    reach = np.linspace(0, MOST, 181)
    x, z = np.sin(turn)[:, None] * reach, corner[2] + np.cos(turn)[:, None] * reach
    points = np.stack([x, 0 * x, z], axis=-1)
    points[..., 1] = mouth_height(points.reshape(-1, 3), shape).reshape(x.shape)
    values = bare_distance(points.reshape(-1, 3), shape).reshape(x.shape)
    first = ((values[:, :-1] < 0) & (values[:, 1:] >= 0)).argmax(axis=1)
    rows = np.arange(len(turn))
    before, after = values[rows, first], values[rows, first + 1]
    share = (before / (before - after))[:, None]
    line = points[rows, first] * (1 - share) + points[rows, first + 1] * share
    beyond = line[:, 0] > 0.95 * widest_mouth(shape)
    return evenly(line[: int(beyond.argmax())] if beyond.any() else line, LIPS)


def evenly(line: NDArray, count: int) -> NDArray:
    """(count, 3) points evenly along a line (n, 3), ends included."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0, length[-1], count)
    return np.stack([np.interp(at, length, line[:, k]) for k in range(3)], axis=1)


def ear_columns() -> tuple[NDArray, NDArray]:
    """(EAR,) shares across and the face, -1 outer and 1 inner (0 on the edges), round the ear."""
    across = np.sin(np.linspace(-0.5 * np.pi, 0.5 * np.pi, ACROSS))
    face = np.ones(ACROSS) * -1
    face[[0, -1]] = 0
    return np.concatenate([across, across[-2:0:-1]]), np.concatenate([face, -face[-2:0:-1]])


def ear_sheet(shape: AnimalShape, along: NDArray) -> NDArray:
    """(n, EAR, 3) places of the left ear at shares (n, EAR) of its length."""
    across, face = ear_columns()
    thick = ears.half_thickness(along) * np.sqrt(np.maximum(1 - across**2, 0)) * face
    sheet = np.stack([across * ears.half_width(shape, along), along * shape.ear_length, thick], axis=-1)
    return ears.bent(shape, sheet)


def ear_root(shape: AnimalShape) -> NDArray:
    """(EAR,) shares of the ear's length at which its lines leave the head."""
    shares = np.linspace(-ears.ROOT, 0.6, 60)
    lines = ear_sheet(shape, shares[:, None].repeat(EAR, 1))
    values = bare_distance(lines.reshape(-1, 3), shape).reshape(60, EAR)
    crossing = (values[:-1] < 0) & (values[1:] >= 0)
    first = crossing.argmax(axis=0)
    columns = np.arange(EAR)
    before, after = values[first, columns], values[first + 1, columns]
    share = np.where(crossing.any(axis=0), before / np.where(before == after, 1, before - after), 0)
    root = shares[first] + share * (shares[1] - shares[0])
    return np.asarray(_smooth_ring(np.minimum(root, 0.5)))


def _smooth_ring(values: NDArray) -> NDArray:
    for _ in range(2):
        values = 0.5 * values + 0.25 * (np.roll(values, 1) + np.roll(values, -1))
    return values


def _parts(shape: AnimalShape) -> list[tuple[list[float], list[list[float]]]]:
    """Centres inside the head and directions from them."""
    w, nose = shape.nose_width, np.array([0, shape.nose_y, shape.nose_z])
    cranium = [0, shape.cranium_y, shape.cranium_z]
    cheek = [shape.cheek_x, shape.cheek_y, shape.cheek_z]
    chin = [0, shape.nose_y - shape.chin_drop + 0.02, shape.nose_z - shape.chin_radius - 0.14]
    found = [
        (cranium, [[0, 1, 0], [0, 0.7, -0.7], [0, 0.1, -1], [1, 0.1, 0], [0.7, 0.7, 0], [0.75, 0.1, -0.7]]),
        (cranium, [[0.5, 0.55, -0.7], [0, 0.72, 0.7], [0.5, 0.65, 0.6], [0, 0.95, 0.35]]),
        (cheek, [[1, 0, 0], [0.8, 0, 0.6], [0.7, -0.7, 0.2], [0.9, -0.2, -0.5], [0.3, 0.1, 1]]),
        (list(nose), [[0, 0, 1], [0, 1, 0.5], [1, 0, 0.3], [0.7, 0.6, 0.4], [0, -1, 0.8], [0.7, -0.6, 0.5]]),
        ([0.5 * w, shape.nose_y + 0.2 * w, shape.nose_z - 0.6 * w], [[1, 0.4, 0]]),
        (
            [0.6 * shape.pad_x, nose[1] - shape.pad_drop, nose[2] - shape.pad_radius - 0.04],
            [[0.2, 0.1, 1], [0.8, 0, 0.7], [1, 0.1, 0]],
        ),
        (chin, [[0, 0, 1], [0, -1, 0.2], [0.8, -0.5, 0.1]]),
        ([0.46, 1.05 * shape.eye_radius, shape.eye_z - 0.2], [[0, 0.5, 1], [0.5, 0.4, 0.7], [-0.6, 0.4, 0.9]]),
    ]
    for t in (0.1, 0.4, 0.7):  # from the nasal root to the nose, and along muzzle and jaw
        bridge = np.array([0, 0.14, -0.34]) * (1 - t) + (nose + np.array([0, 0.10, -0.12])) * t
        found.append((list(bridge), [[0, 1, 0.45], [0.9, 0.6, 0.3]]))
        muzzle = np.array([0, 0.72 * nose[1] - 0.10, -0.35]) * (1 - t) + (nose + np.array([0, -0.12, -0.3])) * t
        found.append((list(muzzle), [[1, 0.1, 0.1]]))
    for t in (0.72, 0.9):
        jaw = np.array([0, nose[1] * 0.55 - 0.42, -0.6]) * (1 - t) + np.array(chin) * t
        found.append((list(jaw), [[0, -1, 0.1], [0.8, -0.8, 0]]))
    for t in (0.35, 0.62):
        neck = [0, -0.55 - 2.65 * t, -1.35 - 2.65 * t * shape.neck_lean]
        turn = np.linspace(0, np.pi, 5)[0 if t > 0.5 else 1 :]  # the chin may hang before the upper ring
        found.append((neck, [[np.sin(a), 0.0, np.cos(a)] for a in turn]))
    return found


def throat(shape: AnimalShape) -> NDArray:
    """(2, 3) where jaw and neck meet, in the middle and aside: nearest to the head's inside between chin and neck."""
    found = []
    turn = -np.radians(np.linspace(38, 84, 40))
    for aside in (0.0, 0.6):
        ways = np.stack([np.sin(aside) * np.cos(turn), np.sin(turn), np.cos(aside) * np.cos(turn)], axis=1)
        points = leaving(np.broadcast_to(INSIDE, ways.shape), ways, shape)
        far = np.linalg.norm(points - INSIDE, axis=1)
        weight = np.exp(-(far - far.min()) / 0.03)
        found.append((weight[:, None] * points).sum(axis=0) / weight.sum())
    return np.array(found)


def anchors(shape: AnimalShape) -> NDArray:
    """(A, 3) places of the left half and its middle (x = 0), in a fixed order; see `mirrored`."""
    starts, ways = [], []
    for centre, directions in _parts(shape):
        starts += [centre] * len(directions)
        ways += directions
    found = leaving(np.array(starts, float), np.array(ways, float), shape)
    necks = throat(shape)
    under = [[0, shape.nose_y - 0.3, necks[0, 2] * (1 - t) + (shape.nose_z - 0.3) * t] for t in (0.3, 0.55)]
    below = leaving(np.array(under), np.broadcast_to([0, -1.0, 0.02], (2, 3)), shape)
    found = np.concatenate([found, necks, below])
    rim = lid_rim(shape)[::4]
    line = mouth_line(shape)[::2]
    root = ear_sheet(shape, ear_root(shape)[None])[0][::2]
    base = [0.0, 0.0, -1.35 - 2.65 * 0.69 * shape.neck_lean]
    base[1] = FLOOR + SLOPE * base[2]
    wide = shape.neck_radius * (1 + 0.2 * 0.72)
    turn = np.linspace(0, np.pi, 5)
    edge = np.stack([wide * np.sin(turn), 0 * turn, base[2] + wide * np.cos(turn)], axis=1)
    edge[:, 1] = FLOOR + SLOPE * edge[:, 2]
    points = np.concatenate([found, rim, line, root, [base], edge])
    points[np.abs(points[:, 0]) < 1e-6, 0] = 0
    return points
