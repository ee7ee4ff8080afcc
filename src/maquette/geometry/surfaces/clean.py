"""A surface from a grid made fit for use: one closed piece, without inner cavities, with as many faces as wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from maquette.geometry.mesh import adjacency, boundary_loops

if TYPE_CHECKING:
    from manifold3d import Manifold

SLIVER = 0.01  # of the mean edge's length: by how much a surface may move when its slivers go
MOST_SLIVER = 5  # times as much where most faces have to go anyway: quadrics are slow on many faces
NEAR_ENOUGH = 0.5  # of the wanted faces: the surface without its slivers and flat parts may have this few
STEPS = 6  # of the search for a tolerance
SMOOTHING, SWELLING = 0.5, -0.53  # steps of Taubin's filter: their pass band ends at 1 / 0.5 - 1 / 0.53 = 0.11


def signed_volume(vertices: NDArray, faces: NDArray) -> float:
    """What a closed surface encloses, in cubed units of its vertices; negative when its faces look inwards."""
    return float(_wedges(vertices, faces).sum())


def _wedges(vertices: NDArray, faces: NDArray) -> NDArray:
    """(F,) signed volume between each face and one point."""
    centre = vertices[faces[0, 0]] if len(faces) else np.zeros(3)
    a, b, c = (vertices[faces[:, k]] - centre for k in range(3))
    return np.sum(a * np.cross(b, c), axis=1) / 6


def is_closed(faces: NDArray) -> bool:
    """Whether each edge has exactly two faces, which run along it in opposite directions."""
    edges = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64)
    span = int(edges.max(initial=0)) + 1
    there, back = np.sort(edges[:, 0] * span + edges[:, 1]), np.sort(edges[:, 1] * span + edges[:, 0])
    return len(faces) > 0 and bool((np.diff(there) > 0).all() and np.array_equal(there, back))


def pieces(faces: NDArray) -> tuple[int, NDArray]:
    """How many connected pieces the faces form, and (F,) int, to which each belongs."""
    if len(faces) == 0:
        return 0, np.zeros(0, int)
    count = int(faces.max()) + 1
    links = scipy.sparse.coo_matrix(
        (np.ones(2 * len(faces), np.int8), (faces[:, [0, 1]].ravel(), faces[:, [1, 2]].ravel())), (count, count)
    )
    label = connected_components(links, directed=False)[1][faces[:, 0]]
    used, label = np.unique(label, return_inverse=True)
    return len(used), label


def largest_piece(vertices: NDArray, faces: NDArray) -> tuple[NDArray, NDArray, int]:
    """The piece that encloses most; the walls of cavities inside it, which face inwards, go with the others.

    Returns:
        vertices: (V, 3); faces: (F, 3) int64 of that piece, closed if the surface was.
        count: pieces that enclose something: solids, not cavities.
    """
    number, label = pieces(faces)
    if number == 0:
        return vertices, faces, 0
    volumes = np.bincount(label, _wedges(vertices, faces), number)
    kept = faces[label == volumes.argmax()]
    used, inverse = np.unique(kept, return_inverse=True)
    return vertices[used], inverse.reshape(-1, 3).astype(np.int64), int((volumes > 0).sum())


def smoothed(vertices: NDArray, faces: NDArray, rounds: int = 8) -> NDArray:
    """(V, 3) float64: vertices without the terraces of a grid, the shape neither shrunk nor moved (Taubin 1995).

    Args:
        vertices: (V, 3); faces: (F, 3) int.
        rounds: each is one step to the neighbours' mean and one, slightly larger, away from it.
    """
    links = adjacency(faces, len(vertices))
    degree = np.asarray(links.sum(axis=1))
    mean = scipy.sparse.diags(1 / np.maximum(degree.ravel(), 1)) @ links
    out = np.array(vertices, float)
    for _ in range(rounds):
        for step in (SMOOTHING, SWELLING):
            out += step * np.where(degree > 0, mean @ out - out, 0)
    return out


def filled(vertices: NDArray, faces: NDArray, longest: int = 200) -> tuple[NDArray, NDArray]:
    """The surface with its holes of at most `longest` edges closed, each by a fan around the middle of its rim.

    Returns:
        vertices: (V', 3), the old ones first; faces: (F', 3) int64, the old ones first.
    """
    centres: list[NDArray] = []
    fans: list[NDArray] = []
    for loop in boundary_loops(faces):
        if 3 <= len(loop) <= longest:
            # The rim runs along its faces' edges; the fan's faces must run against them.
            middle = np.full(len(loop), len(vertices) + len(centres))
            fans.append(np.stack([np.roll(loop, -1), loop, middle], axis=1))
            centres.append(vertices[loop].mean(axis=0))
    if not centres:
        return vertices, faces
    return np.concatenate([vertices, centres]), np.concatenate([faces.astype(np.int64), *fans])


def decimated(vertices: NDArray, faces: NDArray, target: int) -> tuple[NDArray, NDArray]:
    """At most `target` faces in place of more, by quadric error (Garland and Heckbert 1997); closed stays closed.

    Slivers, of which marching cubes makes many, go first, with their movement bounded (Manifold's edge collapse). If
    the quadrics tear the surface, bounded collapse alone reduces it.

    Args:
        vertices: (V, 3) float, in units that are the same along each axis.
        faces: (F, 3) int, closed and without edges of more than two faces.
        target: wanted number of faces.
    """
    if len(faces) <= target:
        return vertices, faces
    corners = vertices[faces]
    edge = float(np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1).mean())
    centre = vertices.mean(axis=0)
    # Manifold works in single precision, so we come to it near the origin and with edges of length one.
    near = (vertices - centre) / edge
    solid = _manifold(near, faces)
    start = near, faces
    if solid is not None:
        without_slivers = solid.simplify(SLIVER * float(np.clip(len(faces) / target / 2, 1, MOST_SLIVER)))
        if without_slivers.num_tri() >= NEAR_ENOUGH * target:
            start = _arrays(without_slivers)
    found = start if len(start[1]) <= target else _quadric(*start, target)
    if solid is not None and not is_closed(found[1]):
        found = _collapsed(solid, target)
    return found[0] * edge + centre, found[1]


def _manifold(vertices: NDArray, faces: NDArray) -> Manifold | None:
    """The solid inside a surface, or None if it encloses none."""
    from manifold3d import Error, Manifold, Mesh

    solid = Manifold(Mesh(np.ascontiguousarray(vertices, np.float32), np.ascontiguousarray(faces, np.uint32)))
    return solid if solid.status() == Error.NoError and solid.num_tri() else None


def _arrays(solid: Manifold) -> tuple[NDArray, NDArray]:
    mesh = solid.to_mesh()
    return np.asarray(mesh.vert_properties)[:, :3].astype(float), np.asarray(mesh.tri_verts).astype(np.int64)


def _collapsed(solid: Manifold, target: int) -> tuple[NDArray, NDArray]:
    """The finest of the solids with at most `target` faces that collapse within a tolerance gives."""
    low, high, best = SLIVER, 64.0, solid
    for _ in range(STEPS):
        middle = (low * high) ** 0.5
        coarser = solid.simplify(middle)
        if coarser.num_tri() > target:
            low = middle
        else:
            high = middle
        if coarser.num_tri() and (best.num_tri() > target or target >= coarser.num_tri() > best.num_tri()):
            best = coarser
    return _arrays(best)


def _quadric(vertices: NDArray, faces: NDArray, target: int) -> tuple[NDArray, NDArray]:
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkFiltersCore import vtkQuadricDecimation

    points, cells, surface = vtkPoints(), vtkCellArray(), vtkPolyData()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(vertices, float), deep=True))
    offsets = np.arange(0, faces.size + 1, 3, dtype=np.int64)
    cells.SetData(
        numpy_to_vtkIdTypeArray(offsets, deep=True),
        numpy_to_vtkIdTypeArray(np.ascontiguousarray(faces, np.int64).ravel(), deep=True),
    )
    surface.SetPoints(points)
    surface.SetPolys(cells)
    quadric = vtkQuadricDecimation()
    quadric.SetInputData(surface)
    quadric.SetTargetReduction(1 - target / len(faces))
    quadric.VolumePreservationOn()
    quadric.Update()
    output = quadric.GetOutput()
    kept = vtk_to_numpy(output.GetPolys().GetConnectivityArray()).reshape(-1, 3).astype(np.int64)
    used, inverse = np.unique(kept, return_inverse=True)
    places = vtk_to_numpy(output.GetPoints().GetData()).astype(float)
    return places[used], inverse.reshape(-1, 3).astype(np.int64)
