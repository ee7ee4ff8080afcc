"""Where limbs touch in a photo a surface is one piece: it is parted there, and each side closed, so that they move."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from maquette.core.types import Mesh
from maquette.geometry.mesh import adjacency, boundary_loops
from maquette.geometry.surfaces.clean import pieces
from maquette.geometry.surfaces.cut import apart_rims
from maquette.geometry.surfaces.loops import shortest_edges
from maquette.morphable.rig import Rig
from maquette.reconstruction.own_head import bones

LIMBS = (("upperarm", "lowerarm", "wrist", "finger", "metacarpal"), ("upperleg", "lowerleg", "foot"))
APART_M, APART = 0.06, 2.5  # at rest, and times what it is in the photo: points of the body that far apart only touch
FIRST_LEG = 3
SKIRT_M, SKIRT = 0.05, 0.2  # so far from the body is that share of what hangs between two legs in a skirt
EASED = 12  # times; shorter rims stay as they are
LEAST = 0.96  # of what no cut takes away: a larger piece than the rest, a forearm, is left hanging on its cut


@dataclass(frozen=True, eq=False)
class PartedSurface:
    """A surface whose limbs hang on it only where they grow.

    Attributes:
        mesh: in the pose of the photo.
        rims: where it was cut, each (R,) in the order of its faces' edges.
        weight: (V, B) float32 how far each vertex follows each bone.
    """

    mesh: Mesh
    rims: tuple[NDArray, ...]
    weight: NDArray

    def closed(self, rest: NDArray) -> Mesh:
        """The mesh with its rims closed by the shortest edges between vertices at rest (V, 3) metres.

        What closes a rim has the colours along the side of it that the photo shows best.
        """
        mesh = self.mesh
        assert mesh.uvs is not None and mesh.uv_faces is not None, "see `parted`"
        faces, flat, links = [mesh.faces], [mesh.uv_faces], adjacency(mesh.faces, len(mesh.vertices))
        chart = connected_components(adjacency(mesh.uv_faces, len(mesh.uvs)), directed=False)[1]
        for rim in self.rims:
            order = rim[::-1]
            own = order[shortest_edges(rest[order], links[order][:, order].toarray() > 0)]
            uv_of = np.zeros(len(mesh.vertices), mesh.uv_faces.dtype)
            uv_of[rim] = _best_shown(mesh, rim, rest, chart)
            faces.append(own.astype(mesh.faces.dtype))
            flat.append(uv_of[own])
        return replace(mesh, faces=np.concatenate(faces), uv_faces=np.concatenate(flat))


def _best_shown(mesh: Mesh, rim: NDArray, rest: NDArray, chart: NDArray) -> NDArray:
    """(R,) uvs, one for each vertex of a rim, all of one chart: of those in another, the nearest's at rest."""
    assert mesh.uvs is not None and mesh.uv_faces is not None, "see `parted`"
    own = np.zeros(len(mesh.vertices), mesh.uv_faces.dtype)
    own[mesh.faces.ravel()] = mesh.uv_faces.ravel()
    chart = chart[own[rim]]
    sure = np.ones(len(rim))
    if mesh.texture_confidence is not None:
        height, width = mesh.texture_confidence.shape
        column, row = (mesh.uvs[own[rim]] * [width, -height] + [0, height]).astype(int).T
        sure += mesh.texture_confidence[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    chosen = np.flatnonzero(chart == np.bincount(chart, sure).argmax())
    near = np.asarray(cKDTree(rest[rim[chosen]]).query(rest[rim])[1])
    out: NDArray = own[rim[chosen[near]]]
    return out


def parted(mesh: Mesh, body: NDArray, rest: NDArray, rig: Rig) -> PartedSurface:
    """Cut a surface where it joins two limbs, or a limb and the trunk, that only touch.

    An edge is cut if the points of the body nearest to its ends belong to different limbs and are far apart at rest,
    but not in the photo. Skirts stay whole.

    Args:
        mesh: metres, in the pose of the photo, with uvs.
        body: (W, 3) vertices of the fitted body in that pose. rest: (W, 3) the same at rest.
    """
    assert mesh.uv_faces is not None, "surfaces are textured before"
    away, near = map(np.asarray, cKDTree(body).query(mesh.vertices))
    limb = limb_of_vertices(rig)[near]
    first, second = mesh.faces, np.roll(mesh.faces, -1, axis=1)
    posed = np.maximum(_apart(body, near[first], near[second]), _apart(mesh.vertices, first, second))
    leap = (limb[first] != limb[second]) & _leaps(_apart(rest, near[first], near[second]), posed)
    legs = leap & (np.minimum(limb[first], limb[second]) >= FIRST_LEG)
    leap &= ~_of_skirts(mesh.faces, legs.any(axis=1), away)[:, None]
    for _ in range(2):
        uncut = apart_rims(mesh.faces, np.flatnonzero(~leap.any(axis=1)))
        _, piece = pieces(mesh.faces[uncut])
        sizes = np.bincount(piece)
        keep = uncut[piece == sizes.argmax()]
        off = (piece != sizes.argmax()) & (sizes[piece] > (1 - LEAST) * len(uncut))
        leap[np.isin(mesh.faces, mesh.faces[uncut[off]]).any(axis=1)] = (
            False  # what hangs on a cut alone is not cut off
        )
    if not leap.any() or len(keep) < LEAST * len(uncut):
        weight = bones.inherited(mesh.vertices, mesh.faces, body, rig, (rest, _leaps))
        return PartedSurface(mesh, (), weight)
    used, faces = np.unique(mesh.faces[keep], return_inverse=True)
    faces = faces.reshape(-1, 3).astype(mesh.faces.dtype)
    left = replace(mesh, vertices=mesh.vertices[used], faces=faces, uv_faces=mesh.uv_faces[keep], vertex_colors=None)
    open_before = np.isin(used, np.concatenate([np.zeros(0, int), *boundary_loops(mesh.faces)]))
    rims = tuple(rim for rim in boundary_loops(faces) if not open_before[rim].all())
    left = replace(left, vertices=_eased(left.vertices, rims))
    return PartedSurface(left, rims, bones.inherited(left.vertices, faces, body, rig, (rest, _leaps)))


def _eased(vertices: NDArray, rims: tuple[NDArray, ...]) -> NDArray:
    """(V, 3) vertices of which those of the rims lie on smooth lines: a cut runs from vertex to vertex, in a zigzag."""
    out = vertices.astype(float)
    for rim in rims:
        for _ in range(EASED if len(rim) > EASED else 0):
            line = out[rim]
            out[rim] = (np.roll(line, 1, axis=0) + 2 * line + np.roll(line, -1, axis=0)) / 4
    return out.astype(vertices.dtype)


def limb_of_vertices(rig: Rig) -> NDArray:
    """(W,) 0 for the trunk and the head, 1 and 2 for arms, 3 and 4 for legs, of the body's vertices."""
    weight = np.asarray(bones.whole_weights(rig).todense())
    share = [
        weight[:, [name.startswith(limb) and name.endswith(side) for name in rig.bones]].sum(axis=1)
        for limb in LIMBS
        for side in (".L", ".R")
    ]
    out: NDArray = np.stack([1 - np.sum(share, axis=0), *share]).argmax(axis=0)
    return out


def _of_skirts(faces: NDArray, between: NDArray, away: NDArray) -> NDArray:
    """(F,) which of the faces `between` two legs belong to a skirt: where they hang together, many are far from both.

    Args:
        away: (V,) metres from the body.
    """
    out, where = np.zeros(len(faces), bool), np.flatnonzero(between)
    if len(where):
        _, piece = pieces(faces[where])
        far = np.bincount(piece, away[faces[where]].max(axis=1) > SKIRT_M) / np.bincount(piece)
        out[where] = far[piece] > SKIRT
    return out


def _leaps(at_rest: NDArray, posed: NDArray) -> NDArray:
    """Which distances, metres, are so much longer at rest that what they join only touched."""
    out: NDArray = (at_rest > APART_M) & (at_rest > APART * posed)
    return out


def _apart(points: NDArray, first: NDArray, second: NDArray) -> NDArray:
    out: NDArray = np.linalg.norm(points[first] - points[second], axis=-1)
    return out
