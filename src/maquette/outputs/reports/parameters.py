"""parameters.npz: everything needed to rebuild the subject and its cameras in numpy."""

from __future__ import annotations

import io
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Reconstruction
from maquette.outputs.asset import Asset


def write_parameters(asset: Asset) -> bytes:
    """Further arrays of the method by name, and what is there of: `identity` (K,), `expression` (N, E), `scale` (1,),
    and of a rigged body `rotations` (N, B, 4) wxyz, `translation` (N, 3), `times` (N,) seconds; and:

    `expression_names` (E,), `camera_intrinsics` (N, 3, 3) pixels, `camera_world_to_camera` (N, 4, 4) metres,
    `camera_size` (N, 2), `camera_projection` (N,), `box` (N, 4) crop in photo pixels, `photo` (N,), `time` (N,)
    seconds, nan for a photo, `model` and `model_edition`, whose weights they are; with a skeleton `bone_names` (B,) and
    `body_model`. A clip has more poses than pictures are kept: then `times` and `frames`, their numbers in the clip,
    belong to `rotations` and the like. Of a head that moves, `motion_*` as in `core.motion.HeadMotion`.
    """
    reconstruction, observations = asset.result.reconstruction, asset.result.observations
    arrays = {name: np.asarray(value) for name, value in reconstruction.parameters.items()} | coefficients(
        reconstruction
    )
    arrays["camera_intrinsics"] = np.stack([camera.intrinsics for camera in reconstruction.cameras])
    arrays["camera_world_to_camera"] = np.stack([camera.world_to_camera for camera in reconstruction.cameras])
    arrays["camera_size"] = np.array([camera.size for camera in reconstruction.cameras])
    arrays["camera_projection"] = np.array([camera.projection for camera in reconstruction.cameras])
    arrays["box"] = np.stack([observation.box for observation in observations])
    arrays["photo"] = np.array([observation.frame.origin for observation in observations])
    times = [np.nan if observation.frame.time is None else observation.frame.time for observation in observations]
    arrays["time"] = np.array(times, float)
    arrays["model"] = np.array(asset.model.name if asset.model else "")
    if asset.model is not None:
        arrays["model_edition"] = np.array(asset.model.edition)
        arrays["expression_names"] = np.array(asset.model.expression_names)
    if asset.result.motion is not None:
        moved = {one.name: getattr(asset.result.motion, one.name) for one in fields(asset.result.motion)}
        arrays |= {f"motion_{name}": np.asarray(value) for name, value in moved.items() if value is not None}
    if asset.body is not None:
        arrays["body_model"] = np.array(asset.body.name)
        arrays["bone_names"] = np.array(asset.skeleton.bones)
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]  # its stub takes each name for allow_pickle
    return stream.getvalue()


def coefficients(reconstruction: Reconstruction) -> dict[str, NDArray]:
    """What was fitted of a parametric model, by its name in the file."""
    pose = reconstruction.pose
    found = {"identity": reconstruction.identity, "expression": reconstruction.expression}
    if pose is not None:
        found |= {"rotations": pose.rotations, "translation": pose.translation, "times": pose.times}
        found |= {"frames": pose.frames}
    known = {name: np.asarray(value) for name, value in found.items() if value is not None}
    return known | {"scale": np.array([reconstruction.scale])}
