"""The whole left half of a pet's head, on any head that the field can draw: skin, ears, eyes, mouth, teeth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from maquette.synthesis.animals.head_field import LID, bare_distance, mouth_corner, mouth_height
from maquette.synthesis.animals.head_shape import AnimalShape
from pet import places
from pet.places import ACROSS, EAR, LIPS, RIM
from pet.template import SkinTemplate, neck_edge, spacing

EAR_ROWS = 15  # along an ear, the root not counted
SOCKET = 1.03  # radius of the lids' inner face and the eye's pocket, in eye radii
POCKET = (0.3, 0.6, 0.85)  # rows of the pocket, as shares of the way to its back
POLAR, TURNS = 14, 24  # rings and corners of an eyeball
BAG = ((0.93, 0.94, 0.018), (0.84, 0.86, 0.055), (0.70, 0.70, 0.085), (0.50, 0.48, 0.085), (0.25, 0.22, 0.05))
TONGUE_RINGS, SECTION = 10, 5
TOOTH = 6  # corners of a tooth's root
RELAX = 8
UNFOLD = 6
LIP = 0.02  # that skin next to the lips keeps from the line where they meet


@dataclass(frozen=True, eq=False)
class Block:
    """A run of vertices and the faces between them and others, under the name of a part."""

    part: str
    start: int
    count: int
    faces: NDArray


def strip(first: NDArray, second: NDArray, closed: bool) -> NDArray:
    """(F, 3) triangles between two lines of as many vertices; first x second runs outward."""
    a, b = (np.append(x, x[0]) if closed else x for x in (first, second))
    return np.concatenate([np.stack([a[:-1], a[1:], b[1:]], axis=1), np.stack([a[:-1], b[1:], b[:-1]], axis=1)])


def fan(loop: NDArray, pole: int, closed: bool) -> NDArray:
    """(F, 3) triangles from a line of vertices to one more."""
    a = np.append(loop, loop[0]) if closed else loop
    return np.stack([a[:-1], a[1:], np.full(len(a) - 1, pole)], axis=1)


@dataclass(frozen=True, eq=False)
class HeadTemplate:
    """The left half of the mesh: `skin` first, then blocks of vertices."""

    skin: SkinTemplate
    reference: AnimalShape

    @cached_property
    def blocks(self) -> dict[str, Block]:
        """Every block by name, in the order of the vertices."""
        skin = self.skin
        found = {"skin": Block("skin", 0, len(skin.vertices), skin.faces)}
        for name, part, make in (
            ("ear", "skin", self._ear),
            ("pocket", "skin", self._pocket),
            ("eye", "eye", self._eye),
            ("bag", "mouth", self._bag),
            ("tongue", "tongue", self._tongue),
            ("teeth", "teeth", self._teeth),
        ):
            last = [*found.values()][-1]
            start = last.start + last.count
            count, faces = make(start)
            found[name] = Block(part, start, count, faces)
        return found

    @property
    def count(self) -> int:
        """Vertices of the half."""
        return sum(block.count for block in self.blocks.values())

    @cached_property
    def lips(self) -> NDArray:
        """(2 LIPS - 1,) vertices from the upper lip's middle round the corner to the lower one's."""
        return np.concatenate([self.skin.upper, self.skin.lower[-2::-1]])

    def _ear(self, start: int) -> tuple[int, NDArray]:
        rows = [self.skin.root, *(start + EAR * k + np.arange(EAR) for k in range(EAR_ROWS))]
        faces = [self._matching(strip(a, b, True), self.skin.faces) for a, b in pairwise(rows[:2])]
        flipped = not np.array_equal(faces[0], strip(rows[0], rows[1], True))
        faces += [strip(a, b, True)[:, :: -1 if flipped else 1] for a, b in pairwise(rows[1:])]
        last = rows[-1]
        outer, inner = last[:ACROSS], np.concatenate([last[:1], last[: ACROSS - 1 : -1], last[ACROSS - 1 : ACROSS]])
        cap = strip(outer, inner, False)
        cap = cap[(cap[:, 0] != cap[:, 1]) & (cap[:, 1] != cap[:, 2]) & (cap[:, 0] != cap[:, 2])]
        faces.append(self._matching(cap, np.concatenate(faces)))
        return EAR * EAR_ROWS, np.concatenate(faces)

    def _pocket(self, start: int) -> tuple[int, NDArray]:
        rows = [self.skin.rim, *(start + RIM * k + np.arange(RIM) for k in range(1 + len(POCKET)))]
        pole = start + RIM * (1 + len(POCKET))
        faces = [strip(a, b, True) for a, b in pairwise(rows)] + [fan(rows[-1], pole, True)]
        return pole + 1 - start, self._matching(np.concatenate(faces), self.skin.faces)

    def _eye(self, start: int) -> tuple[int, NDArray]:
        rows = [start + 1 + TURNS * k + np.arange(TURNS) for k in range(POLAR)]
        back = start + 1 + TURNS * POLAR
        faces = [fan(rows[0], start, True)] + [strip(b, a, True) for a, b in pairwise(rows)]
        return back + 1 - start, np.concatenate([*faces, fan(rows[-1], back, True)[:, ::-1]])

    def _bag(self, start: int) -> tuple[int, NDArray]:
        long = len(self.lips)
        rows = [self.lips, *(start + long * k + np.arange(long) for k in range(len(BAG)))]
        pole = start + long * len(BAG)
        faces = [strip(a, b, False) for a, b in pairwise(rows)] + [fan(rows[-1], pole, False)]
        return pole + 1 - start, self._matching(np.concatenate(faces), self.skin.faces)

    def _tongue(self, start: int) -> tuple[int, NDArray]:
        rows = [start + SECTION * k + np.arange(SECTION) for k in range(TONGUE_RINGS)]
        back, tip = start + SECTION * TONGUE_RINGS + np.arange(2)
        faces = [fan(rows[0], back, False), *(strip(b, a, False) for a, b in pairwise(rows))]
        return SECTION * TONGUE_RINGS + 2, np.concatenate([*faces, fan(rows[-1], tip, False)[:, ::-1]])

    def _teeth(self, start: int) -> tuple[int, NDArray]:
        size = 2 * TOOTH + 1
        faces = []
        for k in range(len(tooth_rows())):
            first = start + size * k
            low, high = first + np.arange(TOOTH), first + TOOTH + np.arange(TOOTH)
            faces += [strip(low, high, True), fan(high, first + 2 * TOOTH, True)]
        return size * len(tooth_rows()), np.concatenate(faces)[:, ::-1]

    @staticmethod
    def _matching(faces: NDArray, known: NDArray) -> NDArray:
        """The faces turned so that an edge shared with known ones runs the other way round."""
        edges = {tuple(e) for k in range(3) for e in known[:, [k, (k + 1) % 3]].tolist()}
        own = [tuple(e) for k in range(3) for e in faces[:, [k, (k + 1) % 3]].tolist()]
        same = sum(edge in edges for edge in own)
        return faces[:, ::-1] if same > sum(edge[::-1] in edges for edge in own) else faces

    @cached_property
    def _warp(self) -> tuple[NDArray, NDArray, NDArray]:
        """Anchors of the reference with their mirrored twins, their solved system, and the skin's kernel rows."""
        here = _both(places.anchors(self.reference))
        count = len(here)
        system = np.zeros((count + 4, count + 4))
        system[:count, :count] = np.linalg.norm(here[:, None] - here[None], axis=2) + 1e-3 * np.eye(count)
        system[:count, count] = system[count, :count] = 1
        system[:count, count + 1 :], system[count + 1 :, :count] = here, here.T
        skin = self.skin.vertices
        kernel = np.linalg.norm(skin[:, None] - here[None], axis=2)
        rows = np.concatenate([kernel, np.ones((len(skin), 1)), skin], axis=1)
        return here, np.linalg.inv(system), rows

    @cached_property
    def _smoothing(self) -> sp.csr_matrix:
        """(V, V) the mean of the neighbours on the skin, the right half's too."""
        faces, count = self.skin.faces, len(self.skin.vertices)
        i, j = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).T
        links = sp.coo_matrix((np.ones(2 * len(i)), (np.append(i, j), np.append(j, i))), (count, count)).tocsr()
        links.data[:] = 1
        return sp.diags(1 / np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1)) @ links

    @cached_property
    def _fineness(self) -> NDArray:
        """(V, 1) how far vertices are drawn to the middle of their neighbours: little where there are details."""
        size = spacing(self.skin.vertices, self.reference)
        return np.clip(7 * (size - 0.03), 0.05, 0.4)[:, None]

    def carried(self, shape: AnimalShape) -> NDArray:
        """(V, 3) the skin on another head."""
        _, inverse, rows = self._warp
        there = _both(places.anchors(shape))
        points = rows @ (inverse[:, : len(there)] @ there)
        skin = self.skin
        held = np.concatenate([skin.rim, skin.upper, skin.lower, skin.root, skin.edge])
        line = places.mouth_line(shape)
        root = places.ear_sheet(shape, places.ear_root(shape)[None])[0]
        at = np.concatenate([places.lid_rim(shape), line, line, root, neck_edge(shape)])
        end = np.setdiff1d(skin.faces[skin.base], skin.edge)
        free = np.ones((len(points), 1))
        fine = self._fineness
        free[held] = 0
        for step in range(RELAX):
            points[held] = at
            points[end, 1] = places.FLOOR + places.SLOPE * points[end, 2]
            points = self._apart(onto(points, shape, free), shape)
            if step < RELAX - 1:
                points = points + fine * free * (self._smoothing @ points - points)
            points[skin.middle, 0] = 0
        points[held] = at
        points[end, 1] = places.FLOOR + places.SLOPE * points[end, 2]
        points[skin.middle, 0] = 0
        for _ in range(UNFOLD):
            tangled = self._tangled(points, shape) * free
            if not tangled.any():
                break
            points = onto(points + 0.7 * tangled * (self._smoothing @ points - points), shape, tangled)
            points[skin.middle, 0] = 0
        return points

    def _tangled(self, points: NDArray, shape: AnimalShape) -> NDArray:
        """(V, 1) 1 at corners of faces that look into the head, half at their neighbours."""
        faces = self.skin.faces[~self.skin.base]
        a, b, c = (points[faces[:, k]] for k in range(3))
        middle = (a + b + c) / 3
        wrong = np.einsum("nd,nd->n", np.cross(b - a, c - a), slope_at(middle, shape)) < 0
        found = np.zeros((len(points), 1))
        found[faces[wrong]] = 1
        spread: NDArray = np.maximum(found, 0.5 * ((self._smoothing @ found) > 0))
        return spread

    @cached_property
    def _lip_sides(self) -> NDArray:
        """(V,) how far above the lips' line (below: negative) skin next to it lies at least; 0 elsewhere."""
        points = self.skin.vertices
        above = points[:, 1] - mouth_height(points.astype(np.float32), self.reference)
        near = (np.abs(above) < 0.25) & (points[:, 2] > mouth_corner(self.reference)[2] + 0.02)
        least = np.where(near, np.clip(above, -LIP, LIP), 0)
        least[np.concatenate([self.skin.upper, self.skin.lower])] = 0
        return least

    def _apart(self, points: NDArray, shape: AnimalShape) -> NDArray:
        """Points of the upper lip kept above the line where the lips meet, those of the lower one below."""
        least, line = self._lip_sides, mouth_height(points.astype(np.float32), shape)
        height = np.where(least > 0, np.maximum(points[:, 1], line + least), points[:, 1])
        height = np.where(least < 0, np.minimum(height, line + least), height)
        return np.column_stack([points[:, 0], height, points[:, 2]])

    def vertices(self, shape: AnimalShape) -> NDArray:
        """(count, 3) the left half of a head, IOD."""
        skin = self.carried(shape)
        return np.concatenate(
            [skin, ear_rows(shape), pocket(shape), eyeball(shape), self.bag(skin, shape), tongue(shape), teeth(shape)]
        )

    def bag(self, skin: NDArray, shape: AnimalShape) -> NDArray:
        """The mouth's inside, from the lips back."""
        lips, corner = skin[self.lips], mouth_corner(shape)
        side = np.concatenate([np.ones(LIPS - 1), [0], -np.ones(LIPS - 1)])
        tall = shape.muzzle_front / 0.3
        rows = []
        for across, back, high in BAG:
            row = lips * [across, 1, 1]
            row[:, 2] = corner[2] + (lips[:, 2] - corner[2]) * back - 0.3 * (1 - back)
            row[:, 1] += side * high * tall
            rows.append(row)
        pole = [[0, corner[1], corner[2] - 0.32]]
        return np.concatenate([*rows, pole])


