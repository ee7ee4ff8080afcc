"""Method `parametric` for people: the rigged body, fitted to key points and silhouette.

The energy follows SMPLify (Bogo et al., Keep It SMPL, ECCV 2016: key points, pose and shape priors) with a term for the
outline, on a body that products may use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from maquette.core.errors import BadInput
from maquette.core.options import BodyOptions, Options
from maquette.core.types import Mesh, Observation, Reconstruction
from maquette.geometry.camera import project
from maquette.reconstruction.body_fit.fit import fit_photos
from maquette.reconstruction.body_fit.place import Placement, overlaps, place
from maquette.reconstruction.body_fit.skeleton import skeleton
from maquette.reconstruction.body_fit.target import targets_of


def build(fetch: Callable, options: Options) -> Callable[[Sequence[Observation]], Reconstruction]:
    """A reconstructor for people."""
    fetch("maquette-body")

    def reconstruct(observations: Sequence[Observation]) -> Reconstruction:
        return assembled(fit(observations, options.body), observations, options.body)

    return reconstruct


def fit(observations: Sequence[Observation], options: BodyOptions) -> Placement:
    """The body in all observations, one shape and a pose for each, in the canonical world.

    Raises:
        BadInput: an observation is not of a person.
    """
    for seen in observations:
        if seen.landmark_scheme != "mediapipe33":
            raise BadInput(f"{seen.frame.origin}: the body wants mediapipe33 key points, got {seen.landmark_scheme}")
    targets = targets_of(observations)
    torch.manual_seed(0)
    state = fit_photos(targets)
    return place(state, targets.centre, targets.size, metres(options))


def metres(options: BodyOptions) -> float | None:
    """The height that was given, metres."""
    return None if options.height is None else options.height / 100


def assembled(placement: Placement, observations: Sequence[Observation], options: BodyOptions) -> Reconstruction:
    """The reconstruction whose shape is the posed body."""
    model = skeleton().model
    shape = Mesh(placement.vertices(0), model.faces, model.uvs, model.uv_faces)
    return Reconstruction(
        shape=shape,
        cameras=tuple(placement.camera(k, seen) for k, seen in enumerate(observations)),
        parameters=parameters(placement, observations),
        scale="relative" if options.height is None else "metric",
        provenance={"method": "parametric", "model": model.name} | facts(placement, observations, options),
    )


def parameters(placement: Placement, observations: Sequence[Observation]) -> dict[str, np.ndarray]:
    """Arrays of the body.

    `identity` (K,), `scale` (1,), `expression` (N, 52), `rotations` (N, B, 4) wxyz for `Rig.transforms`, `translation`
    (N, 3) metres, `times` (N,) seconds, nan for photos.
    """
    count, bones = placement.rotations.shape[:2]
    quaternions = Rotation.from_matrix(placement.rotations.reshape(-1, 3, 3)).as_quat().reshape(count, bones, 4)
    times = [np.nan if seen.frame.time is None else seen.frame.time for seen in observations]
    return {
        "identity": placement.identity.astype(np.float32),
        "scale": np.array([placement.scale]),
        "expression": np.zeros((count, len(skeleton().model.expression_names)), np.float32),
        "rotations": quaternions[..., [3, 0, 1, 2]],
        "translation": placement.translation,
        "times": np.array(times, float),
    }


def facts(placement: Placement, observations: Sequence[Observation], options: BodyOptions) -> Mapping[str, Any]:
    """How well the body fits each observation, and where its size comes from."""
    model = skeleton().model
    rest = model.vertices(placement.identity, np.zeros(len(model.expression_names)), placement.scale)
    errors = []
    for index, seen in enumerate(observations):
        points = model.rig.keypoints_of("mediapipe33", placement.vertices(index)).astype(float)
        pixels, _ = project(placement.camera(index, seen), points)
        weight = np.clip(seen.landmark_confidence, 0, 1) ** 2 + 1e-9
        errors.append(float(np.average(np.linalg.norm(pixels - seen.landmarks[:, :2], axis=1), weights=weight)))
    tall = float(np.ptp(rest[:, 1]))
    return {
        "height_cm": 100 * tall,
        "scale_source": "average body" if options.height is None else "given height",
        "keypoint_error_px": errors,
        "keypoint_error_percent": [
            100 * error / (tall * placement.camera(k, seen).intrinsics[0, 0])
            for k, (error, seen) in enumerate(zip(errors, observations))
        ],
        "silhouette_iou": overlaps(placement, observations),
    }
