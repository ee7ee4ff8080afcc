"""Cloth over a body: shells cut along curves, and strips that stand up from a curve (collars, hoods)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from maquette.geometry.mesh import adjacency
from maquette.synthesis.anatomy.bust import Bust
from maquette.synthesis.types import Kind, SceneSurface

HEM_M = 0.0015  # the cut edge is turned in by this much below the skin
CHART_ORIGIN, CHART_SIZE_M = np.array([-0.36, -0.33], np.float32), 0.72  # of the texture's square in the bust's chart
ROUGHNESS, SPECULAR = 0.85, 0.03
NO_EDGES = np.empty((0, 2), np.int32)


@dataclass(frozen=True, eq=False)
class Cut:
    """A mesh cut along field = 0: vertex k lies at (1 - t) of vertex a[k] and t of b[k] of the uncut mesh.

    Attributes:
        a, b: (m,) int. t: (m,) in 0-1.
        faces: (F, 3) int32 into the m vertices.
        edges: (E, 2) int32, the new edges along the cut.
    """

    a: NDArray
    b: NDArray
    t: NDArray
    faces: NDArray
    edges: NDArray

    def take(self, values: NDArray) -> NDArray:
        """(m, ...) the values (n, ...) of the uncut mesh at the new vertices."""
        t = self.t.reshape(-1, *[1] * (values.ndim - 1))
        return ((1 - t) * values[self.a] + t * values[self.b]).astype(np.float32)


def clip(faces: NDArray, field: NDArray, edges: NDArray = NO_EDGES) -> Cut:
    """Keep the part of a mesh where a field is positive.

    Args:
        faces: (F, 3) int.
        field: (n,) linear on each triangle.
        edges: (E, 2) int, edges of an earlier cut on the mesh's border, which the result goes on to list.
    """
    inside = field > 0
    count = inside[faces].sum(axis=1)
    whole = faces[count == 3]
    crossed = (count == 1) | (count == 2)
    some, few = faces[crossed], count[crossed] == 1
    lonely = np.where(few, inside[some].argmax(axis=1), (~inside[some]).argmax(axis=1))
    a, b, c = (some[np.arange(len(some)), (lonely + k) % 3] for k in range(3))
    size = len(field)

    def key(p: NDArray, q: NDArray) -> NDArray:
        return (np.minimum(p, q).astype(np.int64) * size + np.maximum(p, q)).ravel()

    unique, index = np.unique(np.concatenate([key(a, b), key(a, c)]), return_inverse=True)
    kept = np.flatnonzero(inside)
    place = np.full(size, -1)
    place[kept] = np.arange(len(kept))
    ab, ac = index.ravel().reshape(2, -1) + len(kept)
    # One corner inside: a triangle. One corner outside: the quadrangle without it.
    rest = ~few
    tip = np.stack([place[a], ab, ac], axis=1)[few]
    quad = [np.stack([ab, place[b], place[c]], axis=1)[rest], np.stack([ab, place[c], ac], axis=1)[rest]]
    border = [np.stack([ab, ac], axis=1)[few], np.stack([ac, ab], axis=1)[rest]]
    if len(edges):
        border.append(place[edges[inside[edges].all(axis=1)]])
        half = edges[inside[edges].sum(axis=1) == 1]
        new = np.searchsorted(unique, key(half[:, 0], half[:, 1])) + len(kept)
        border.append(np.where(inside[half], place[half], new[:, None]))
    low, high = unique // size, unique % size
    ratio = field[low] / (field[low] - field[high])
    return Cut(
        np.concatenate([kept, low]),
        np.concatenate([kept, high]),
        np.concatenate([np.zeros(len(kept)), ratio]).astype(np.float32),
        np.concatenate([place[whole], tip, *quad]).astype(np.int32),
        np.concatenate(border).astype(np.int32),
    )


@lru_cache(maxsize=4)
def _mean_of_neighbours(faces: bytes, count: int) -> sp.csr_matrix:
    graph = adjacency(np.frombuffer(faces, np.int32).reshape(-1, 3), count) + sp.eye(count)
    return (sp.diags(1 / np.asarray(graph.sum(axis=1)).ravel()) @ graph).tocsr().astype(np.float32)


def drape(bust: Bust, offset: NDArray, rounds: int) -> NDArray:
    """(n, 3) the body's vertices moved out by offset (n,) metres; the cloth spans hollows, more with more rounds."""
    mean = _mean_of_neighbours(np.ascontiguousarray(bust.faces, np.int32).tobytes(), len(bust.vertices))
    both = np.concatenate([bust.vertices, bust.normals], axis=1).astype(np.float32)
    for _ in range(rounds):
        both = mean @ both
    loose, normals = both[:, :3], both[:, 3:]
    rim = bust.neck_distance < 0.005
    loose = np.where(rim[:, None], bust.vertices, loose)
    out = ((loose - bust.vertices) * bust.normals).sum(axis=1)
    # Smoothing pulls the cloth into the body where it bulges; there it lies at its offset again.
    lift = np.maximum(offset - out, 0.15 * offset) if rounds else offset
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return (loose + lift[:, None] * normals).astype(np.float32)


