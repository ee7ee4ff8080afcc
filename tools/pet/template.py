"""The skin's mesh on one head: points relaxed on its surface, with loops around eyes, mouth and ears.

The head is seen whole from a point inside it, so the convex hull of the directions is a triangulation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, cKDTree

from maquette.synthesis.animals.head_field import mouth_height
from maquette.synthesis.animals.head_shape import CAT, DOG, WILD, AnimalShape, shape_of
from pet import places
from pet.places import EAR, LIPS, RIM

CENTRE = places.INSIDE
RINGS = (0.05, 0.12, 0.21)  # of vertices around the lids' rim, as shares of its width grown
ROUNDS = 60


@dataclass(frozen=True, eq=False)
class SkinTemplate:
    """The left half of the skin (x >= 0) on the reference head.

    Attributes:
        vertices: (V, 3) IOD. faces: (F, 3), outward, the holes of eye and ear left out.
        filled: (F', 3): with eye and ear filled, without the neck's end.
        rim: (RIM,) vertices of the lids' edge. root: (EAR,) of the ear's root.
        upper, lower: (LIPS,) vertices along the lips from the middle to the corner, which they share.
        middle: (V,) bool, on the plane of symmetry. base: (F,) bool, the neck's end.
        lids: (n, RIM) rings of vertices around the rim, the first nearest.
        edge: (n,) vertices of the neck's end, from the front to the back.
    """

    vertices: NDArray
    faces: NDArray
    filled: NDArray
    rim: NDArray
    root: NDArray
    upper: NDArray
    lower: NDArray
    middle: NDArray
    base: NDArray
    lids: NDArray
    edge: NDArray


def reference() -> AnimalShape:
    """Between the species, of a moderate muzzle: the head on which the mesh is made."""
    mean = (CAT.vector() + DOG.vector() + WILD.vector()) / 3
    return replace(shape_of(mean), nose_z=0.5, pad_x=0.2, pad_radius=0.22, muzzle_front=0.33, muzzle_width=1.3)


def spacing(points: NDArray, shape: AnimalShape) -> NDArray:
    """(N,) wanted edge length, IOD."""
    x = np.stack([np.abs(points[:, 0]), points[:, 1], points[:, 2]], axis=1)
    nose = np.array([0, shape.nose_y, shape.nose_z])
    eye = np.linalg.norm((x - [0.5, 0, shape.eye_z]) / [1, 1, 1], axis=1)
    tip = np.linalg.norm(x - nose - [0, -0.15, 0], axis=1)
    behind = np.maximum(places.mouth_corner(shape)[2] - x[:, 2], 0)
    line = np.abs(x[:, 1] - mouth_height(x.astype(np.float32), shape)) + 3 * behind
    back = np.maximum(-0.6 - x[:, 2], 0)
    low = np.maximum(-1.2 - x[:, 1], 0)
    size = 0.080 + 0.06 * back + 0.07 * low
    for distance, least, reach in ((eye, 0.042, 0.6), (tip, 0.034, 0.6), (line, 0.050, 0.35)):
        size = np.minimum(size, least + (0.080 - least) * np.maximum(distance - 0.18, 0) / reach)
    return np.minimum(size, 0.2)


def outward(ways: NDArray, shape: AnimalShape) -> NDArray:
    """(N, 3) the surface in directions from the centre."""
    return places.leaving(np.broadcast_to(CENTRE, ways.shape), ways, shape, outermost=True)


def _moved_onto(points: NDArray, shape: AnimalShape) -> NDArray:
    return outward(points - CENTRE, shape)


def _rings(shape: AnimalShape) -> NDArray:
    """(4, RIM, 3) the rim and rings around it."""
    rim = places.lid_rim(shape)
    centre = rim.mean(axis=0)
    flat = rim[:, :2] - centre[:2]
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    rings = [rim]
    for k, grow in enumerate(RINGS):
        share = (k + 1) / (len(RINGS) + 1)
        even = flat / length * length.mean()
        way = flat * (1 - share) + even * share
        grown = way * (1 + grow / np.linalg.norm(way, axis=1, keepdims=True))
        points = np.column_stack([centre[:2] + grown, np.full(RIM, centre[2])])
        start = points - [0, 0, 0.5]
        rings.append(places.leaving(start, np.broadcast_to([0, 0, 1.0], start.shape), shape, outermost=True))
    return np.array(rings)


def _lip_rows(line: NDArray, shape: AnimalShape) -> NDArray:
    """(n, 3) rows above and below the lips, the middle first in each."""
    rows = []
    for step in (0.05, -0.05, 0.115, -0.115):
        rows.append(_moved_onto(line[: LIPS - 1] + np.array([0, step, 0]), shape))
    beyond = line[-1] + (line[-1] - line[-2]) * np.array([1.0, 2.2])[:, None]
    return np.concatenate([*rows, _moved_onto(beyond, shape)])


def _guard(ring: NDArray, shape: AnimalShape) -> NDArray:
    """(EAR, 3) a loop around the ear's root."""
    middle = ring.mean(axis=0)
    normal = middle - CENTRE
    normal /= np.linalg.norm(normal)
    along = np.roll(ring, -1, axis=0) - np.roll(ring, 1, axis=0)
    out = np.cross(along, normal)
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    if np.einsum("nd,nd->", out, ring - middle) < 0:
        out = -out
    return _moved_onto(ring + 0.085 * out, shape)


def _midline(shape: AnimalShape, fixed: NDArray) -> NDArray:
    """(n, 3) points round the plane of symmetry, apart from those that are fixed."""
    known = fixed[fixed[:, 0] == 0] - CENTRE
    stops = np.sort(np.arctan2(known[:, 1], known[:, 2]))
    found = []
    for start, end in zip(stops, np.append(stops[1:], stops[0] + 2 * np.pi)):
        turn = np.linspace(start, end, 400)
        line = outward(np.stack([0 * turn, np.sin(turn), np.cos(turn)], axis=1), shape)
        step = np.linalg.norm(np.diff(line, axis=0), axis=1)
        count = np.append(0, np.cumsum(step / (0.85 * spacing(line[1:], shape))))
        pieces = max(int(np.ceil(count[-1])), 1)
        at = np.interp(np.arange(1, pieces) * count[-1] / pieces, count, turn)
        found.append(np.stack([0 * at, np.sin(at), np.cos(at)], axis=1))
    return outward(np.concatenate(found), shape)


def _scattered(shape: AnimalShape, fixed: NDArray, rng: np.random.Generator) -> NDArray:
    """(n, 3) points on the left half at about the wanted spacing."""
    ways = rng.standard_normal((60000, 3))
    ways[:, 0] = np.abs(ways[:, 0])
    points = outward(ways, shape)
    size = spacing(points, shape)
    points, size = points[points[:, 0] > 0.7 * size], size[points[:, 0] > 0.7 * size]
    tree = cKDTree(np.concatenate([fixed, points]))
    taken = np.zeros(len(fixed) + len(points), bool)
    taken[: len(fixed)] = True
    for k in range(len(points)):
        near = tree.query_ball_point(points[k], 0.78 * size[k])
        if not taken[near].any():
            taken[len(fixed) + k] = True
    return points[taken[len(fixed) :]]


def triangles(points: NDArray) -> NDArray:
    """(F, 3) outward triangles of points seen from the centre."""
    ways = points - CENTRE
    ways = ways / np.linalg.norm(ways, axis=1, keepdims=True)
    hull = ConvexHull(ways).simplices
    a, b, c = (ways[hull[:, k]] for k in range(3))
    inward = np.einsum("nd,nd->n", np.cross(b - a, c - a), a + b + c) < 0
    hull[inward] = hull[inward][:, ::-1]
    return hull


def _halves(points: NDArray, middle: NDArray) -> NDArray:
    """Triangles of the left half: points mirrored, triangulated, those of the half kept."""
    side = np.flatnonzero(~middle)
    both = np.concatenate([points, points[side] * [-1, 1, 1]])
    found = triangles(both)
    twin = np.concatenate([~middle, np.zeros(len(side), bool)])
    strictly_left, strictly_right = twin[found], found >= len(points)
    crossing = strictly_left.any(axis=1) & strictly_right.any(axis=1)
    left = strictly_left.any(axis=1)
    if crossing.any():
        raise ValueError(f"{crossing.sum()} triangles cross the middle, at {both[found[crossing]].mean(axis=1)}")
    return found[left]


def _relaxed(points: NDArray, fixed: int, middle: NDArray, shape: AnimalShape) -> NDArray:
    """Lloyd's relaxation: every free point to the middle of its triangles, weighted by wanted density."""
    points = points.copy()
    free = np.arange(len(points)) >= fixed
    for _ in range(ROUNDS):
        side = np.flatnonzero(~middle)
        both = np.concatenate([points, points[side] * [-1, 1, 1]])
        faces = triangles(both)
        corners = both[faces]
        centroid = corners.mean(axis=1)
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        weight = area / spacing(centroid, shape) ** 4
        total = np.bincount(faces.ravel(), np.repeat(weight, 3), len(both))
        goal = np.stack(
            [np.bincount(faces.ravel(), np.repeat(weight * centroid[:, k], 3), len(both)) for k in range(3)]
        )
        goal = (goal / total).T[: len(points)]
        goal[middle, 0] = 0
        least = 0.7 * spacing(points, shape)
        goal[~middle, 0] = np.maximum(goal[~middle, 0], least[~middle])
        points[free] = _moved_onto(points[free] + 0.8 * (goal[free] - points[free]), shape)
        points[middle, 0] = 0
    return points


def _in_loop(centroids: NDArray, loop: NDArray) -> NDArray:
    """(N,) bool: seen from the centre, inside a loop of points."""
    middle = loop.mean(axis=0) - CENTRE
    middle /= np.linalg.norm(middle)
    across = np.cross([0, 1.0, 0.1], middle)
    across /= np.linalg.norm(across)
    plane = np.stack([across, np.cross(middle, across), middle], axis=1)
    flat = [(p - CENTRE) @ plane for p in (centroids, loop)]
    ahead = flat[0][:, 2] > 0.05
    c, p = (f[:, :2] / np.maximum(f[:, 2:], 0.05) for f in flat)
    q = np.roll(p, -1, axis=0)
    above = (p[None, :, 1] > c[:, None, 1]) != (q[None, :, 1] > c[:, None, 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        x = p[None, :, 0] + (c[:, None, 1] - p[None, :, 1]) / (q - p)[None, :, 1] * (q - p)[None, :, 0]
    inside: NDArray = ((above & (c[:, None, 0] < x)).sum(axis=1) % 2 == 1) & ahead
    return inside


def build() -> SkinTemplate:
    """The template.

    Raises:
        ValueError: a loop is not part of the triangulation.
    """
    shape = reference()
    rings = _rings(shape)
    line = places.mouth_line(shape)
    root = places.ear_sheet(shape, places.ear_root(shape)[None])[0]
    rows = _lip_rows(line, shape)
    edge = neck_edge(shape)
    fixed = np.concatenate([rings.reshape(-1, 3), line, root, _guard(root, shape), rows, edge])
    fixed[np.abs(fixed[:, 0]) < 1e-4, 0] = 0
    middle_points = _midline(shape, fixed)
    free = _scattered(shape, np.concatenate([fixed, middle_points]), np.random.default_rng(0))
    points = np.concatenate([fixed, middle_points, free])
    middle = points[:, 0] == 0
    points = _relaxed(points, len(fixed), middle, shape)
    found = _halves(points, middle)
    start = rings.shape[0] * RIM
    rim, mouth = np.arange(RIM), start + np.arange(LIPS)
    loop = start + LIPS + np.arange(EAR)
    _check_edges(found, [*_closed(rim), *_closed(loop), *pairwise(mouth)])
    centroids = points[found].mean(axis=1)
    in_eye, in_ear = _in_loop(centroids, points[rim]), _in_loop(centroids, points[loop])
    base = np.abs(centroids[:, 1] - (places.FLOOR + places.SLOPE * centroids[:, 2])) < 0.02
    faces, lower = _cut(found, mouth, points, shape)
    kept = ~(in_eye | in_ear)
    vertices = np.concatenate([points, points[mouth[:-1]]])
    return SkinTemplate(
        vertices,
        faces[kept],
        found[~base],
        rim,
        loop,
        mouth,
        np.append(lower, mouth[-1]),
        vertices[:, 0] == 0,
        base[kept],
        RIM * np.arange(1, rings.shape[0])[:, None] + rim,
        len(fixed) - len(edge) + np.arange(len(edge)),
    )


def neck_edge(shape: AnimalShape) -> NDArray:
    """(3 x 22, 3) three rows about the edge of the neck's end, each from the front round the left to the back."""
    turn = np.linspace(0, np.pi, 22)
    centre = np.array([0, 0, -1.35 - 2.65 * 0.69 * shape.neck_lean])
    centre[1] = places.FLOOR + places.SLOPE * centre[2]
    ways = np.stack([np.sin(turn), places.SLOPE * np.cos(turn), np.cos(turn)], axis=1)
    starts, up = np.broadcast_to(centre, ways.shape), np.array([0, 1.0, 0])
    high = places.leaving(starts + 0.06 * up, ways, shape)
    edge = places.leaving(starts + 0.03 * up, ways, shape)
    low = centre + 0.97 * (edge - 0.03 * up - centre)
    return np.concatenate([high, edge, low])


def _closed(loop: NDArray) -> list[tuple[int, int]]:
    return list(zip(loop, np.roll(loop, -1)))


def _check_edges(faces: NDArray, wanted: list[tuple[int, int]]) -> None:
    edges = {frozenset(edge) for face in faces for edge in ((face[0], face[1]), (face[1], face[2]), (face[2], face[0]))}
    missing = [edge for edge in wanted if frozenset(edge) not in edges]
    if missing:
        raise ValueError(f"{len(missing)} of {len(wanted)} edges of loops are not in the mesh: {missing[:8]}")


def _cut(faces: NDArray, mouth: NDArray, points: NDArray, shape: AnimalShape) -> tuple[NDArray, NDArray]:
    """Faces with the mouth's line doubled but for its corner: the lower ones get vertices of their own."""
    lower = len(points) + np.arange(LIPS - 1)
    swap = np.arange(len(points))
    swap[mouth[:-1]] = lower
    centroids = points[faces].mean(axis=1)
    below = centroids[:, 1] < mouth_height(centroids.astype(np.float32), shape)
    touching = np.isin(faces, mouth[:-1]).any(axis=1)
    cut = faces.copy()
    cut[below & touching] = swap[faces[below & touching]]
    return cut, lower
