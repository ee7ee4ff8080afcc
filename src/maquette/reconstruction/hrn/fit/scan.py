"""A scan in the texture's plane of one face: what deformation and displacement would meet it, and how far it is off.

A scan is points without triangles, laid onto the face beforehand. The deformation is fitted as in non-rigid ICP with
point-to-plane distances (Chen and Medioni 1992), its grid as smooth as a membrane; the displacement is what is left
along the normals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree
from torch import Tensor
from torch.nn import functional

from maquette.reconstruction.hrn.coefficients import Coefficients
from maquette.reconstruction.hrn.detail import DEFORMATION_SIDE
from maquette.reconstruction.hrn.face_model import FaceModel, rotation
from maquette.reconstruction.hrn.sampling import at_uvs, uv_points

NEIGHBOURS = 12  # points that give one its normal
WIDE = 6  # neighbours within one radius
ROUNDS = 4  # of finding the scan anew and bending the face towards it
FARTHEST = 0.2  # decimetres from the face to the scan, beyond which it is another surface
ALIKE = 0.5  # least cosine of both normals
BESIDE = 1.0  # radii by which a place may lie beside the points it is compared with: else there is a hole or an edge
LEFT = 0.04  # decimetres that the bent face may be off the scan: farther is the inside of a mouth, or hair
SMOOTH, SLIDE, REST = 0.3, 0.01, 1e-3  # weights of steps between texels, of sliding, of staying where it is


@dataclass(frozen=True, eq=False)
class ScanMaps:
    """One face as its scan has it, maps of 64 and S texels; decimetres.

    Attributes:
        deformation: (3, 64, 64), added to the unposed shape. displacement: (1, S, S) along its normals.
        facing: (3, S, S) normals of the scan, posed. gap: (1, S, S) from the undeformed face to the scan along these.
        known: (1, S, S) bool where the scan shows the face.
    """

    deformation: Tensor
    displacement: Tensor
    facing: Tensor
    gap: Tensor
    known: Tensor


class ScanSurface:
    """The surface that scanned points lie on, as planes of neighbours."""

    def __init__(self, points: NDArray) -> None:
        """Take (P, 3) points, at least NEIGHBOURS."""
        self.points, self.tree = points, cKDTree(points)
        distance, near = self._nearest(points, NEIGHBOURS)
        self.radii = distance[:, WIDE - 1]  # scans are denser about eyes and mouth
        centred = points[near] - points[near].mean(axis=1, keepdims=True)
        # The direction in which the neighbours differ least.
        self.normals = np.linalg.eigh(np.einsum("nki,nkj->nij", centred, centred))[1][:, :, 0]

    def near(self, places: NDArray, facing: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """The planes nearest to places.

        Args:
            places: (N, 3). facing: (N, 3) unit normals of the surface at them.

        Returns:
            origins: (N, 3) on the planes. normals: (N, 3), turned as `facing`. known: (N,) bool whether there is a
            surface, near, turned alike, and not beside its edge.
        """
        distance, near = self._nearest(places, NEIGHBOURS)
        radii = self.radii[near[:, 0]]
        share = np.exp(-(distance**2 - distance[:, :1] ** 2) / radii[:, None] ** 2)
        share = (share / share.sum(axis=1, keepdims=True))[:, :, None]
        normals = self.normals[near]
        normals = normals * np.sign((normals * facing[:, None]).sum(axis=2, keepdims=True) + 1e-12)
        normals, origins = (share * normals).sum(axis=1), (share * self.points[near]).sum(axis=1)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        gaps = origins - places
        along = (gaps * normals).sum(axis=1)
        beside = np.linalg.norm(gaps - along[:, None] * normals, axis=1)
        alike = (normals * facing).sum(axis=1) > ALIKE
        return origins, normals, alike & (np.abs(along) < FARTHEST) & (beside < BESIDE * radii)

    def _nearest(self, places: NDArray, count: int) -> tuple[NDArray, NDArray]:
        """(N, count) distances and indices of the nearest points."""
        distance, near = self.tree.query(places, k=[*range(1, count + 1)])
        return np.asarray(distance), np.asarray(near)


@torch.no_grad()
def scanned(model: FaceModel, found: Coefficients, points: NDArray) -> ScanMaps:
    """What a scan says about one face.

    Args:
        found: of one face. points: (P, 3) decimetres, posed, of its scan laid onto it.
    """
    turn, moved = rotation(found.angles)[0].double().cpu().numpy(), found.translation[0].double().cpu().numpy()
    surface, shape = ScanSurface((points - moved) @ turn.T), model.shape(found.identity, found.expression)
    deformation = bent(model, shape, surface)
    changed = shape + at_uvs(deformation, model.uvs)
    normals = functional.normalize(model.table.at(model.normals(changed)), dim=-1)[0].double().cpu().numpy()
    first, places = (model.table.at(one)[0].double().cpu().numpy() for one in (shape, changed))
    origins, facing, known = surface.near(places, normals)
    along = ((origins - places) * facing).sum(axis=1) / np.maximum((normals * facing).sum(axis=1), ALIKE)
    gap, known = ((origins - first) * facing).sum(axis=1), known & (np.abs(along) < LEFT)
    maps = np.column_stack([along, facing @ turn, gap, np.ones(len(gap))]) * known[:, None]
    drawn = model.table.spread(torch.from_numpy(maps).to(shape)[None])[0]
    displacement, facing_map, gap_map, known_map = drawn.split((1, 3, 1, 1))
    return ScanMaps(deformation[0], displacement, facing_map, gap_map, known_map > 0.5)


def bent(model: FaceModel, shape: Tensor, surface: ScanSurface) -> Tensor:
    """(1, 3, 64, 64): the deformation with which an unposed shape (1, V, 3) meets a scan in its frame."""
    at, side = _mixing(model), DEFORMATION_SIDE
    steps = _steps(side)
    # Per texel, so that the weights mean the same whatever the count of vertices is.
    share = len(model.uvs) / side**2
    still = sparse.kron(SMOOTH * steps.T @ steps + REST * sparse.eye(side**2), sparse.eye(3))
    deformation = shape.new_zeros(1, 3, side, side)
    for _ in range(ROUNDS):
        changed = shape + at_uvs(deformation, model.uvs)
        normals, places = (one[0].double().cpu().numpy() for one in (model.normals(changed), changed))
        origins, facing, known = surface.near(places, normals)
        seen, planes = at[known], facing[known]
        # Columns are the texels' x, y and z beside one another.
        axes = [sparse.csr_matrix(axis[None]) for axis in np.eye(3)]
        across = sum(sparse.kron(seen.multiply(planes[:, [k]]), axis) for k, axis in enumerate(axes)).tocsr()
        held = sparse.kron(SLIDE * seen.T @ seen, sparse.eye(3))
        wanted = ((origins[known] - shape[0].double().cpu().numpy()[known]) * planes).sum(axis=1)
        system = (across.T @ across + held) / share + still
        solved = splu(system.tocsc()).solve(across.T @ wanted / share)
        grid = solved.reshape(side, side, 3).transpose(2, 0, 1)
        deformation = torch.from_numpy(grid.copy())[None].to(shape)
    return deformation


def _mixing(model: FaceModel) -> sparse.csr_matrix:
    """(V, 64 * 64): the deformation at each vertex as a mean of four texels, see `sampling.at_uvs`."""
    side = DEFORMATION_SIDE
    points = uv_points(model.uvs, side).double().cpu().numpy().clip(0, side - 1)
    first = np.minimum(points.astype(int), side - 2)
    rest = points - first
    rows, columns, weights = [], [], []
    for right in (0, 1):
        for down in (0, 1):
            rows.append(np.arange(len(points)))
            columns.append((first[:, 1] + down) * side + first[:, 0] + right)
            weights.append(np.abs(1 - right - rest[:, 0]) * np.abs(1 - down - rest[:, 1]))
    size = (len(points), side**2)
    return sparse.csr_matrix((np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))), size)


def _steps(side: int) -> sparse.csr_matrix:
    """(2 side (side - 1), side * side): differences of neighbouring texels, down and across."""
    along = sparse.csr_matrix(np.diff(np.eye(side), axis=0))
    return sparse.vstack([sparse.kron(along, sparse.eye(side)), sparse.kron(sparse.eye(side), along)]).tocsr()
