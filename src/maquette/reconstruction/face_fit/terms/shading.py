"""The photometric term: skin under distant light shows its normals (Blanz and Vetter 1999, section 4).

Brightness at each visible vertex is compared with nine spherical harmonics of its normal (Ramamoorthi and Hanrahan
2001) times its albedo; the light is eliminated together with the shape, so that what light can explain never moves the
shape. The albedo is solved for beside the shape, one for all photos, see `albedo.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from maquette.core.types import Observation
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import RayCaster
from maquette.morphable import MorphableModel
from maquette.reconstruction.face_fit.equations import NormalEquations
from maquette.reconstruction.face_fit.state import POSE, FaceView, cross_matrices, project_points
from maquette.reconstruction.face_fit.terms.albedo import albedo_basis

EYE_DISTANCE_PX = 60.0  # size to which the photo is brought: vertices are then about a pixel apart
EVIDENCE = 400.0  # measured: how many independent samples the skin's pixels are worth, all together
RED, GREEN = 0.8, 0.2  # of the brightness: blood and sun change skin least in red; red alone is burnt out more often
SOFT_PX = 1.0  # deviation by which the small picture is blurred
NOISE_FLOOR = 0.02  # smallest relative brightness error
ROBUST_ROUNDS = 5  # of the light's reweighted least squares


def harmonics(normals: NDArray) -> NDArray:
    """(N, 9) real spherical harmonics up to degree 2 without their constants."""
    x, y, z = normals.T
    return np.stack([np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], axis=1)


def harmonics_slope(normals: NDArray, light: NDArray) -> NDArray:
    """(N, 3) derivative of harmonics(n) @ light by the normal."""
    x, y, z = normals.T
    _, a, b, c, d, e, f, g, h = light
    return np.stack(
        [a + d * y + e * z + 2 * g * x, b + d * x + f * z - 2 * g * y, c + e * x + f * y + 6 * h * z], axis=1
    )


@dataclass(frozen=True, eq=False)
class BrightnessMap:
    """One photo prepared: brightness (H, W) in 0-1 and its slope, skin trust, pixels per crop pixel."""

    bright: NDArray
    slope_x: NDArray
    slope_y: NDArray
    trust: NDArray
    factor: float


@dataclass(frozen=True, eq=False)
class ShadingTerm:
    """The model restricted to its skin, and the pictures.

    Attributes:
        model: the head; vertices: (n,) indices of the skin used; weights: (n,) share of evidence of each, area times
            how even its albedo usually is (no lips, brows, lids, nostrils).
        basis: (n, 3, K + E); faces: (f, 3) all faces around them; mean, full_basis: for those faces' normals.
        albedo: (n, m) relative albedo per weight of its own.
    """

    model: MorphableModel
    vertices: NDArray
    weights: NDArray
    mean: NDArray
    basis: NDArray
    faces: NDArray
    gather: sp.csr_matrix
    albedo: NDArray
    pictures: tuple[BrightnessMap, ...]

    @classmethod
    def of(cls, model: MorphableModel, modes: int, observations: Sequence[Observation]) -> ShadingTerm:
        """Prepare the model's skin and the photos."""
        region = model.regions
        even = region["face"] * (1 - region["lips"]) * (1 - np.clip(2 * region["brows"], 0, 1))
        even = even * (1 - region["eyelids"]) * (1 - region["nostrils"])
        inner = np.zeros(len(model.mean), bool)
        inner[model.part_vertices("mouth")] = True
        vertices = np.flatnonzero((even > 0.3) & ~inner & (model.mean[:, 2] > -0.06))
        faces = model.faces[np.isin(model.faces, vertices).any(axis=1)]
        used, faces = np.unique(faces, return_inverse=True)
        faces = faces.reshape(-1, 3)
        position = np.searchsorted(used, vertices)
        corners = model.mean[used][faces]
        area = 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        share = np.bincount(faces.ravel(), np.repeat(area / 3, 3), len(used))
        rows = np.full(len(used), -1)
        rows[position] = np.arange(len(position))
        hit = rows[faces.ravel()]
        column = np.repeat(np.arange(len(faces)), 3)
        entries = (np.ones((hit >= 0).sum()), (hit[hit >= 0], column[hit >= 0]))
        gather = sp.csr_matrix(entries, (len(position), len(faces)))
        basis = np.concatenate([model.identity_basis[:modes], model.expression_basis])[:, used]
        basis = np.ascontiguousarray(basis.transpose(1, 2, 0), np.float32)
        weights = share[position] * even[vertices]
        albedo = albedo_basis(model.mean[vertices])
        pictures = tuple(prepare(o) for o in observations)
        return cls(model, position, weights / weights.sum(), model.mean[used], basis, faces, gather, albedo, pictures)

    @property
    def weights_of_its_own(self) -> int:
        """Number of the albedo's weights, which all photos share."""
        return self.albedo.shape[1]

    def equations(self, index: int, view: FaceView, shape: NDArray, own: NDArray) -> NormalEquations:
        """The equations of the photo of this index; the light is eliminated.

        Args:
            own: (m,) the albedo's weights.
        """
        points = self.mean + self.basis @ shape.astype(np.float32)
        normals, by_shape_normal = self.normals(points)
        placed = points[self.vertices] @ view.rotation.T + view.translation
        flat = project_points(view, placed, self.basis[self.vertices])
        picture = self.pictures[index]
        where = flat.value * picture.factor
        value, slope_x, slope_y, trust = (
            sample(m, where) for m in (picture.bright, picture.slope_x, picture.slope_y, picture.trust)
        )
        toward = -np.einsum("nd,nd->n", normals @ view.rotation.T, placed) / np.linalg.norm(placed, axis=1)
        weight = self.weights * trust * np.clip((toward - 0.15) / 0.35, 0, 1)
        weight = weight * self.seen(view, points, weight > 0)
        pose_and_shape = POSE + len(shape)
        if weight.sum() < 0.05:
            return NormalEquations.nothing(pose_and_shape + len(own))
        turned = normals @ view.rotation.T
        albedo = 1 + self.albedo @ own
        shades = harmonics(turned) * albedo[:, None]
        light = fit_light(shades, value, weight)
        slope = np.stack([slope_x, slope_y], axis=1)[:, None] * picture.factor
        by_normal = harmonics_slope(turned, light.coefficients) * albedo[:, None]
        jacobian = np.empty((len(value), pose_and_shape + len(own)))
        # residual = image - shading; the model's part of the derivative is shading' - image'
        jacobian[:, :POSE] = -(slope @ flat.by_pose)[:, 0]
        jacobian[:, :3] += np.einsum("nd,ndk->nk", by_normal, -cross_matrices(turned))
        by_shape = jacobian[:, POSE:pose_and_shape]
        by_shape[:] = np.einsum("nd,ndp->np", by_normal @ view.rotation, by_shape_normal, optimize=True)
        by_shape -= (slope @ flat.by_shape)[:, 0]
        jacobian[:, pose_and_shape:] = (harmonics(turned) @ light.coefficients)[:, None] * self.albedo
        return without_light(shades, jacobian, light)

    def normals(self, points: NDArray) -> tuple[NDArray, NDArray]:
        """(n, 3) unit normals and their derivative (n, 3, K + E) by the shape weights."""
        a, b, c = (points[self.faces[:, k]] for k in range(3))
        first, second = b - a, c - a
        total = self.gather @ np.cross(first, second)
        length = np.linalg.norm(total, axis=1)
        normals = total / length[:, None]
        A, B, C = (self.basis[self.faces[:, k]] for k in range(3))
        cross_first, cross_second = (cross_matrices(edge).astype(np.float32) for edge in (first, second))
        change = cross_first @ (C - A) - cross_second @ (B - A)
        count = change.shape[2]
        change = (self.gather @ change.reshape(len(change), -1)).reshape(-1, 3, count)
        along = np.einsum("nd,ndp->np", normals, change)
        return normals, (change - normals[:, :, None] * along[:, None]) / length[:, None, None]

    def seen(self, view: FaceView, points: NDArray, asked: NDArray) -> NDArray:
        """(n,) 1 where no other skin hides the vertex from the camera."""
        eye = -view.rotation.T @ view.translation
        result = np.zeros(len(self.vertices))
        normals = vertex_normals(points, self.faces)[self.vertices]
        own = points[self.vertices]
        hidden = RayCaster(points, self.faces).occluded(own[asked], normals[asked], eye, offset=5e-4)
        result[asked] = ~hidden
        return result