def _both(points: NDArray) -> NDArray:
    side = points[:, 0] != 0
    return np.concatenate([points, points[side] * [-1, 1, 1]])


def onto(points: NDArray, shape: AnimalShape, free: NDArray, step: float = 2e-3) -> NDArray:
    """Points after one Newton step onto the bare head, as far as they are free."""
    slope = slope_at(points, shape, step)
    move = -(bare_distance(points, shape) / np.maximum((slope**2).sum(1), 0.1))[:, None] * slope
    length = np.linalg.norm(move, axis=1, keepdims=True)
    moved: NDArray = points + free * move * np.minimum(1, 0.12 / np.maximum(length, 1e-9))
    return moved


def slope_at(points: NDArray, shape: AnimalShape, step: float = 2e-3) -> NDArray:
    """(N, 3) the slope of the bare head's field."""
    offsets = np.concatenate([np.eye(3), -np.eye(3)]) * step
    values = bare_distance((points[None] + offsets[:, None]).reshape(-1, 3), shape).reshape(6, -1)
    slope: NDArray = (values[:3] - values[3:]).T / (2 * step)
    return slope


def ear_rows(shape: AnimalShape) -> NDArray:
    """The ear's rows from after the root to the tip."""
    root = places.ear_root(shape)
    along = 1 - (1 - np.arange(1, EAR_ROWS + 1) / EAR_ROWS) ** 1.1
    shares = root[None] + (0.99 - root[None]) * along[:, None]
    return places.ear_sheet(shape, shares).reshape(-1, 3)


