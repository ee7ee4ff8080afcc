"""head.stl: one closed solid on a pedestal, in millimetres, ready to print."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maquette.geometry.mesh import boundary_loops, vertex_normals
from maquette.outputs.asset import EYES, Asset
from maquette.outputs.weld import filled, welded

if TYPE_CHECKING:
    from manifold3d import Manifold

MM = 1000.0
LIP_GAP_M = 0.002  # a mouth less open than this is printed closed
NECK_REACH_M = 0.006  # the neck goes on this far below its lowest point, down to the pedestal
PEDESTAL_MM = 9.0
SOCKET_REACH = 1.45  # eyeball radii within which the skin may belong to the socket


def extended_neck(vertices: NDArray, faces: NDArray) -> tuple[NDArray, NDArray]:
    """Close the longest boundary loop: walls straight down to one height, then a flat floor."""
    loop = boundary_loops(faces)[0]
    floor = vertices[loop, 1].min() - NECK_REACH_M
    low = vertices[loop].copy()
    low[:, 1] = floor
    below = len(vertices) + np.arange(len(loop))
    following, below_following = np.roll(loop, -1), np.roll(below, -1)
    # The loop runs along its faces' edges, so a wall runs against it.
    wall = np.concatenate(
        [np.stack([following, loop, below], axis=1), np.stack([following, below, below_following], axis=1)]
    )
    return filled(np.vstack([vertices, low]), np.vstack([faces, wall]), below, low.mean(axis=0))


def sunken_sockets(vertices: NDArray, faces: NDArray, centres: list[NDArray], radius: float) -> NDArray:
    """Pull the sockets' walls into the eyeballs, so that skin and eyeballs join without a gap.

    Args:
        vertices: (V, 3) metres of the skin.
        centres: of the eyeballs, metres.
        radius: of the eyeballs, metres.
    """
    normals, moved = vertex_normals(vertices, faces), vertices.copy()
    for centre in centres:
        away = vertices - centre
        distance = np.linalg.norm(away, axis=1)
        inward = np.sum(normals * away, axis=1) < -0.3 * distance  # the wall faces the eyeball
        wall = inward & (distance < SOCKET_REACH * radius)
        factor = np.minimum(1.0, 0.9 * radius / np.maximum(distance, 1e-9))
        moved[wall] = centre + away[wall] * factor[wall, None]
    return moved


def _solid(vertices: NDArray, faces: NDArray) -> Manifold:
    from manifold3d import Manifold, Mesh

    vertices, faces = welded(vertices, faces)
    for loop in boundary_loops(faces):
        vertices, faces = filled(vertices, faces, loop, vertices[loop].mean(axis=0))
    return Manifold(Mesh(np.ascontiguousarray(vertices * MM, np.float32), np.ascontiguousarray(faces, np.uint32)))


def _part(asset: Asset, *names: str) -> tuple[NDArray, NDArray]:
    faces = asset.mesh.faces[np.concatenate([asset.part(name) for name in names])]
    used, inverse = np.unique(faces, return_inverse=True)
    return asset.mesh.vertices[used].astype(float), inverse.reshape(-1, 3)


def mouth_gap(asset: Asset) -> float:
    """Metres between the lips: how far the rim where skin meets the mouth's inside opens at its middle."""
    vertices, faces = _part(asset, "skin")
    loops = boundary_loops(faces)
    if len(loops) < 2 or not len(asset.part("mouth")):
        return 0.0
    rim = vertices[loops[1]]
    middle = rim[np.abs(rim[:, 0] - rim[:, 0].mean()) < np.ptp(rim[:, 0]) / 4]
    return float(np.ptp(middle[:, 1]))


def _skull(asset: Asset, is_open: bool) -> Manifold:
    """The skin as a solid: neck closed, sockets pulled into the eyeballs, lips closed or the mouth a cavity."""
    inside = ("mouth",) if is_open and len(asset.part("mouth")) else ()
    vertices, faces = welded(*_part(asset, "skin", *inside))
    eyes = [part for part in EYES if len(asset.part(part))]
    if eyes:
        balls = [_part(asset, part)[0] for part in eyes]
        centres = [(ball.min(axis=0) + ball.max(axis=0)) / 2 for ball in balls]
        radius = float(np.mean([np.ptp(ball[:, 1]) / 2 for ball in balls]))
        vertices = sunken_sockets(vertices, faces, centres, radius)
    if boundary_loops(faces):
        vertices, faces = extended_neck(vertices, faces)
    return _solid(vertices, faces)


def _pedestal(neck: NDArray, height: float, balance: NDArray) -> Manifold:
    """An oval disc with a bevelled rim under the neck that holds the balance point.

    Args:
        neck: (N, 3) millimetres, points of the neck near its lower end.
        height: millimetres, where its upper side lies (y).
        balance: (2,) millimetres, x and z of the centre of mass.
    """
    from manifold3d import Manifold

    low, high = neck[:, [0, 2]].min(axis=0), neck[:, [0, 2]].max(axis=0)
    low, high = np.minimum(low, balance - 12), np.maximum(high, balance + 12)
    centre, half = (low + high) / 2, (high - low) / 2 + 10
    bevel = 2.0
    lower = Manifold.cylinder(PEDESTAL_MM - bevel, 1.0, 1.0, 128).scale((half[0], half[1], 1))
    top = Manifold.cylinder(bevel, 1.0, 1 - bevel / half.mean(), 128).scale((half[0], half[1], 1))
    disc = lower + top.translate((0, 0, PEDESTAL_MM - bevel - 1e-3))
    return disc.rotate((-90, 0, 0)).translate((centre[0], height - PEDESTAL_MM + 0.5, centre[1]))


def print_solid(asset: Asset) -> tuple[NDArray, NDArray]:
    """The printable solid.

    Returns:
        vertices: (V, 3) float32 millimetres, world axes (y up).
        faces: (F, 3) int, a closed surface, anticlockwise from outside.
    """
    is_open = mouth_gap(asset) > LIP_GAP_M
    solid = _skull(asset, is_open)
    inner = [part for part in ("teeth", "tongue") if is_open and len(asset.part(part))]
    for part in (*EYES, *inner):
        if len(asset.part(part)):
            solid = solid + _solid(*_part(asset, part))
    vertices = np.asarray(solid.to_mesh().vert_properties)[:, :3].astype(float)
    floor = vertices[:, 1].min()
    neck = vertices[vertices[:, 1] < floor + 1.0]
    solid = solid + _pedestal(neck, floor, vertices[:, [0, 2]].mean(axis=0))
    largest = max(solid.decompose(), key=lambda piece: piece.volume())
    mesh = largest.to_mesh()
    return np.asarray(mesh.vert_properties)[:, :3].astype(np.float32), np.asarray(mesh.tri_verts).astype(np.int64)


def write_stl(asset: Asset) -> bytes:
    """Binary STL in millimetres, y up: one watertight solid with the photo's expression, standing on a flat base."""
    vertices, faces = print_solid(asset)
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    rows = np.zeros(len(faces), [("n", "<f4", 3), ("v", "<f4", (3, 3)), ("a", "<u2")])
    rows["n"], rows["v"] = normals, corners
    header = b"maquette head, millimetres, y up".ljust(80, b" ")
    return header + np.uint32(len(faces)).tobytes() + rows.tobytes()
