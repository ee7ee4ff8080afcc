"""The heads of pets: one mesh for cats, dogs and wild animals, read once from its safetensors file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.morphable.model import Embedding, MorphableModel
from maquette.morphable.stored import StoredModel, stored

LANDMARKS = "pet20"
PET_MODELS = {species: f"maquette-pet-{species}" for species in ("cat", "dog", "wild")}
EARED, CARRIAGES = "dog", ("upright", "tipped", "hanging")  # the species whose ears are carried in several ways
MIRRORED = np.array([-1, 1, 1], np.float32)


@dataclass(frozen=True, eq=False)
class PetModel:
    """Heads of several species on one mesh.

    Attributes:
        species: names, "cat", "dog" and "wild".
        models: by species; all share faces, uvs, mirror, parts and the names of the units. The origin lies midway
            between the eyeballs' centres. The landmarks are embeddings["pet20"], the right side's first.
        halves: how the left half makes the whole.
        ears: by carriage, what of the mean, the modes and the ears' movements differs from upright ears.
    """

    species: tuple[str, ...]
    models: Mapping[str, MorphableModel]
    halves: Halves
    ears: Mapping[str, Mapping[str, NDArray]]

    def eared(self, left: str, right: str) -> MorphableModel:
        """The dog's model with ears carried so; coefficients draw the same dog in each.

        Args:
            left, right: upright, tipped or hanging.
        """
        model = self.models[EARED]
        if left == right == "upright":
            return model
        count, rows = self.halves.count, self.ears["upright"]["rows"]
        beside = [self.ears[side].get("mean", np.zeros((count, 3), np.float32)) for side in (left, right)]
        modes, units = model.identity_basis.copy(), model.expression_basis.copy()
        for side, carriage in (("Left", left), ("Right", right)):
            own = self.ears[carriage]
            if "modes" not in own:
                continue
            at, turn = (rows, 1) if side == "Left" else (self.halves.mirror[rows], MIRRORED)
            modes[:, at] = own["modes"] * turn
            for name, moved in zip(self.ears["upright"]["names"], own["paired"]):
                units[model.expression_names.index(f"{name}{side}"), at] = moved * turn
        mean = model.mean + self.halves.vectors(*beside)
        name = ear_model(left, right)
        return replace(model, name=name, mean=mean, identity_basis=modes, expression_basis=units)


def species_of(name: str) -> str:
    """The species of a model by its name, "maquette-pet-dog-hanging-tipped" or shorter."""
    return name.split("-")[2]


def ear_model(left: str, right: str) -> str:
    """The name of the dog's model with ears carried so."""
    return PET_MODELS[EARED] + ("" if left == right == "upright" else f"-{left}-{right}")


@lru_cache(maxsize=2)
def load_pet(path: Path) -> PetModel:
    """The heads of pets, see tools/build_pet_model.py.

    Raises:
        BadInput: the file is damaged, or of another kind.
    """
    with stored(path) as found:
        species = tuple(found.fact("species"))
        mesh = Halves.of(found)
        return PetModel(species, {name: _model(found, mesh, name) for name in species}, mesh, _ears(found))


def _ears(found: StoredModel) -> dict[str, dict[str, NDArray]]:
    upright = {"rows": found.tensors[f"{EARED}.ear_rows"], "names": np.array(found.fact("paired"))}
    other = {name: found.group(f"{EARED}.{name}") for name in CARRIAGES[1:]}
    return {"upright": upright} | {
        name: {key: value.astype(np.float32) for key, value in own.items()} for name, own in other.items()
    }


@dataclass(frozen=True, eq=False)
class Halves:
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
    def of(found: StoredModel) -> Halves:
        side, half = found.tensors["side"], found.tensors["half_faces"]
        count = int(half.max()) + 1
        mirror = np.arange(count + len(side), dtype=np.int32)
        mirror[side] = count + np.arange(len(side))
        mirror[count:] = side
        return Halves(side, count, np.concatenate([half, mirror[half][:, ::-1]]), mirror)

    def vectors(self, left: NDArray, right: NDArray) -> NDArray:
        """(..., V, 3) of vectors (..., count, 3) of the left half and those of the right one, seen in the mirror."""
        whole: NDArray = np.concatenate([left, right[..., self.side, :] * MIRRORED], axis=-2)
        return whole

    def values(self, half: NDArray) -> NDArray:
        """(V,) of values (count,)."""
        return np.concatenate([half, half[self.side]])


def _model(found: StoredModel, mesh: Halves, species: str) -> MorphableModel:
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
