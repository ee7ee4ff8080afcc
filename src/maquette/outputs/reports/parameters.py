"""parameters.npz: everything needed to rebuild the subject and its cameras in numpy."""

from __future__ import annotations

import io

import numpy as np

from maquette.outputs.asset import Asset


def write_parameters(asset: Asset) -> bytes:
    """All parameters of the method by name, and:

    `expression_names` (E,), `camera_intrinsics` (N, 3, 3) pixels, `camera_world_to_camera` (N, 4, 4) metres,
    `camera_size` (N, 2), `camera_projection` (N,), `box` (N, 4) crop in photo pixels, `photo` (N,), `time` (N,)
    seconds, nan for a photo, `model`; with a skeleton `bone_names` (B,) and `body_model`. A clip has more poses
    than pictures are kept: then `times` and `frames`, their numbers in the clip, belong to `rotations` and the like.
    """
    reconstruction, observations = asset.result.reconstruction, asset.result.observations
    arrays = {name: np.asarray(value) for name, value in reconstruction.parameters.items()}
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
        arrays["expression_names"] = np.array(asset.model.expression_names)
    if asset.body is not None:
        arrays["body_model"] = np.array(asset.body.name)
        arrays["bone_names"] = np.array(asset.body.rig.bones)
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()
