"""Errors of orientation: PIFuHD's normal error of four views, angles at surface points, cosines of maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.types import Camera
from maquette.evaluation.meshes import Shape
from maquette.evaluation.shapes import SAMPLES, ClosestPoints, sample_surface
from maquette.geometry.mesh import face_normals, vertex_normals
from maquette.geometry.raycast import render_buffers

SIZE = 512  # pixels, width and height of a view (PIFuHD)
YAWS = (0, 90, 180, 270)  # degrees about the vertical (PIFuHD)
MARGIN = 1.1  # of the truth's half extent; PIFuHD's own frames are constants of its data sets


def normal_error(prediction: Shape, truth: Shape, size: int = SIZE) -> float:
    """PIFuHD's normal error (Saito et al. 2020, evaluation code).

    Both meshes are drawn orthographically at yaw 0, 90, 180 and 270 degrees as normals in 0-1 (background 0). The
    error is 4 times the mean over views and pixels, background included, of the squared difference summed over
    channels; the 4 makes it that of unit normals.

    Args:
        prediction, truth: in one frame, y up; the truth's extent sets the frame of the pictures.
        size: pixels.
    """
    centre = (truth.vertices.min(axis=0) + truth.vertices.max(axis=0)) / 2
    local = truth.vertices - centre
    extent = MARGIN * max(float(np.abs(local[:, 1]).max()), float(np.linalg.norm(local[:, [0, 2]], axis=1).max()))
    total = 0.0
    for yaw in YAWS:
        pictures = [_normal_picture(shape, centre, extent, yaw, size) for shape in (prediction, truth)]
        total += float(((pictures[0] - pictures[1]) ** 2).sum(axis=2).mean())
    return 4.0 * total / len(YAWS)


def normal_angles(prediction: Shape, truth: Shape, generator: np.random.Generator, samples: int = SAMPLES) -> NDArray:
    """(samples,) degrees between the normals of points on the prediction and of the nearest points on the truth."""
    points, faces = sample_surface(prediction, samples, generator)
    nearest = ClosestPoints(truth).query(points)[2]
    mine = _unit(face_normals(prediction.vertices, prediction.faces))[faces]
    theirs = _unit(face_normals(truth.vertices, truth.faces))[nearest]
    return np.degrees(np.arccos(np.clip((mine * theirs).sum(axis=1), -1, 1)))


def normal_cosine(a: NDArray, b: NDArray, mask: NDArray) -> float:
    """Mean cosine between two normal maps over a mask; 1 is agreement.

    Args:
        a, b: (H, W, 3) float, any frame but the same; need not be unit.
        mask: (H, W) bool.

    Raises:
        BadInput: different sizes, an empty mask, NaN or a zero normal inside the mask.
    """
    if a.shape != b.shape or a.ndim != 3 or a.shape[2] != 3 or mask.shape != a.shape[:2]:
        raise BadInput(f"normals: wanted two (H, W, 3) maps and a (H, W) mask, got {a.shape}, {b.shape}, {mask.shape}")
    if not mask.any():
        raise BadInput("normals: the mask is empty, wanted at least one pixel")
    first, second = a[mask].astype(float), b[mask].astype(float)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise BadInput("normals: the mask holds NaN or zero normals; wanted a direction in each of its pixels")
    return float(np.mean(np.sum(first * second, axis=1) / lengths))


def _unit(vectors: NDArray) -> NDArray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-300)


def _normal_picture(shape: Shape, centre: NDArray, extent: float, yaw: float, size: int) -> NDArray:
    """(size, size, 3) normals of one view in 0-1, in the axes of the view; background 0."""
    c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    # In a frame of unit extent: the orthographic rays begin 10 units in front.
    vertices = (shape.vertices - centre) @ turn.T / extent
    world_to_camera = np.diag([1.0, -1.0, -1.0, 1.0])
    intrinsics = np.array([[size / 2, 0, size / 2], [0, size / 2, size / 2], [0, 0, 1.0]])
    camera = Camera(intrinsics, world_to_camera, (size, size), "orthographic")
    face, barycentric, _ = render_buffers(camera, vertices, shape.faces)
    corners = vertex_normals(vertices, shape.faces)[shape.faces[np.maximum(face, 0)]]
    normals = np.einsum("hwk,hwkd->hwd", barycentric, corners)
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-12)
    return np.where(face[..., None] >= 0, 0.5 * normals + 0.5, 0.0)
