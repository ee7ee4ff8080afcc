"""The texture charts: the skin in a large one; ears, eyes, mouth, tongue, teeth, pockets and the neck's end."""

from __future__ import annotations

import numpy as np
from head.unwrap import relax, signed_areas, spread
from numpy.typing import NDArray

from maquette.geometry.mesh import boundary_loops
from pet import places
from pet.heads import BAG, EAR_ROWS, POLAR, SECTION, TONGUE_RINGS, TOOTH, TURNS, HeadTemplate
from pet.places import ACROSS, EAR, LIPS, RIM

# u, v, width, height in the unit square; left half's charts, then the right half's
SKIN = (0.005, 0.262, 0.735, 0.733)
EARS = {"outer": ((0.755, 0.685), (0.88, 0.685)), "inner": ((0.755, 0.375), (0.88, 0.375))}
EAR_SIZE = (0.11, 0.295)
EYES = ((0.813, 0.312), (0.937, 0.312))
EYE_REACH = 0.052
BAG_AT, BAG_REACH = (0.12, 0.13), 0.105
TONGUE_BOX, TEETH_BOX, END_AT, END_REACH = (0.26, 0.01, 0.2, 0.23), (0.48, 0.01, 0.26, 0.23), (0.82, 0.13), 0.06
POCKETS = ((0.94, 0.07), (0.94, 0.19))
POCKET_REACH = 0.045
RELAXING = (600, 600, 1200)


class _Charts:
    """Coordinates, and faces into them, as they are gathered."""

    def __init__(self) -> None:
        self.uvs: list[NDArray] = []
        self.count = 0

    def add(self, uvs: NDArray) -> NDArray:
        """The indices of new coordinates (n, 2)."""
        self.uvs.append(np.asarray(uvs, float))
        self.count += len(uvs)
        return self.count - len(uvs) + np.arange(len(uvs))


def layout(template: HeadTemplate, half: NDArray, side: NDArray) -> tuple[NDArray, NDArray]:
    """(T, 2) coordinates, and (F, 3) faces into them: the left half's faces in the blocks' order, then the right's.

    Args:
        half: (count, 3) the reference head.
        side: (n,) vertices of the half that are not on the middle.
    """
    charts, faces = _Charts(), []
    skin = _skin(template, half, side)
    for right in (False, True):
        blocks = template.blocks
        own = [_skin_faces(template, charts, skin, right)]
        own += [_ear(template, charts, right), _pocket(template, charts, right), _eye(template, charts, right)]
        own += [_bag(template, charts, right), _tongue(template, charts, right), _teeth(template, charts, right)]
        for name, found in zip(blocks, own):
            assert found.shape == blocks[name].faces.shape, name
        found = np.concatenate(own)
        faces.append(found[:, ::-1] if right else found)
    return np.concatenate(charts.uvs).astype(np.float32), np.concatenate(faces).astype(np.int32)


def _skin(template: HeadTemplate, half: NDArray, side: NDArray) -> NDArray:
    """(V, 2) for the half's skin, the lower lip's line where the upper one's is."""
    skin = template.skin
    count = skin.filled.max() + 1
    side = side[side < count]
    both = np.concatenate([half[:count], half[side] * [-1, 1, 1]])
    mirror = np.arange(count)
    mirror[side] = count + np.arange(len(side))
    back = np.arange(len(both))
    back[:count], back[count:] = mirror, side
    faces = np.concatenate([skin.filled, mirror[skin.filled][:, ::-1]])
    used = np.unique(faces)
    index = np.full(len(both), -1)
    index[used] = np.arange(len(used))
    where = both[used]
    front = np.clip((where[:, 2] + 1.2) / 0.9, 0, 1) * np.clip((where[:, 1] + 1.6) / 0.5, 0, 1)
    uv = _unwrapped(where, index[faces], 1 + 4 * front, index[back[used]])
    placed = np.full((len(skin.vertices), 2), np.nan)
    inside = used[used < count]
    placed[inside] = uv[index[inside]]
    placed[skin.lower] = placed[skin.upper]
    return placed