def pocket(shape: AnimalShape) -> NDArray:
    """The lids' inner edge and the pocket behind the eye."""
    centre = np.array([0.5, 0, shape.eye_z])
    inner = places.lid_rim(shape, SOCKET)
    ways = inner - centre
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    rows = [inner]
    angle = np.arccos(np.clip(ways[:, 2], -1, 1))
    flat = ways[:, :2] / np.maximum(np.linalg.norm(ways[:, :2], axis=1, keepdims=True), 1e-9)
    for share in POCKET:
        turned = angle + share * (np.pi - angle)
        way = np.column_stack([np.sin(turned)[:, None] * flat, np.cos(turned)])
        rows.append(centre + 1.05 * shape.eye_radius * way)
    back = centre - [0, 0, 1.05 * shape.eye_radius]
    return np.concatenate([*rows, back[None]])


def eyeball(shape: AnimalShape) -> NDArray:
    """A ball whose front pole comes first."""
    polar = np.pi * np.arange(1, POLAR + 1) / (POLAR + 1)
    turn = 2 * np.pi * np.arange(TURNS) / TURNS
    ring = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1)
    rows = np.sin(polar)[:, None, None] * ring + np.cos(polar)[:, None, None] * np.array([0, 0, 1.0])
    unit = np.concatenate([[[0, 0, 1.0]], rows.reshape(-1, 3), [[0, 0, -1.0]]])
    return np.array([0.5, 0, shape.eye_z]) + shape.eye_radius * unit