def small_picture(observation: Observation) -> tuple[NDArray, float]:
    """(H, W, 3) float32 in 0-1, the photo where vertices are about a pixel apart, and its pixels per crop pixel."""
    eyes = observation.landmarks
    apart, tall = np.linalg.norm(eyes[33, :2] - eyes[263, :2]), np.linalg.norm(eyes[10, :2] - eyes[152, :2])
    span = max(float(apart), float(tall) * 0.72)
    factor = min(1.5 * EYE_DISTANCE_PX / max(span, 1.0), 4.0)
    pixels = observation.frame.pixels
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    small = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=method).astype(np.float32) / 255
    return cv2.GaussianBlur(small, (0, 0), SOFT_PX), small.shape[1] / pixels.shape[1]


def prepare(observation: Observation) -> BrightnessMap:
    """Brightness of the small picture with its slope and the skin's trust."""
    small, factor = small_picture(observation)
    bright = small @ np.array([RED, GREEN, 0.0], np.float32)
    trust = observation.mask if observation.skin is None else observation.skin
    trust = cv2.resize(trust, (bright.shape[1], bright.shape[0]), interpolation=cv2.INTER_AREA)
    trust = cv2.erode(trust, np.ones((3, 3)))
    slope_x, slope_y = (cv2.Scharr(bright, cv2.CV_32F, *d, scale=1 / 32) for d in ((1, 0), (0, 1)))
    return BrightnessMap(bright, slope_x, slope_y, trust, factor)


