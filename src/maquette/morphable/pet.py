"""The heads of pets: one mesh for cats, dogs and wild animals, read once from its safetensors file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.morphable.model import Embedding, MorphableModel
from maquette.morphable.stored import StoredModel, stored

LANDMARKS = "pet20"
PET_MODELS = {species: f"maquette-pet-{species}" for species in ("cat", "dog", "wild")}
MIRRORED = np.array([-1, 1, 1], np.float32)


@dataclass(frozen=True, eq=False)
class PetModel:
    """Heads of several species on one mesh.

    Attributes:
        species: names, "cat", "dog" and "wild".
        models: by species; all share faces, uvs, mirror, parts and the names of the units. The origin lies midway
            between the eyeballs' centres. The landmarks are embeddings["pet20"], the right side's first.
    """

    species: tuple[str, ...]
    models: Mapping[str, MorphableModel]


@lru_cache(maxsize=2)
def load_pet(path: Path) -> PetModel:
    """The heads of pets, see tools/build_pet_model.py.

    Raises:
        BadInput: the file is damaged, or of another kind.
    """
    with stored(path) as found:
        species = tuple(found.fact("species"))
        mesh = _Halves.of(found)
        return PetModel(species, {name: _model(found, mesh, name) for name in species})


@dataclass(frozen=True, eq=False)
class _Halves:
    """How the left half, which the file holds, makes the whole.

    Attributes:
        side: (n,) vertices of the half that are not on the plane of symmetry.
        count: vertices of the half.
        faces: (F, 3) of the whole. mirror: (V,).
    """

    side: NDArray
    count: int
    faces: NDArray
    mirror: NDArray

    @staticmethod
    def of(found: StoredModel) -> _Halves:
        side, half = found.tensors["side"], found.tensors["half_faces"]
        count = int(half.max()) + 1
        mirror = np.arange(count + len(side), dtype=np.int32)
        mirror[side] = count + np.arange(len(side))
        mirror[count:] = side
        return _Halves(side, count, np.concatenate([half, mirror[half][:, ::-1]]), mirror)

    def vectors(self, left: NDArray, right: NDArray) -> NDArray:
        """(..., V, 3) of vectors (..., count, 3) of the left half and those of the right one, seen in the mirror."""
        whole: NDArray = np.concatenate([left, right[..., self.side, :] * MIRRORED], axis=-2)
        return whole

    def values(self, half: NDArray) -> NDArray:
        """(V,) of values (count,)."""
        return np.concatenate([half, half[self.side]])


def _model(found: StoredModel, mesh: _Halves, species: str) -> MorphableModel:
    tensors = found.group(species)
    mean, modes, single, paired = (tensors[name].astype(np.float32) for name in ("mean", "modes", "single", "paired"))
    still = np.zeros_like(paired)
    sides = np.stack([mesh.vectors(paired, still), mesh.vectors(still, paired)], axis=1)
    names = [f"{name}{side}" for name in found.fact("paired") for side in ("Left", "Right")]
    landmarks = Embedding(tensors["landmark_faces"], tensors["landmark_places"].astype(np.float64))
    return MorphableModel(
        name=f"maquette-pet-{species}",
        mean=mesh.vectors(mean, mean),
        identity_basis=mesh.vectors(modes, modes),
        expression_basis=np.concatenate([mesh.vectors(single, single), sides.reshape(-1, *sides.shape[2:])]),
        expression_names=(*found.fact("single"), *names),
        faces=mesh.faces,
        uvs=found.tensors["uvs"],
        uv_faces=found.tensors["uv_faces"],
        mirror=mesh.mirror,
        parts=found.group("part"),
        regions={
            name.removeprefix("area."): mesh.values(area.astype(np.float32))
            for name, area in tensors.items()
            if name.startswith("area.")
        },
        embeddings={LANDMARKS: landmarks},
        licence=found.fact("licence"),
    )
