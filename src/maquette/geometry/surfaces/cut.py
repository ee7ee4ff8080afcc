"""Cutting a part off a surface, and closing the gap between two rims."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from maquette.core.types import Mesh
from maquette.geometry.mesh import boundary_loops
from maquette.geometry.surfaces.clean import pieces

TOUCHES = 12  # rounds in which faces at touching rims are taken away


@dataclass(frozen=True, eq=False)
class CutSurface:
    """What is left of a surface.

    Attributes:
        mesh: with uvs where the surface had some.
        blend: (V', V) sparse: each vertex as a blend of those of the whole surface; rows sum to 1.
    """

    mesh: Mesh
    blend: scipy.sparse.csr_matrix


def cut_off(mesh: Mesh, height: NDArray, gone: NDArray) -> CutSurface:
    """The largest piece that is left without the vertices that are gone.

    Faces between a vertex that is gone, above height 0, and one that stays, below it, are cut where the height is 0;
    others that lose a corner go as a whole.

    Args:
        height: (V,) metres. gone: (V,) bool.
    """
    lost = gone[mesh.faces]
    clean = np.where(lost, height[mesh.faces] > 0, height[mesh.faces] <= 0).all(axis=1)
    whole = ~lost.any(axis=1)
    split = clean & ~whole & ~lost.all(axis=1)
    where = np.concatenate([np.flatnonzero(whole), np.flatnonzero(split)])
    count, cut = int(whole.sum()), lost[split]
    faces, blend = _clipped(mesh.faces[where], count, cut, height[mesh.faces[split]], len(mesh.vertices))
    uv_faces, uv_blend = None, None
    if mesh.uvs is not None and mesh.uv_faces is not None:
        uv_faces, uv_blend = _clipped(mesh.uv_faces[where], count, cut, height[mesh.faces[split]], len(mesh.uvs))
    keep = _one_piece(faces)
    used, inner = np.unique(faces[keep], return_inverse=True)
    blend = blend[used]
    left = replace(
        mesh,
        vertices=(blend @ mesh.vertices.astype(float)).astype(np.float32),
        faces=inner.reshape(-1, 3).astype(np.int32),
        uvs=None if uv_blend is None or mesh.uvs is None else np.asarray(uv_blend @ mesh.uvs, np.float32),
        uv_faces=None if uv_faces is None else uv_faces[keep].astype(np.int32),
        vertex_colors=None,
    )
    return CutSurface(left, blend)


def _clipped(
    faces: NDArray, whole: int, lost: NDArray, height: NDArray, count: int
) -> tuple[NDArray, scipy.sparse.csr_matrix]:
    """Faces, the first `whole` as they are and the others (S, 3) without their `lost` corners; and (V', V) the blend.

    Args:
        height: (S, 3) at the corners of the others. count: V.
    """
    rolled = []
    single = lost.sum(axis=1) == 1
    for row in range(3):  # the odd corner first: the lost one of three, or the one that stays
        odd = (lost[:, row] & single) | (~lost[:, row] & ~single)
        chosen = np.flatnonzero(odd)
        rolled.append((chosen, np.roll(faces[whole:][chosen], -row, axis=1), np.roll(height[chosen], -row, axis=1)))
    order = np.concatenate([chosen for chosen, _, _ in rolled])
    corners = np.concatenate([c for _, c, _ in rolled])
    levels = np.concatenate([h for _, _, h in rolled])
    tops = single[order]
    first, second = corners[:, [0, 1]], corners[:, [0, 2]]
    edges = np.concatenate([first, second])
    ends = np.concatenate([levels[:, [0, 1]], levels[:, [0, 2]]])
    ordered = edges[:, 0] > edges[:, 1]
    edges[ordered], ends[ordered] = edges[ordered, ::-1], ends[ordered, ::-1]
    unique, index, inverse = np.unique(edges, axis=0, return_index=True, return_inverse=True)
    share = ends[index, 0] / (ends[index, 0] - ends[index, 1])
    new = count + np.arange(len(unique))
    middle = new[inverse.ravel()].reshape(2, -1)
    a, b = middle[0], middle[1]
    one, two = corners[:, 1], corners[:, 2]
    lone = np.stack([corners[:, 0], a, b], axis=1)[~tops]
    quads = [np.stack([a, one, two], axis=1)[tops], np.stack([a, two, b], axis=1)[tops]]
    rows = np.concatenate([np.arange(count), new, new])
    columns = np.concatenate([np.arange(count), unique[:, 0], unique[:, 1]])
    values = np.concatenate([np.ones(count), 1 - share, share])
    blend = scipy.sparse.coo_matrix((values, (rows, columns)), (count + len(unique), count)).tocsr()
    return np.concatenate([faces[:whole], lone, *quads]), blend


def _one_piece(faces: NDArray) -> NDArray:
    """(n,) which faces to keep: the largest piece, no two of whose rims touch."""
    keep = apart_rims(faces, np.arange(len(faces)))
    _, piece = pieces(faces[keep])
    return keep[piece == np.bincount(piece).argmax()]


def apart_rims(faces: NDArray, keep: NDArray) -> NDArray:
    """(n',) those of the faces `keep` (n,) that are left when no two rims touch."""
    for _ in range(TOUCHES):
        own = faces[keep]
        edges = np.concatenate([own[:, [0, 1]], own[:, [1, 2]], own[:, [2, 0]]]).astype(np.int64)
        span = int(edges.max()) + 1
        rim = edges[~np.isin(edges[:, 0] * span + edges[:, 1], edges[:, 1] * span + edges[:, 0])]
        starts, times = np.unique(rim[:, 0], return_counts=True)
        touching = starts[times > 1]
        if not len(touching):
            break
        keep = keep[~np.isin(own, touching).any(axis=1)]
    return keep


def patched(faces: NDArray, uv_faces: NDArray, rims: list[NDArray]) -> tuple[NDArray, NDArray]:
    """Faces (F', 3) and their uvs with the rims closed by fans; each fan has the colour of one of its corners."""
    own, flat = [faces], [uv_faces]
    for rim in rims:
        fan = np.stack([np.full(len(rim) - 2, rim[0]), rim[2:], rim[1:-1]], axis=1)
        row, column = np.argwhere(faces == rim[0])[0]
        own.append(fan.astype(faces.dtype))
        flat.append(np.full(fan.shape, uv_faces[row, column], uv_faces.dtype))
    return np.concatenate(own), np.concatenate(flat)


def ring_around(faces: NDArray, flat: NDArray) -> tuple[NDArray | None, list[NDArray]]:
    """The longest rim of a surface that runs around the origin of a plane, and all other rims.

    Args:
        flat: (V, 2) the vertices in that plane.
    """
    loops = boundary_loops(faces)
    for index, loop in enumerate(loops):
        x, y = flat[loop].T
        angle = np.unwrap(np.append(np.arctan2(y, x), np.arctan2(y[0], x[0])))
        if abs(angle[-1] - angle[0]) > np.pi:
            return loop, loops[:index] + loops[index + 1 :]
    return None, loops


def zipped(upper_angle: NDArray, lower_angle: NDArray) -> NDArray:
    """(A + B, 3) faces that close the gap between two rims: 0 to A are the upper one's vertices, A is 0 again after
    one turn; A + 1 to A + 1 + B likewise the lower one's.

    Args:
        upper_angle, lower_angle: (A,) and (B,) rising or falling alike, over one turn, from about the same angle; the
            upper rim in the order of its faces' edges, the lower one against it.
    """
    sign = np.sign(upper_angle[-1] - upper_angle[0]) or 1.0
    ends = [np.maximum.accumulate(sign * angle) for angle in (upper_angle, lower_angle)]
    a_at, b_at = (np.append(end, end[0] + 2 * np.pi) for end in ends)
    a, b, below = 0, 0, len(a_at)
    faces = []
    while a < len(upper_angle) or b < len(lower_angle):
        upwards = a < len(upper_angle) and a_at[a + 1] + a_at[a] <= b_at[min(b + 1, len(b_at) - 1)] + b_at[b]
        if b == len(lower_angle) or upwards:
            faces.append((a + 1, a, below + b))
            a += 1
        else:
            faces.append((a, below + b, below + b + 1))
            b += 1
    return np.array(faces, np.int32)