def folds(bust: Bust, rng: np.random.Generator, depth: float) -> NDArray:
    """(n,) metres, from -depth to depth: soft folds that run from the shoulders down to the chest."""
    x, y, z = bust.canonical.T
    down = np.clip((-0.2 - y) / 0.2, 0, 1)
    total = np.zeros(len(x))
    for _ in range(5):
        wave, phase = 2 * np.pi / rng.uniform(0.05, 0.11), rng.uniform(0, 2 * np.pi)
        lean = rng.normal() * 0.7
        total += np.sin(wave * (x * np.cos(lean) + np.abs(y) * np.sin(lean) + 0.6 * z) + phase)
    return depth * (0.25 + 0.75 * down) * total / 3.0


def shell(
    bust: Bust, shape: NDArray, fields: Sequence[NDArray], albedo: NDArray, displacement: NDArray | None = None
) -> SceneSurface:
    """One piece of cloth.

    Args:
        shape: (n, 3) the cloth before it is cut, metres.
        fields: each (n,), all positive where there is cloth; in metres, so that its edges are smooth.
        albedo: (H, W, 3) texture in the bust's chart, or (3,).
        displacement: (H, W) metres in the same chart, or None.
    """
    columns = [shape, bust.chart, bust.vertices, bust.normals, np.stack(fields, axis=1)]
    data, faces = np.concatenate(columns, axis=1).astype(np.float32), bust.faces
    edges = NO_EDGES
    for k in range(len(fields)):
        piece = clip(faces, data[:, 11 + k], edges)
        data, faces, edges = piece.take(data), piece.faces, piece.edges
    vertices, uvs, skin, normals = data[:, :3], data[:, 3:5], data[:, 5:8], data[:, 8:11]
    uvs = (uvs - CHART_ORIGIN) / CHART_SIZE_M
    # The hem is a strip of its own vertices, so that the shading does not run round the edge.
    rim = np.unique(edges)
    place = np.zeros(len(vertices), int)
    place[rim] = np.arange(len(rim))
    start, count = len(vertices), len(rim)
    p, q = place[edges.T] + start
    strip = np.concatenate([np.stack([q, p, p + count], axis=1), np.stack([q, p + count, q + count], axis=1)])
    faces = np.concatenate([faces, strip]).astype(np.int32)
    return SceneSurface(
        np.concatenate([vertices, vertices[rim], (skin - HEM_M * normals)[rim]]).astype(np.float32),
        faces,
        Kind.CLOTHES,
        np.asarray(albedo, np.float32),
        uvs=np.concatenate([uvs, uvs[rim], uvs[rim]]).astype(np.float32),
        uv_faces=faces,
        displacement=displacement if np.ndim(albedo) == 3 else None,
        roughness=ROUGHNESS,
        specular=SPECULAR,
        two_sided=True,
    )


