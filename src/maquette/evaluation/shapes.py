"""Distances between surfaces: point to triangle, Chamfer, point-to-surface, F-score. Exact, in the meshes' own unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.evaluation.meshes import Shape

SAMPLES = 10_000  # points per mesh, as PIFuHD's evaluation takes


class ClosestPoints:
    """The nearest points on a triangle mesh (point to triangle, not to vertex): VTK's static cell locator."""

    def __init__(self, shape: Shape) -> None:
        from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
        from vtkmodules.vtkCommonCore import vtkPoints
        from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData, vtkStaticCellLocator

        corners = shape.vertices[shape.faces]
        areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        # VTK skips degenerate triangles only when it notices them.
        self._kept = np.flatnonzero(areas > 0)
        points, cells = vtkPoints(), vtkCellArray()
        points.SetData(numpy_to_vtk(np.ascontiguousarray(shape.vertices), deep=True))
        cells.SetData(3, numpy_to_vtkIdTypeArray(np.ascontiguousarray(shape.faces[self._kept]).ravel(), deep=True))
        surface = vtkPolyData()
        surface.SetPoints(points)
        surface.SetPolys(cells)
        self._locator = vtkStaticCellLocator()
        self._locator.SetDataSet(surface)
        self._locator.BuildLocator()

    def query(self, points: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """The nearest surface point to each of (N, 3) points.

        Returns:
            closest: (N, 3); distances: (N,); faces: (N,) int, the triangle it lies on.
        """
        from vtkmodules.vtkCommonCore import reference

        points = np.asarray(points, np.float64)
        closest, faces = np.empty((len(points), 3)), np.empty(len(points), np.int64)
        spot, cell, part, squared = [0.0, 0.0, 0.0], reference(0), reference(0), reference(0.0)
        find = self._locator.FindClosestPoint
        for k, point in enumerate(points.tolist()):
            find(point, spot, cell, part, squared)  # type: ignore[call-overload]  # VTK's stub knows no `reference`
            closest[k], faces[k] = spot, int(cell)
        return closest, np.linalg.norm(closest - points, axis=1), self._kept[faces]


def sample_surface(shape: Shape, count: int, generator: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Points spread evenly over the area.

    Returns:
        points: (count, 3); faces: (count,) int, the triangle each lies on.
    """
    corners = shape.vertices[shape.faces]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    faces = generator.choice(len(areas), count, p=areas / areas.sum())
    # Osada et al. 2002, eq. 1: uniform in the triangle.
    root, along = np.sqrt(generator.random((count, 1))), generator.random((count, 1))
    a, b, c = corners[faces].transpose(1, 0, 2)
    return (1 - root) * a + root * (1 - along) * b + root * along * c, faces


@dataclass(frozen=True, eq=False)
class Distances:
    """Both directions between a prediction and the truth.

    Attributes:
        forward: (N,) from points of the prediction to the surface of the truth.
        backward: (M,) from points of the truth to the surface of the prediction.
    """

    forward: NDArray
    backward: NDArray

    @property
    def chamfer(self) -> float:
        """Mean of the two directional means, unsquared (PIFuHD's convention)."""
        return float((self.forward.mean() + self.backward.mean()) / 2)

    @property
    def chamfer_squared(self) -> float:
        """Mean of the two directional means of squared distances."""
        return float(((self.forward**2).mean() + (self.backward**2).mean()) / 2)

    @property
    def p2s(self) -> float:
        """Point to surface: mean distance from the prediction to the truth (PIFuHD's convention)."""
        return float(self.forward.mean())

    def f_score(self, tau: float) -> float:
        """Harmonic mean of the shares within `tau` in either direction (Knapitsch et al. 2017), 0-1."""
        precision, recall = float((self.forward <= tau).mean()), float((self.backward <= tau).mean())
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def distances(
    prediction: Shape, truth: Shape, generator: np.random.Generator, samples: int | None = SAMPLES
) -> Distances:
    """Distances in both directions, from points sampled on one surface to the other surface.

    Args:
        samples: per mesh; None takes the vertices instead.
    """

    def spread(shape: Shape) -> NDArray:
        return shape.vertices if samples is None else sample_surface(shape, samples, generator)[0]

    forward = ClosestPoints(truth).query(spread(prediction))[1]
    backward = ClosestPoints(prediction).query(spread(truth))[1]
    return Distances(forward, backward)