def sample(image: NDArray, pixels: NDArray) -> NDArray:
    """(N,) bilinear values; zero outside."""
    shifted = (pixels - 0.5).astype(np.float32)
    x, y = shifted[:, None, 0], shifted[:, None, 1]
    return cv2.remap(image, x, y, cv2.INTER_LINEAR)[:, 0].astype(float)


@dataclass(frozen=True, eq=False)
class FittedLight:
    """The light of one photo.

    Attributes:
        coefficients: (9,) of `harmonics`.
        residual: (N,) brightness less the light's.
        weight: (N,) after the robust loss.
        sigma: of the noise.
    """

    coefficients: NDArray
    residual: NDArray
    weight: NDArray
    sigma: float


def fit_light(shades: NDArray, value: NDArray, weight: NDArray) -> FittedLight:
    """Robust light that explains brightness (N,) with harmonics (N, 9), weights (N,)."""
    level = float(np.average(value, weights=weight))
    light = light_of(shades, value, weight, weight, level)
    for _ in range(ROBUST_ROUNDS - 1):
        light = light_of(shades, value, weight, light.weight, level)
    return light


def light_of(shades: NDArray, value: NDArray, weight: NDArray, robust: NDArray, level: float) -> FittedLight:
    """One round: least squares under weights `robust` (N,), then the robust weights of its residuals.

    Args:
        level: mean brightness, which the least noise is a share of.
    """
    matrix = shades.T @ (shades * robust[:, None]) + 1e-6 * robust.sum() * np.eye(shades.shape[1])
    coefficients = np.linalg.solve(matrix, shades.T @ (robust * value))
    residual: NDArray = value - shades @ coefficients
    order = np.argsort(np.abs(residual))
    total = np.cumsum(weight[order])
    median = float(np.abs(residual[order[np.searchsorted(total, total[-1] / 2)]]))
    sigma = max(1.4826 * median, NOISE_FLOOR * level, 1e-4)
    return FittedLight(coefficients, residual, weight / (1 + (residual / (2 * sigma)) ** 2) ** 2, sigma)


def without_light(shades: NDArray, jacobian: NDArray, light: FittedLight) -> NormalEquations:
    """The equations of derivatives (N, P) with the light's nine unknowns eliminated."""
    strength = np.sqrt(EVIDENCE * light.weight) / light.sigma
    joint = np.concatenate([shades, jacobian], axis=1) * strength[:, None]
    full = joint.T @ joint  # of one matrix with itself: BLAS does half the work
    right = joint.T @ (strength * light.residual)
    m = shades.shape[1]
    keep = np.linalg.solve(full[:m, :m] + 1e-9 * np.eye(m), np.column_stack([full[:m, m:], right[:m]]))
    return NormalEquations(full[m:, m:] - full[m:, :m] @ keep[:, :-1], right[m:] - full[m:, :m] @ keep[:, -1])
