"""head.stl: one closed solid on a pedestal, in millimetres, ready to print; person.stl: the closed skin of a body."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.types import Subject
from maquette.geometry.mesh import boundary_loops, vertex_normals
from maquette.outputs.asset import EYES, Asset
from maquette.outputs.meshes.weld import extrude, fill, weld
from maquette.outputs.subdivision import round_off

if TYPE_CHECKING:
    from manifold3d import Manifold

MM = 1000.0
LIP_GAP_M = 0.002  # a mouth less open than this is printed closed
RECESS_M = 0.006  # an open mouth is printed this deep, like a sculptor's; teeth are too thin for it
NECK_RINGS, NECK_TAPER = 8, 0.93
NECK_REACH_M = 0.006  # the neck goes on this far below its lowest point, down to the pedestal
PEDESTAL_MM = 9.0
FINEST_MM = 0.01  # finer edges, left by the union, would collapse in the file's single precision
SOCKET_REACH = 1.45  # eyeball radii within which the skin may belong to the socket


def extend_neck(vertices: NDArray, faces: NDArray) -> tuple[NDArray, NDArray]:
    """Close the longest boundary loop: the neck runs down to one height, ever more oval, and ends in a flat floor."""
    loop = boundary_loops(faces)[0]
    rim = vertices[loop]
    floor = rim[:, 1].min() - NECK_REACH_M
    plan = rim[:, [0, 2]]
    centre, half = (plan.max(axis=0) + plan.min(axis=0)) / 2, np.ptp(plan, axis=0) / 2
    angle = np.arctan2(*((plan - centre) / half).T)
    oval = centre + NECK_TAPER * half * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    upper = loop
    for step in np.linspace(0, 1, NECK_RINGS + 1)[1:]:
        blend = step * step * (3 - 2 * step)
        ring = np.empty_like(rim)
        ring[:, [0, 2]] = plan + blend * (oval - plan)
        ring[:, 1] = rim[:, 1] + step * (floor - rim[:, 1])
        vertices, faces, upper = extrude(vertices, faces, upper, ring)
    return fill(vertices, faces, upper, vertices[upper].mean(axis=0))


def sink_sockets(vertices: NDArray, faces: NDArray, centres: list[NDArray], radius: float) -> NDArray:
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
        inward = -np.sum(normals * away, axis=1) / np.maximum(distance, 1e-9)  # 1: the wall faces the eyeball
        pull = np.where(distance < SOCKET_REACH * radius, np.clip((inward + 0.1) / 0.4, 0, 1), 0)
        factor = 1 - pull * np.clip(1 - 0.9 * radius / np.maximum(distance, 1e-9), 0, 1)
        moved = centre + (moved - centre) * factor[:, None]
    return moved


def _solid(vertices: NDArray, faces: NDArray) -> Manifold:
    from manifold3d import Manifold, Mesh

    vertices, faces = weld(vertices, faces)
    for loop in boundary_loops(faces):
        vertices, faces = fill(vertices, faces, loop, vertices[loop].mean(axis=0))
    return Manifold(Mesh(np.ascontiguousarray(vertices * MM, np.float32), np.ascontiguousarray(faces, np.uint32)))


def _part(asset: Asset, *names: str) -> tuple[NDArray, NDArray]:
    faces = asset.mesh.faces[np.concatenate([asset.part(name) for name in names])]
    used, inverse = np.unique(faces, return_inverse=True)
    return asset.mesh.vertices[used].astype(float), inverse.reshape(-1, 3)


def _fine(asset: Asset, name: str) -> tuple[NDArray, NDArray]:
    """A part with each triangle split in four and rounded, so that a print at full size shows no facets."""
    vertices, faces = _part(asset, name)
    return round_off(vertices, faces, vertex_normals(vertices, faces))


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
    """The skin as a solid: neck closed, sockets pulled into the eyeballs, lips closed or the mouth a shallow recess."""
    vertices, faces = _fine(asset, "skin")
    eyes = [part for part in EYES if len(asset.part(part))]
    if eyes:
        balls = [_part(asset, part)[0] for part in eyes]
        centres = [(ball.min(axis=0) + ball.max(axis=0)) / 2 for ball in balls]
        radius = float(np.mean([np.ptp(ball[:, 1]) / 2 for ball in balls]))
        vertices = sink_sockets(vertices, faces, centres, radius)
    loops = boundary_loops(faces)
    if is_open:
        vertices, faces, _ = extrude(vertices, faces, loops[1], vertices[loops[1]] - [0, 0, RECESS_M])
    if loops:
        vertices, faces = extend_neck(vertices, faces)
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
    for part in EYES:
        if len(asset.part(part)):
            solid = solid + _solid(*_fine(asset, part))
    bounds = solid.bounding_box()
    outline = np.asarray(solid.to_mesh().vert_properties)[:, :3]
    neck = outline[outline[:, 1] < bounds[1] + 1.0]
    solid = solid + _pedestal(neck, bounds[1], outline[:, [0, 2]].mean(axis=0))
    if is_open and len(asset.part("tongue")):
        fuller = solid + _solid(*_part(asset, "tongue"))
        solid = fuller if is_sound(*solid_arrays(fuller)) else solid
    return solid_arrays(solid)


def print_body(asset: Asset) -> tuple[NDArray, NDArray]:
    """The skin with the mouth's inside as one solid, without the eyeballs behind the lids; see `print_solid`.

    Raises:
        BadInput: the skin is no closed surface even after its holes are filled.
    """
    solid = _solid(*_part(asset, *(part for part in ("skin", "mouth") if len(asset.part(part)))))
    if solid.is_empty():
        raise BadInput(f"{asset.result.name}: its surface cannot be closed for printing: leave stl out of --formats")
    return solid_arrays(solid)


def solid_arrays(solid: Manifold) -> tuple[NDArray, NDArray]:
    """The largest piece of a solid as the file will hold it."""
    # Decomposed after it is simplified, which may break a crumb off.
    mesh = max(solid.simplify(FINEST_MM).decompose(), key=lambda piece: piece.volume()).to_mesh()
    vertices = np.asarray(mesh.vert_properties)[:, :3].astype(np.float32)
    faces = np.asarray(mesh.tri_verts).astype(np.int64)
    return part_touching(vertices, faces), faces


def part_touching(vertices: NDArray, faces: NDArray) -> NDArray:
    """Vertices that lie at one place though their surfaces only touch, each drawn a little into its own surface.

    A reader of STL would join them, and the edge between two such pairs would have four triangles.
    """
    _, place, count = np.unique(vertices, axis=0, return_inverse=True, return_counts=True)
    touching = count[place.ravel()] > 1
    moved = vertices.copy()
    moved[touching] -= FINEST_MM / 2 * vertex_normals(vertices.astype(float), faces)[touching].astype(np.float32)
    return moved


def is_sound(vertices: NDArray, faces: NDArray) -> bool:
    """Whether each edge has two triangles once vertices at the same place are one, as readers of STL make them."""
    _, place = np.unique(vertices, axis=0, return_inverse=True)
    corners = place.ravel()[faces]
    edges = np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]]), axis=1)
    return bool((np.unique(edges, axis=0, return_counts=True)[1] == 2).all())


def write_stl(asset: Asset) -> bytes:
    """Binary STL in millimetres, y up: one watertight solid as in the photo; a head stands on a flat base."""
    made = print_solid(asset) if asset.subject is Subject.FACE else print_body(asset)
    return stl_bytes(*made, f"maquette {asset.stem}, millimetres, y up")


def stl_bytes(vertices: NDArray, faces: NDArray, title: str) -> bytes:
    """Binary STL of (V, 3) vertices and (F, 3) faces under a title of at most 80 ASCII letters."""
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    rows = np.zeros(len(faces), [("n", "<f4", 3), ("v", "<f4", (3, 3)), ("a", "<u2")])
    rows["n"], rows["v"] = normals, corners
    return title.encode("ascii").ljust(80, b" ") + np.uint32(len(faces)).tobytes() + rows.tobytes()
