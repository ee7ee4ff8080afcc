"""A reconstruction in other poses: a head without its expression, a rigged body as it stands in one photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Reconstruction
from maquette.morphable.model import MorphableModel
from maquette.morphable.rig import Rig


@dataclass(frozen=True, eq=False)
class PosedBody:
    """A rigged body in one pose.

    Attributes:
        vertices: (V, 3) float32 metres, world.
        joints: (B, 3) float32 metres, world: where the bones begin.
    """

    vertices: NDArray
    joints: NDArray


def rig_of(model: MorphableModel) -> Rig:
    """The skeleton of a body.

    Raises:
        ValueError: the model has none.
    """
    if model.rig is None:
        raise ValueError(f"{model.name}: wanted a model with a skeleton")
    return model.rig


def posed_body(reconstruction: Reconstruction, model: MorphableModel, index: int) -> PosedBody:
    """The fitted body as it stands in pose `index` of the reconstruction.

    Raises:
        ValueError: the reconstruction has no body pose, or the model no skeleton.
    """
    from scipy.spatial.transform import Rotation

    pose, identity, expression = reconstruction.pose, reconstruction.identity, reconstruction.expression
    if pose is None or identity is None or expression is None:
        raise ValueError("posed_body: wanted a reconstruction with identity, expression and pose")
    rig = rig_of(model)
    rest = model.vertices(identity, expression[index], reconstruction.scale)
    turns = Rotation.from_quat(np.roll(pose.rotations[index], -1, axis=-1)).as_matrix()
    return PosedBody(*rig.pose(rest, rig.joints(identity, reconstruction.scale), turns, pose.translation[index]))


def neutral_vertices(reconstruction: Reconstruction, model: MorphableModel) -> NDArray:
    """(V, 3) metres: a head without its expression; what the photo bent beside the model's space stays."""
    identity, expressions, scale = reconstruction.identity, reconstruction.expression, reconstruction.scale
    assert identity is not None and expressions is not None, "a mesh of a model has both"
    still = np.zeros(expressions.shape[1])
    moved = model.vertices(identity, expressions[0], scale) - model.vertices(identity, still, scale)
    return reconstruction.shape.vertices - moved


def same_half(quaternions: NDArray) -> NDArray:
    """(N, B, 4) float64 of length one, each on the half-sphere of the one before it in time: q and -q turn alike."""
    turns = np.asarray(quaternions, float)
    turns = turns / np.linalg.norm(turns, axis=-1, keepdims=True)
    signs = np.where(np.sum(turns[1:] * turns[:-1], axis=-1) < 0, -1.0, 1.0)
    turns[1:] *= np.cumprod(signs, axis=0)[..., None]
    return turns
