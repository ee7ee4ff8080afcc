"""Method `parametric` for a person: the rigged body, fitted to key points and silhouette.

The energy follows SMPLify (Bogo et al., Keep It SMPL, ECCV 2016: key points, pose and shape priors) with a term for the
outline, on a body that products may use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maquette.core.device import usable_device
from maquette.core.errors import BadInput
from maquette.core.observations import Observations, in_motion
from maquette.core.options import BodyOptions, Options
from maquette.core.threads import computing
from maquette.core.types import BodyPose, Mesh, Observation, Reconstruction
from maquette.geometry.camera import project
from maquette.reconstruction.body_fit.fit import fit_clip, fit_photos
from maquette.reconstruction.body_fit.ground import grounded
from maquette.reconstruction.body_fit.place import PlacedBody, face_hidden, overlaps, place, smoothed
from maquette.reconstruction.body_fit.skeleton import Skeleton, load_skeleton
from maquette.reconstruction.body_fit.target import focal_of, full_frame, standing, targets_of
from maquette.reconstruction.methods import Fetch, Reconstructor

SCHEME = "mediapipe33"
HALF_HIDDEN = 0.4  # of eyes, nose and mouth
HIDDEN = "a hand or an arm hides the face: what lies behind it is guessed"


def build(fetch: Fetch, options: Options) -> Reconstructor:
    """A reconstructor for a person.

    Raises:
        WeightsMissing: the body is not there.
    """
    skeleton = load_skeleton(fetch).on(usable_device(options.perception.device))
    return lambda observations: assembled(fitted(observations, skeleton, options), observations, options.body)


@computing("body fit")
def fitted(observations: Sequence[Observation], skeleton: Skeleton, options: Options) -> PlacedBody:
    """The body in all observations, one shape and a pose for each, in the canonical world; smoothed over a clip.

    Raises:
        BadInput: an observation is not of a person.
    """
    moving = in_motion(observations)
    for seen in observations[:1] if moving else observations:
        if seen.landmark_scheme != SCHEME:
            raise BadInput(f"{seen.frame.origin}: the body wants {SCHEME} key points, got {seen.landmark_scheme}")
    if not moving:
        targets = targets_of(observations, skeleton.device)
        state = fit_photos(targets, skeleton)
        return place(state, skeleton, targets.plane, metres(options.body))
    progress = observations.report if isinstance(observations, Observations) else None
    state, plane = fit_clip(observations, skeleton, progress)
    found = place(state, skeleton, plane, metres(options.body))
    times = times_of(observations)
    found = smoothed(found, times, options.video.smoothing)
    sure = np.stack([seen.landmark_confidence for seen in observations])
    return grounded(found, times, sure, focal_of(observations[0]))


def metres(options: BodyOptions) -> float | None:
    """The height that was given, metres."""
    return None if options.height is None else options.height / 100


def times_of(observations: Sequence[Observation]) -> NDArray:
    """(N,) seconds; nan for photos."""
    return np.array([np.nan if seen.frame.time is None else seen.frame.time for seen in observations], float)


def assembled(placement: PlacedBody, observations: Sequence[Observation], options: BodyOptions) -> Reconstruction:
    """The reconstruction whose shape is the body as it stands in the first observation."""
    model = placement.skeleton.model
    count, bones = placement.rotations.shape[:2]
    quaternions = Rotation.from_matrix(placement.rotations.reshape(-1, 3, 3)).as_quat().reshape(count, bones, 4)
    return Reconstruction(
        shape=Mesh(placement.vertices(0), model.faces, model.uvs, model.uv_faces),
        cameras=tuple(placement.camera(k, seen) for k, seen in enumerate(observations)),
        model=model.name,
        identity=placement.identity.astype(np.float32),
        expression=np.zeros((count, len(model.expression_names)), np.float32),
        scale=placement.scale,
        pose=BodyPose(model.name, quaternions[..., [3, 0, 1, 2]], placement.translation, times_of(observations)),
        metric=options.height is not None,
        provenance={"method": "parametric", **facts(placement, observations, options)},
    )


def facts(placement: PlacedBody, observations: Sequence[Observation], options: BodyOptions) -> Mapping[str, Any]:
    """Where the body's size comes from, how well it fits each observation (of a clip, each key frame), whether somebody
    stands there (0-1), how much of the face arms hide (0-1), and how far the camera looks down."""
    keys = observations.key_frames if isinstance(observations, Observations) else dict(enumerate(observations))
    model, rig = placement.skeleton.model, placement.skeleton.rig
    rest = model.vertices(placement.identity, np.zeros(len(model.expression_names)), placement.scale)
    tall = float(np.ptp(rest[:, 1]))
    errors, shares, shown, stands, hidden = [], [], [], [], []
    for index, seen in keys.items():
        camera = placement.camera(index, seen)
        points = rig.keypoints_of(SCHEME, placement.vertices(index)).astype(float)
        pixels, _ = project(camera, points)
        weight = np.clip(seen.landmark_confidence, 0, 1) ** 2 + 1e-9
        errors.append(float(np.average(np.linalg.norm(pixels - seen.landmarks[:, :2], axis=1), weights=weight)))
        shares.append(100 * errors[-1] * full_frame(seen)[1] / (tall * placement.pixels_per_metre[index]))
        shown.append(overlaps(placement, index, seen))
        stands.append(standing(seen))
        hidden.append(face_hidden(placement, index, seen))
    return {
        "height_cm": 100 * tall,
        "scale_source": "average body" if options.height is None else "given height",
        "keypoint_error_px": errors,
        "keypoint_error_percent": shares,
        "silhouette_iou": shown,
        "stands": stands,
        "face_hidden": hidden,
        "pose_flags": [[HIDDEN] if share >= HALF_HIDDEN else [] for share in hidden],
        "camera_distance_m": [d if np.isfinite(d) else None for d in placement.distance[list(keys)].tolist()],
        "camera_looks_down_degrees": np.degrees(placement.pitch[list(keys)]).tolist(),
    }