def tongue(shape: AnimalShape) -> NDArray:
    """Half a tongue at rest on the floor of the mouth."""
    line, corner = places.mouth_line(shape), mouth_corner(shape)
    tall = shape.muzzle_front / 0.3
    along = np.linspace(0, 1, TONGUE_RINGS)
    depth = corner[2] - 0.15 + (line[0, 2] - 0.13 - corner[2] + 0.15) * along
    wide = np.interp(depth, np.sort(line[:, 2]), line[np.argsort(line[:, 2]), 0])
    wide = np.maximum(0.62 * np.minimum(wide, corner[0]), 0.05) * np.sqrt(1 - 0.8 * along**4)
    section = np.linspace(0.5 * np.pi, -0.5 * np.pi, SECTION)
    x = wide[:, None] * np.cos(section)
    y = line[0, 1] - 0.008 * tall + 0.028 * tall * np.sin(section) * np.ones_like(x)
    y = y + 0.018 * tall * (x / np.maximum(wide[:, None], 1e-6)) ** 2
    rows = np.stack([x, y, depth[:, None] * np.ones_like(x)], axis=-1)
    rows[:, [0, -1], 0] = 0
    middle = rows[:, [0, -1]].mean(axis=1)
    ends = np.array([middle[0] - [0, 0, 0.02], middle[-1] + [0, 0, 0.03 * tall]])
    return np.concatenate([rows.reshape(-1, 3), ends])