@dataclass(frozen=True, eq=False)
class Neckline:
    """A curve around the neck, from the front over the subject's left to the front again.

    Attributes:
        points: (K, 3) metres on the skin.
        out: (K, 3) unit vectors away from the neck, along the shoulders' plane.
        up: (3,) unit vector along the neck.
        turn: (K,) radians from the front, -pi to pi, the subject's left positive.
    """

    points: NDArray
    out: NDArray
    up: NDArray
    turn: NDArray


def neckline(bust: Bust, field: NDArray, count: int = 64) -> Neckline:
    """The curve field = 0 (n,) around the neck, as `count` points at equal angles."""
    piece = clip(bust.faces, field)
    ring = np.unique(piece.edges)
    flat = piece.take(bust.canonical)[ring] - bust.canonical[bust.neck_distance < 0.005].mean(axis=0)
    angle = np.arctan2(flat[:, 0], flat[:, 2])
    order = np.argsort(angle)
    turn = np.linspace(-np.pi, np.pi, count)
    on_skin = piece.take(bust.vertices)[ring][order]
    points = np.stack([np.interp(turn, angle[order], on_skin[:, k], period=2 * np.pi) for k in range(3)], axis=1)
    up = bust.turn @ np.array([0.0, 0.951, 0.309])
    out = points - points.mean(axis=0)
    out -= (out @ up)[:, None] * up
    return Neckline(points, out / np.linalg.norm(out, axis=1, keepdims=True), up, turn)


def standing_strip(
    bust: Bust,
    line: Neckline,
    profile: Callable[[NDArray], NDArray],
    albedo: NDArray,
    clearance: float | NDArray = 0.002,
) -> SceneSurface:
    """A strip that stands on a neckline.

    Args:
        profile: turn (K,) to (K, R, 2) metres: how far each of R rows lies outwards and up.
        albedo: (3,) linear RGB.
        clearance: metres that it keeps from the skin, or (R,) one per row.
    """
    rows = profile(line.turn) * bust.scale
    points = line.points[:, None] + rows[..., :1] * line.out[:, None] + rows[..., 1:] * line.up
    K, R = rows.shape[:2]
    clear = np.tile(np.broadcast_to(clearance, R), K)
    moved = push_out(points.reshape(-1, 3), bust, clear).reshape(points.shape) - points
    if len(moved) > 4:  # the nearest skin changes by leaps where neck and shoulder are equally near
        moved[1:-1] = 0.25 * moved[:-2] + 0.5 * moved[1:-1] + 0.25 * moved[2:]
    flat = (points + moved).reshape(-1, 3)
    grid = np.arange(K * R).reshape(K, R)
    a, b, c, d = grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    return SceneSurface(
        flat.astype(np.float32),
        faces.astype(np.int32),
        Kind.CLOTHES,
        np.asarray(albedo, np.float32),
        roughness=ROUGHNESS,
        specular=SPECULAR,
        two_sided=True,
    )


def push_out(points: NDArray, bust: Bust, clearance: NDArray) -> NDArray:
    """(N, 3) the points, those under the skin of neck and shoulders lifted to `clearance` (N,) metres above it."""
    near = np.flatnonzero(bust.neck_distance < 0.15)
    skin = np.concatenate([bust.vertices[near], bust.head_neck[:, :3]]).astype(np.float32)
    normals = np.concatenate([bust.normals[near], bust.head_neck[:, 3:]]).astype(np.float32)
    points = points.astype(np.float32)
    index = ((skin**2).sum(1) - 2 * points @ skin.T).argmin(axis=1)
    height = ((points - skin[index]) * normals[index]).sum(axis=1)
    return points + np.maximum(clearance - height, 0)[:, None] * normals[index]
