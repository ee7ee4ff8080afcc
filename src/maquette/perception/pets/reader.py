"""The shipped networks that read an animal's face, loaded once."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from maquette.weights.store import fetch
from maquette.weights.tensors import filled, opened

if TYPE_CHECKING:
    from maquette.perception.pets.features import PetFeatures
    from maquette.perception.pets.landmark_network import PetLandmarkHead

FEATURES, HEAD = "pet-features", "pet-landmarks"
REMEDY = "reinstall maquette"


@lru_cache(maxsize=2)
def load_features(device: str = "cpu") -> PetFeatures:
    """EfficientNet-Lite0 in float32, on a device.

    Raises:
        WeightsMissing: its file is not in the package, or not the one that the zoo describes. BadInput: it is damaged.
    """
    from maquette.perception.pets.features import PetFeatures

    with opened(fetch(FEATURES), "the pet features' weights", REMEDY) as file:
        return filled(PetFeatures, file).to(device)


@lru_cache(maxsize=1)
def class_names() -> tuple[str, ...]:
    """What its 398 classes are called: ImageNet's animals."""
    with opened(fetch(FEATURES), "the pet features' weights", REMEDY) as file:
        return tuple(json.loads(file.metadata()["facts"])["classes"])


@lru_cache(maxsize=2)
def load_head(device: str = "cpu") -> PetLandmarkHead:
    """The landmark head in float32, on a device.

    Raises:
        WeightsMissing: its file is not in the package, or not the one that the zoo describes. BadInput: it is damaged.
    """
    from maquette.perception.pets.landmark_network import PetLandmarkHead

    with opened(fetch(HEAD), "the pet landmarks' weights", REMEDY) as file:
        return filled(PetLandmarkHead, file).to(device)
