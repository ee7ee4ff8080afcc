"""A person's own mesh as a model of one: what writers ask of models, of a mesh that follows a body's bones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from maquette.core.motion import Skinning
from maquette.core.types import Mesh
from maquette.morphable.model import Embedding, MorphableModel
from maquette.morphable.posing import rig_of

NAME = "person"


def model_of(skinning: Skinning, mesh: Mesh, body: MorphableModel, scale: float) -> MorphableModel:
    """The model whose mean, at `scale`, is the mesh at rest, and whose skeleton is the body's with its joints there.

    It has no identities; key points are the body's, not the mesh's.

    Args:
        mesh: the person's, whose vertices follow the bones. body: the fitted one.
    """
    count = len(skinning.vertices)
    units = np.zeros((len(skinning.units), count, 3), np.float32)
    units[:, skinning.unit_vertices] = skinning.units / scale
    body_rig = rig_of(body)
    rig = replace(
        body_rig,
        heads=(skinning.joints / scale).astype(np.float32),
        heads_basis=np.zeros((0, *skinning.joints.shape), np.float32),
        bone_index=skinning.bone_index,
        bone_weight=skinning.bone_weight,
        keypoints={},
        sliders={},
    )
    assert mesh.uvs is not None and mesh.uv_faces is not None, "persons with bones are textured"
    return MorphableModel(
        name=NAME,
        mean=(skinning.vertices / scale).astype(np.float32),
        identity_basis=np.zeros((0, count, 3), np.float32),
        expression_basis=units,
        expression_names=skinning.unit_names,
        faces=mesh.faces,
        uvs=mesh.uvs,
        uv_faces=mesh.uv_faces,
        mirror=np.arange(count, dtype=np.int32),
        parts=skinning.parts,
        regions={},
        embeddings={scheme: Embedding(*one) for scheme, one in skinning.landmarks.items()},
        licence=body.licence,
        rig=rig,
    )