def _unwrapped(vertices: NDArray, faces: NDArray, density: NDArray, mirror: NDArray) -> NDArray:
    """(V, 2) in the unit square for a surface with one rim: from a disc, then free of it, symmetric in u."""
    loop = boundary_loops(faces)[0][::-1]
    front = np.argmax(vertices[loop, 2] - 10 * np.abs(vertices[loop, 0]))
    loop = np.roll(loop, -front)
    step = np.linalg.norm(np.diff(vertices[np.append(loop, loop[0])], axis=0), axis=1)
    turn = 2 * np.pi * np.concatenate([[0], np.cumsum(step)[:-1]]) / step.sum()
    turn = -turn if vertices[loop[len(loop) // 4], 0] < 0 else turn
    rim = 0.5 + 0.49 * np.stack([np.sin(turn), -np.cos(turn)], axis=1)
    wanted = density[faces].mean(axis=1)
    uv = spread(vertices, faces, loop, rim, wanted, 40)
    for steps in RELAXING:
        uv = relax(vertices, faces, uv, wanted, steps)
        even = (uv + uv[mirror] * [-1, 1] + [2 * uv[loop[0], 0], 0]) / 2
        if signed_areas(even, faces).min() > 0:
            uv = even
    size = np.ptp(uv, axis=0)
    fitted: NDArray = (uv - uv.min(axis=0) - size / 2) / size.max() + 0.5
    return fitted


def _skin_faces(template: HeadTemplate, charts: _Charts, skin: NDArray, right: bool) -> NDArray:
    u, v, width, height = SKIN
    mirrored = skin * [-1, 1] + [1, 0] if right else skin
    index = charts.add(np.nan_to_num(mirrored) * [width, height] + [u, v])
    faces = index[template.skin.faces]
    base = template.skin.faces[template.skin.base]
    used = np.unique(base)
    flat = template.skin.vertices[used][:, [0, 2]] * [-1 if right else 1, 1]
    flat = (flat - [0, flat[:, 1].mean()]) / np.abs(flat).max()
    own = np.zeros(len(skin), int)
    own[used] = charts.add(np.array(END_AT) + END_REACH * flat * [1, 0.9])
    faces[template.skin.base] = own[base]
    return faces


def _ear(template: HeadTemplate, charts: _Charts, right: bool) -> NDArray:
    across, _ = places.ear_columns()
    rows = np.arange(EAR_ROWS + 1) / EAR_ROWS
    wide = 0.5 + 0.42 * np.sqrt(1 - 0.75 * rows**2)[:, None] * across[None] * (-1 if right else 1)
    tall = np.broadcast_to(0.02 + 0.94 * rows[:, None], wide.shape)
    flat = np.stack([wide, tall], axis=-1)
    turned = flat * [-1, 1] + [1, 0]
    outer = charts.add(turned.reshape(-1, 2) * EAR_SIZE + EARS["outer"][right]).reshape(EAR_ROWS + 1, EAR)
    inner = charts.add(flat.reshape(-1, 2) * EAR_SIZE + EARS["inner"][right]).reshape(EAR_ROWS + 1, EAR)
    last = turned[-1].copy()
    last[ACROSS:, 1] += 0.03
    cap = charts.add(last * EAR_SIZE + EARS["outer"][right])
    block = template.blocks["ear"]
    place = {int(vertex): (0, k) for k, vertex in enumerate(template.skin.root)}
    place |= {block.start + EAR * r + k: (r + 1, k) for r in range(EAR_ROWS) for k in range(EAR)}
    faces = np.zeros_like(block.faces)
    for f, face in enumerate(block.faces):
        at = [place[int(vertex)] for vertex in face]
        columns = [k for _, k in at]
        if all(r == EAR_ROWS for r, _ in at):
            faces[f] = [cap[k] for k in columns]
        else:
            chart = inner if any(k >= ACROSS for k in columns) else outer
            faces[f] = [chart[r, k] for r, k in at]
    return faces


def _disc(charts: _Charts, centre: tuple[float, float], reach: NDArray, turn: NDArray) -> NDArray:
    """Indices (rings, corners) of rings of the given reaches about a centre."""
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return charts.add((centre + reach[:, None, None] * ring).reshape(-1, 2)).reshape(len(reach), len(turn))


def _pocket(template: HeadTemplate, charts: _Charts, right: bool) -> NDArray:
    turn = 2 * np.pi * np.arange(RIM) / RIM
    rows = 1 + (template.blocks["pocket"].count - 1) // RIM
    grid = _disc(
        charts, POCKETS[right], POCKET_REACH * (1 - np.arange(rows) / rows), turn if not right else np.pi - turn
    )
    block = template.blocks["pocket"]
    own = np.zeros(block.start + block.count, int)
    own[template.skin.rim] = grid[0]
    own[block.start : block.start + block.count - 1] = grid[1:].ravel()
    own[block.start + block.count - 1] = charts.add(np.array([POCKETS[right]]))[0]
    return own[block.faces]


def _eye(template: HeadTemplate, charts: _Charts, right: bool) -> NDArray:
    """The front pole in the middle; the fan at the back has a corner per face, outside the last ring."""
    turn = 2 * np.pi * np.arange(TURNS) / TURNS
    turn = np.pi - turn if right else turn
    reach = EYE_REACH * np.arange(1, POLAR + 1) / (POLAR + 1)
    block = template.blocks["eye"]
    own = np.zeros(block.start + block.count, int)
    own[block.start] = charts.add(np.array([EYES[right]]))[0]
    own[block.start + 1 : block.start + block.count - 1] = _disc(charts, EYES[right], reach, turn).ravel()
    faces = own[block.faces]
    half = np.pi / TURNS * (-1 if right else 1)
    backs = _disc(charts, EYES[right], np.array([EYE_REACH]), turn + half)[0]
    last = block.faces == block.start + block.count - 1
    faces[last] = backs
    return faces


def _bag(template: HeadTemplate, charts: _Charts, right: bool) -> NDArray:
    """Half a disc: the lips on its border, the throat in the middle."""
    long = 2 * LIPS - 1
    turn = np.pi * (0.5 - np.arange(long) / (long - 1))
    rows = len(BAG) + 1
    grid = _disc(charts, BAG_AT, BAG_REACH * (1 - np.arange(rows) / rows), np.pi - turn if right else turn)
    block = template.blocks["bag"]
    own = np.zeros(block.start + block.count, int)
    own[template.lips] = grid[0]
    own[block.start : block.start + block.count - 1] = grid[1:].ravel()
    own[block.start + block.count - 1] = charts.add(np.array([BAG_AT]))[0]
    return own[block.faces]


def _tongue(template: HeadTemplate, charts: _Charts, right: bool) -> NDArray:
    """Top in the middle, sides out to the underside."""
    u, v, width, height = TONGUE_BOX
    aside = np.linspace(0, 0.46, SECTION) * (1 if right else -1)
    along = 0.04 + 0.9 * np.arange(TONGUE_RINGS) / (TONGUE_RINGS - 1)
    grid = np.stack(np.broadcast_arrays(0.5 + aside[None], along[:, None]), axis=-1)
    ends = np.array([[0.5 + 0.23 * (1 if right else -1), y] for y in (0.0, 1.0)])
    index = charts.add(np.concatenate([grid.reshape(-1, 2), ends]) * [width, height] + [u, v])
    block = template.blocks["tongue"]
    own = np.zeros(block.start + block.count, int)
    own[block.start :] = index
    return own[block.faces]


def _teeth(template: HeadTemplate, charts: _Charts, right: bool) -> NDArray:
    """Each tooth a small disc, its tip in the middle."""
    u, v, width, height = TEETH_BOX
    block = template.blocks["teeth"]
    size = 2 * TOOTH + 1
    own = np.zeros(block.start + block.count, int)
    for k in range(block.count // size):
        turn = 2 * np.pi * np.arange(TOOTH) / TOOTH
        turn = turn if right else -turn
        centre = (u + width * ((k % 7) + 0.5) / 7, v + height * ((k // 7) + 0.5 + 2 * right) / 4)
        grid = _disc(charts, centre, np.array([0.017, 0.01]), turn)
        first = block.start + size * k
        own[first : first + 2 * TOOTH] = grid.ravel()
        own[first + 2 * TOOTH] = charts.add(np.array([centre]))[0]
    return own[block.faces]
