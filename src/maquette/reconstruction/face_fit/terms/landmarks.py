"""The landmark term: the detector's 478 points with its learned bias and covariance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from maquette.core.types import Observation
from maquette.morphable import MorphableModel
from maquette.reconstruction.face_fit.equations import Linearization, NormalEquations, correlated_equations
from maquette.reconstruction.face_fit.state import POSE, FaceView, project_points
from maquette.weights.tensors import opened

LANDMARKS = 478
DEPTH_GAP = 8.0  # likewise for its depth, which on photographs says next to nothing: 1.08 -> 1.06 mm on scans
DOMAIN_GAP = 4.0  # how much larger the detector's error is on photographs than on renders; the sweep is in CARD.md


@dataclass(frozen=True, eq=False)
class ReaderNoise:
    """The face network's mean error, and how what is left of each error moves together (tools/calibrate_reader.py).

    Attributes:
        factor: (R, 956) and spread: (956,) of the covariance factor' factor + spread^2, x and y of each landmark, over
            its standard deviation.
        bias: (4, 478, 2) mean error of an upright face, in units of its extent, on the first terms of `bias_terms`.
    """

    factor: NDArray
    spread: NDArray
    bias: NDArray

    def mean_error(self, view: FaceView, extent: float) -> NDArray:
        """(478, 2) pixels for a face of this extent in pixels; the network reads upright crops."""
        yaw = view.yaw_pitch_roll()[0]
        upright = np.tensordot(bias_terms(np.sin(yaw), 0.0)[:4], self.bias, 1)
        across, down = view.rotation[:2, 1] * [1, -1]
        turn = np.array([[down, -across], [across, down]]) / max(np.hypot(across, down), 1e-9)
        return extent * upright @ turn.T


@lru_cache(maxsize=2)
def reader_noise(path: Path) -> ReaderNoise:
    """The noise in a file, read once.

    Raises:
        BadInput: the file is damaged, or of another kind.
    """
    with opened(path, "the face network's noise", "reinstall maquette", "numpy") as file:
        factor, spread, bias = (file.get_tensor(name).astype(float) for name in ("factor", "spread", "bias"))
        return ReaderNoise(factor.reshape(len(factor), 2 * LANDMARKS), spread.reshape(2 * LANDMARKS), bias)


@dataclass(frozen=True, eq=False)
class LandmarkTerm:
    """The model restricted to its landmarks.

    Attributes:
        mean: (N, 3) metres; basis: (N, 3, K + E) metres per weight, identity first.
        noise: the detector's learned error, see MorphableModel.landmark_noise.
        reader_noise: likewise of the face network.
        names: of the expression weights.
        blinks: places of eyeBlinkRight and eyeBlinkLeft among the expression weights.
        edition: of the model.
    """

    mean: NDArray
    basis: NDArray
    noise: dict[str, NDArray]
    reader_noise: ReaderNoise
    names: tuple[str, ...]
    blinks: tuple[int, int]
    edition: int

    @classmethod
    def of(cls, model: MorphableModel, modes: int, noise_of_reader: ReaderNoise) -> LandmarkTerm:
        """The term for the first `modes` identity modes."""
        embedding = model.embeddings["mediapipe478"]
        weights = np.concatenate([model.identity_basis[:modes], model.expression_basis])
        corners = weights[:, model.faces[embedding.faces]]
        basis = np.einsum("nk,pnkd->ndp", embedding.barycentric, corners, optimize=True)
        noise = {key: value.astype(float) for key, value in model.landmark_noise.items()}
        noise["spread"] = noise["spread"] * [1.0, 1.0, DEPTH_GAP]
        right, left = (model.expression_names.index(f"eyeBlink{side}") for side in ("Right", "Left"))
        mean = embedding.points(model.mean, model.faces).astype(float)
        return cls(
            mean,
            basis.astype(float),
            noise,
            noise_of_reader,
            tuple(model.expression_names),
            (right, left),
            model.edition,
        )

    def residual(self, view: FaceView, observation: Observation, shape: NDArray) -> Linearization:
        """Observed minus predicted (N, 3), x, y and relative depth, in units of the interpupillary distance.

        Its derivatives are those of the prediction.

        Args:
            shape: (K + E,) identity and expression weights.
        """
        placed = (self.mean + self.basis @ shape) @ view.rotation.T + view.translation
        flat = project_points(view, placed, self.basis)
        per_metre = view.focal / view.translation[2]
        depth = (placed[:, 2] - placed[:, 2].mean()) * per_metre
        turn = depth_turn(placed - view.translation)
        depth_pose = np.zeros((len(placed), 1, POSE))
        depth_pose[:, 0, :3] = (turn - turn.mean(axis=0)) * per_metre
        depth_shape = view.rotation[2] @ self.basis
        depth_shape = (depth_shape - depth_shape.mean(axis=0))[:, None] * per_metre
        seen = observation.landmarks
        difference = np.concatenate(
            [seen[:, :2] - flat.value, (seen[:, 2:] - seen[:, 2].mean()) - depth[:, None]], axis=1
        )
        unit = view.unit()
        by_pose = np.concatenate([flat.by_pose, depth_pose], axis=1) / unit
        by_pose[:, :, 5] += self.bias_slope(view)
        return Linearization(
            difference / unit - self.bias(view),
            by_pose,
            np.concatenate([flat.by_shape, depth_shape], axis=1) / unit,
        )

    def bias(self, view: FaceView) -> NDArray:
        """(N, 3) the detector's mean error at this yaw and distance."""
        learned = self.noise["bias"]
        terms = bias_terms(np.sin(view.yaw_pitch_roll()[0]), view.nearness())
        return np.tensordot(terms[: len(learned)], learned, 1)

    def unbiased(self, view: FaceView, observation: Observation) -> NDArray:
        """(N, 2) crop pixels: the landmarks less the detector's mean error; the network's alone as they are."""
        seen = observation.landmarks[:, :2]
        if observation.reading is not None and observation.reading.alone:
            return seen
        return np.asarray(seen - self.bias(view)[:, :2] * view.unit())

    def bias_slope(self, view: FaceView) -> NDArray:
        """(N, 3) derivative of `bias` by the distance, per metre."""
        learned, sine = self.noise["bias"], np.sin(view.yaw_pitch_roll()[0])
        by_nearness = bias_terms(sine, 1.0) - bias_terms(sine, 0.0)
        return np.tensordot(by_nearness[: len(learned)], learned, 1) * -view.nearness() / view.translation[2]

    def equations(self, view: FaceView, observation: Observation, shape: NDArray) -> NormalEquations:
        """The equations under the learned covariance factor' factor + spread^2."""
        residual = self.residual(view, observation, shape)
        sine = abs(np.sin(view.yaw_pitch_roll()[0]))
        growth = DOMAIN_GAP * np.polyval(self.noise["growth"], sine)
        trust = np.clip(observation.landmark_confidence, 0.05, 1.0)[:, None]
        spread = growth * self.noise["spread"] / trust
        inverse = 1 / spread.ravel()
        factor = (growth * self.noise["factor"]).reshape(-1, residual.value.size).T * inverse[:, None]
        jacobian = residual.jacobian() * inverse[:, None]
        return correlated_equations(jacobian, residual.value.ravel() * inverse, factor)


def bias_terms(sine: ArrayLike, nearness: ArrayLike) -> NDArray:
    """(7, ...) what the detector's mean error is linear in.

    The nearer the camera, the farther the outline that it sees lies before the chin, forehead and ears that the
    landmarks stand for.

    Args:
        sine: (...) of the yaw. nearness: (...) of the camera, see `FaceView.nearness`.
    """
    turn = np.asarray(sine, float)
    turned = np.stack([np.ones_like(turn), turn, np.abs(turn), turn**2])
    return np.concatenate([turned, np.asarray(nearness, float) * turned[:3]])


def depth_turn(turned: NDArray) -> NDArray:
    """(N, 3) derivative of the depth of rotated points by a small rotation vector: (w x p)_z = w_x p_y - w_y p_x."""
    return np.stack([turned[:, 1], -turned[:, 0], np.zeros(len(turned))], axis=1)