def tooth_rows() -> list[tuple[bool, float, float, float, float]]:
    """Teeth: upper, place from the middle to the canine (to 1) and on to the corner (to 2), length, width, inset."""
    rows = [(True, 1.0, 0.12, 0.036, 0.16), (False, 0.80, 0.11, 0.032, 0.17)]
    for at in (0.12, 0.36, 0.58):
        rows += [(True, at, 0.045, 0.024, 0.09), (False, at * 0.9, 0.04, 0.02, 0.11)]
    for at, size in ((1.28, 0.055), (1.46, 0.08), (1.64, 0.085)):
        rows += [(True, at, size, 0.04, 0.085), (False, at - 0.06, size, 0.036, 0.105)]
    return rows


def teeth(shape: AnimalShape) -> NDArray:
    """Half the teeth, cones with bent tips."""
    line = places.mouth_line(shape)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    canine = min(0.85 * shape.muzzle_front, 0.6 * length[-1])
    tall = shape.muzzle_front / 0.3
    turn = 2 * np.pi * np.arange(TOOTH) / TOOTH
    found = []
    for upper, at, long, wide, inset in tooth_rows():
        arc = at * canine if at <= 1 else canine + (at - 1) * (length[-1] - canine)
        place = np.array([np.interp(arc, length, line[:, k]) for k in range(3)])
        ahead = np.array([np.interp(arc + 0.03, length, line[:, k]) for k in range(3)])
        along = ahead - place
        along /= np.linalg.norm(along)
        inward = np.array([-along[2], 0, along[0]])
        inward *= np.sign(inward @ (np.array([0, 0, mouth_corner(shape)[2]]) - place) or 1)
        down = np.array([0, -1.0 if upper else 1.0, 0])
        root = place + inset * tall * inward - down * 0.055 * tall
        ring = wide * tall * (np.cos(turn)[:, None] * along * (1.25 if at > 1 else 1) + np.sin(turn)[:, None] * inward)
        long *= tall
        middle = root + 0.6 * (long + 0.055 * tall) * down
        tip = root + (long + 0.055 * tall) * down + 0.1 * long * inward
        tooth = np.concatenate([root + ring, middle + 0.7 * ring, tip[None]])
        if not upper:
            tooth[: 2 * TOOTH] = tooth[: 2 * TOOTH].reshape(2, TOOTH, 3)[:, ::-1].reshape(-1, 3)
        found.append(tooth)
    return np.concatenate(found)


def whole(half: NDArray, faces: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Vertices, faces and the mirror of both halves; vertices on the middle (x = 0) are shared."""
    side = np.flatnonzero(half[:, 0] != 0)
    mirror = np.arange(len(half))
    mirror[side] = len(half) + np.arange(len(side))
    back = np.arange(len(half) + len(side))
    back[: len(half)] = mirror
    back[len(half) :] = side
    vertices = np.concatenate([half, half[side] * [-1, 1, 1]])
    return vertices, np.concatenate([faces, mirror[faces][:, ::-1]]), back


assert LID > SOCKET
