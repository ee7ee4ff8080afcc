"""head.stl, pet.stl, person.stl: one closed solid on a pedestal: millimetres, z up, facing -y, standing on z = 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.types import Part, Subject
from maquette.geometry.mesh import boundary_loops, vertex_normals
from maquette.geometry.subdivision import round_off
from maquette.geometry.surfaces.cards import solid_of_cards
from maquette.outputs.asset import EYES, Asset
from maquette.outputs.meshes.ply import shown_faces
from maquette.outputs.meshes.weld import extrude, fill, weld

if TYPE_CHECKING:
    from manifold3d import Manifold

MM = 1000.0
UPRIGHT = (90.0, 0.0, 0.0)  # degrees about x, y, z: from the world's axes, y up, to a printer's, z up
LIP_GAP_M = 0.002  # a mouth less open than this is printed closed
RECESS_M = 0.006  # an open mouth is printed this deep, like a sculptor's; teeth are too thin for it
NECK_RINGS, NECK_TAPER = 8, 0.93
NECK_REACH_M = 0.006  # the neck goes on this far below its lowest point, down to the pedestal
BALANCE_MM, RIM_MM, BEVEL_MM = 12.0, 10.0, 2.0  # of a pedestal: around the balance point, around what stands on it
FINEST_MM = 0.01  # finer edges, left by the union, would collapse in the file's single precision
PRINTED_EDGE_M = 0.005  # 0.16 mm off a curve of 20 mm: less than the layer of a printer
PRINTED = ("hair",)  # parts that are thick enough to be printed
HAIR_VOXEL_M, HAIR_FINEST_MM = 0.003, 0.15
HAIR_REACH_M = 0.045  # hair nearer to the skin than this is printed solid down to it
SOCKET_REACH = 1.45  # eyeball radii within which the skin may belong to the socket


@dataclass(frozen=True)
class Pedestal:
    """The disc under a solid.

    Attributes:
        thickness: millimetres.
        sunk: millimetres by which the solid reaches into it.
        foot: millimetres above its lowest point in which a solid is taken to stand.
    """

    thickness: float
    sunk: float
    foot: float


UNDER_NECK = Pedestal(9.0, 0.5, 1.0)
UNDER_SOLES = Pedestal(20.0, 6.0, 30.0)  # 2 mm at a tenth of life size; soles are round, so they sink in


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
    """A part with its longer triangles split and rounded, so that a print at full size shows no facets."""
    vertices, faces = _part(asset, name)
    return round_off(vertices, faces, vertex_normals(vertices, faces), PRINTED_EDGE_M)


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


def _cards(asset: Asset, further: Part) -> Manifold:
    """Hair as a solid on the skull; what hangs below the neck's cut is left out, where the pedestal is."""
    skin, faces = _part(asset, "skin")
    corners = asset.posed_part(further).astype(float)[further.mesh.faces[shown_faces(further)]]
    floor = skin[:, 1].min() if len(skin) else -np.inf
    made = _solid(*solid_of_cards(corners, skin[faces], HAIR_VOXEL_M, HAIR_REACH_M, float(floor)))
    return made.simplify(HAIR_FINEST_MM)


