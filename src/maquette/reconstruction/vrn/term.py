"""The head is fitted to the front of the volume: depth as the network sees it, where skin faces the camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from maquette.geometry.mesh import vertex_normals
from maquette.morphable import MorphableModel
from maquette.reconstruction.face_fit.equations import Linearization, NormalEquations
from maquette.reconstruction.face_fit.state import POSE, FaceView, project_points
from maquette.reconstruction.face_fit.terms.landmarks import LandmarkTerm, depth_turn
from maquette.reconstruction.vrn.read import FrontPlane, FrontReading

EFFECTIVE = 17.0  # independent measurements in one front, whose errors are alike over centimetres
OUTLIER_M = 0.006  # residual at which a point counts half
FACING = 0.3  # cosine to the camera below which skin is not asked


@dataclass(frozen=True, eq=False)
class FrontTerm:
    """The fronts of all photos.

    Attributes:
        vertices: (n,) the ones that are compared; mean (n, 3) and basis (n, 3, K + E) of them; normals (n, 3) of the
            average head.
        landmarks: their mean depth is the zero of a front.
    """

    vertices: NDArray
    mean: NDArray
    basis: NDArray
    normals: NDArray
    landmarks: LandmarkTerm
    readings: tuple[FrontReading, ...]

    @classmethod
    def of(
        cls, model: MorphableModel, landmarks: LandmarkTerm, readings: tuple[FrontReading, ...], modes: int
    ) -> FrontTerm:
        """The term for the first `modes` identity modes."""
        region = model.regions
        inner = np.isin(np.arange(len(model.mean)), model.part_vertices("mouth"))
        vertices = np.flatnonzero((region["face"] > 0.6) & (region["nostrils"] < 0.3) & ~inner)
        basis = np.concatenate([model.identity_basis[:modes], model.expression_basis])[:, vertices]
        normals = vertex_normals(model.mean.astype(float), model.faces)[vertices]
        mean = model.mean[vertices].astype(float)
        return cls(vertices, mean, basis.transpose(1, 2, 0).astype(float), normals, landmarks, readings)

    def residual(self, index: int, view: FaceView, shape: NDArray) -> tuple[Linearization, NDArray]:
        """Metres (n,) by which the front lies behind the head, with the derivatives, and weights (n,) in 0-1."""
        seen = self.compared(index, view, shape)
        flat = project_points(view, seen.placed, self.basis)
        by_pose = np.zeros((len(seen.gap), POSE))
        by_pose[:, :3] = depth_turn(seen.placed - view.translation)
        # d of the front changes too when the point moves sideways.
        sideways = seen.slopes @ self.readings[index].matrix[:2, :2] / seen.per_metre
        by_pose -= np.einsum("nk,nkp->np", sideways, flat.by_pose)
        by_shape = view.rotation[2] @ self.basis - np.einsum("nk,nkp->np", sideways, flat.by_shape)
        # Offset and tilt of the front are unknowns of their own, which drop out of the equations.
        remove = left_over(seen.plane.columns, seen.plane.weight)
        return Linearization(remove(seen.gap), remove(by_pose), remove(by_shape)), seen.plane.weight

    def plane(self, index: int, view: FaceView, shape: NDArray) -> FrontPlane:
        """Offset and tilt of the front against this head."""
        seen = self.compared(index, view, shape)
        return FrontPlane(*(float(seen.per_metre * value) for value in seen.plane.values))

    def compared(self, index: int, view: FaceView, shape: NDArray) -> FrontComparison:
        """One front beside the head of this view and shape."""
        reading = self.readings[index]
        points = self.mean + self.basis @ shape
        marks = self.landmarks.mean + self.landmarks.basis @ shape
        placed = points @ view.rotation.T + view.translation
        seen = reading.projection(view, marks).project(points)
        scale = np.sqrt(np.linalg.det(reading.matrix[:2, :2]))
        per_metre = scale * view.focal / (marks @ view.rotation[2] + view.translation[2]).mean()
        front = reading.front_at(seen[:, :2])
        slope_y, slope_x = np.gradient(reading.front)
        slopes = np.stack([_at(slope_x, seen), _at(slope_y, seen)], axis=1)
        toward = -np.einsum("nd,nd->n", self.normals @ view.rotation.T, placed) / np.linalg.norm(placed, axis=1)
        known = np.isfinite(front) & np.isfinite(slopes).all(axis=1)
        gap = np.where(known, front - seen[:, 2], 0.0) / per_metre
        facing = known * np.clip((toward - FACING) / 0.3, 0, 1)
        plane = fit_plane(seen[:, :2] / reading.side - 0.5, gap, facing)
        return FrontComparison(placed, gap, np.where(known[:, None], slopes, 0.0), per_metre, plane)

    @property
    def weights_of_its_own(self) -> int:
        """None: offset and tilt are each front's."""
        return 0

    def equations(self, index: int, view: FaceView, shape: NDArray, _own: NDArray) -> NormalEquations:
        """The equations of the photo of this index."""
        residual, weight = self.residual(index, view, shape)
        jacobian = residual.jacobian()
        error = self.readings[index].error
        weight = weight / error**2 * min(1.0, EFFECTIVE / max(weight.sum(), 1.0))
        return NormalEquations(jacobian.T @ (jacobian * weight[:, None]), jacobian.T @ (weight * residual.value))


@dataclass(frozen=True, eq=False)
class FittedPlane:
    """What is taken off a front.

    Attributes:
        columns: (n, 3) times values (3,) are metres; weight: (n,) 0-1 of the points, outliers less.
    """

    columns: NDArray
    values: NDArray
    weight: NDArray


@dataclass(frozen=True, eq=False)
class FrontComparison:
    """A front beside a head.

    Attributes:
        placed: (n, 3) the head's points in the camera, metres.
        gap: (n,) metres that the front lies behind them; slopes: (n, 2) of the front across and down the crop.
        per_metre: pixels of the crop at the head.
        plane: offset and tilt of the gap.
    """

    placed: NDArray
    gap: NDArray
    slopes: NDArray
    per_metre: float
    plane: FittedPlane


def fit_plane(places: NDArray, gap: NDArray, weight: NDArray) -> FittedPlane:
    """Offset and tilt between front and head, outliers counting little.

    Depth 0 of the network is arbitrary, and the landmarks show a head's turn better than its volume does.

    Args:
        places: (n, 2), -0.5 to 0.5 across and down the crop; gap (n,) metres; weight (n,) 0-1.
    """
    columns = np.column_stack([np.ones(len(places)), places])
    values = np.zeros(3)
    robust = weight
    for _ in range(8):
        spread = robust[:, None] * columns
        values = np.linalg.solve(columns.T @ spread + 1e-6 * np.eye(3), spread.T @ gap)
        robust = weight / (1 + ((gap - columns @ values) / OUTLIER_M) ** 2)
    return FittedPlane(columns, values, robust)


def left_over(columns: NDArray, weight: NDArray) -> Callable[[NDArray], NDArray]:
    """The part of rows (n, ...) that no combination of the columns (n, k) explains, weighted (n,)."""
    spread = weight[:, None] * columns
    inverse = np.linalg.inv(columns.T @ spread + 1e-6 * np.eye(columns.shape[1]))
    return lambda rows: rows - columns @ (inverse @ (spread.T @ rows))


def _at(picture: NDArray, seen: NDArray) -> NDArray:
    return map_coordinates(picture, (seen[:, 1::-1] - 0.5).T, order=1, cval=np.nan)