def _balance(vertices: NDArray, faces: NDArray) -> NDArray:
    """(3,) centre of mass of a closed surface: the tetrahedra between its triangles and the origin."""
    corners = vertices[faces].astype(float)
    volumes = np.einsum("fa,fa->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    return volumes @ corners.sum(axis=1) / (4 * volumes.sum())


def _on_pedestal(solid: Manifold, pedestal: Pedestal) -> Manifold:
    """The solid, y up in millimetres, on an oval disc with a bevelled rim that holds its foot and its balance point."""
    from manifold3d import Manifold

    mesh = solid.to_mesh()
    points = np.asarray(mesh.vert_properties)[:, :3]
    balance = _balance(points, np.asarray(mesh.tri_verts))[[0, 2]]
    floor = points[:, 1].min()
    foot = points[points[:, 1] < floor + pedestal.foot][:, [0, 2]]
    low, high = np.minimum(foot.min(axis=0), balance - BALANCE_MM), np.maximum(foot.max(axis=0), balance + BALANCE_MM)
    centre, half = (low + high) / 2, (high - low) / 2
    half = half * max(1.0, np.linalg.norm((foot - centre) / half, axis=1).max()) + RIM_MM
    straight = pedestal.thickness - BEVEL_MM
    lower = Manifold.cylinder(straight, 1.0, 1.0, 128).scale((half[0], half[1], 1))
    top = Manifold.cylinder(BEVEL_MM, 1.0, 1 - BEVEL_MM / half.mean(), 128).scale((half[0], half[1], 1))
    disc = (lower + top.translate((0, 0, straight - 1e-3))).rotate((-90, 0, 0))
    return solid + disc.translate((centre[0], floor - pedestal.thickness + pedestal.sunk, centre[1]))


def printed(asset: Asset) -> Manifold:
    """What is printed of a result, millimetres, z up, facing -y, on its pedestal; see `solid_arrays`.

    Raises:
        BadInput: a person's surface cannot be closed.
    """
    made = _body(asset) if asset.subject is Subject.PERSON else _head(asset)
    return made.rotate(UPRIGHT)


def pedestal_of(asset: Asset) -> Pedestal:
    """The disc that a result is printed on."""
    return UNDER_SOLES if asset.subject is Subject.PERSON else UNDER_NECK


def _head(asset: Asset) -> Manifold:
    """Skin, eyeballs and hair of a head as one solid on a pedestal."""
    is_open = mouth_gap(asset) > LIP_GAP_M
    solid = _skull(asset, is_open)
    for part in EYES:
        if len(asset.part(part)):
            solid = solid + _solid(*_fine(asset, part))
    for further in asset.result.reconstruction.parts:
        if further.name in PRINTED:
            solid = solid + _cards(asset, further)
    solid = _on_pedestal(solid, UNDER_NECK)
    if is_open and len(asset.part("tongue")):
        fuller = solid + _solid(*_part(asset, "tongue"))
        solid = fuller if is_sound(*solid_arrays(fuller)) else solid
    return solid


def _body(asset: Asset) -> Manifold:
    """The skin with the mouth's inside as one solid on a pedestal, without the eyeballs behind the lids.

    Raises:
        BadInput: the skin is no closed surface even after its holes are filled.
    """
    solid = _solid(*_part(asset, *(part for part in ("skin", "mouth") if len(asset.part(part)))))
    if solid.is_empty():
        raise BadInput(f"{asset.result.name}: its surface cannot be closed for printing: leave stl out of --formats")
    return _on_pedestal(solid, UNDER_SOLES)


def solid_arrays(solid: Manifold) -> tuple[NDArray, NDArray]:
    """The largest piece of a solid, z up, as the file will hold it: on z = 0, the middle of its box over the origin.

    Returns:
        vertices: (V, 3) float32 millimetres.
        faces: (F, 3) int, a closed surface, anticlockwise from outside.
    """
    return arrays_of(placed(solid)[0])


def placed(solid: Manifold) -> tuple[Manifold, NDArray]:
    """The largest piece of a solid in its place in the file, and by what (3,) it was moved there, millimetres."""
    # Decomposed after it is simplified, which may break a crumb off.
    piece = max(solid.simplify(FINEST_MM).decompose(), key=lambda piece: piece.volume())
    left, front, bottom, right, back, _ = piece.bounding_box()
    moved = np.array([-(left + right) / 2, -(front + back) / 2, -bottom])
    return piece.translate(tuple(moved)), moved


def arrays_of(piece: Manifold) -> tuple[NDArray, NDArray]:
    """(V, 3) float32 vertices and (F, 3) faces of one piece; none of its surfaces touch; see `part_touching`."""
    mesh = piece.to_mesh()
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
    """Binary STL in millimetres, z up, facing -y: one watertight solid as in the photo, its flat base on z = 0."""
    return stl_bytes(*solid_arrays(printed(asset)), f"maquette {asset.stem}, millimetres, z up")


def stl_bytes(vertices: NDArray, faces: NDArray, title: str) -> bytes:
    """Binary STL of (V, 3) vertices and (F, 3) faces under a title of at most 80 ASCII letters."""
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    rows = np.zeros(len(faces), [("n", "<f4", 3), ("v", "<f4", (3, 3)), ("a", "<u2")])
    rows["n"], rows["v"] = normals, corners
    return title.encode("ascii").ljust(80, b" ") + np.uint32(len(faces)).tobytes() + rows.tobytes()
