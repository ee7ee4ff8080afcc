"""Heads of the shipped models as photos would show them: landmarks and outline with known truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maquette.core.types import Frame, Observation, Subject
from maquette.morphable import load
from maquette.morphable.pet import PET_MODELS
from maquette.perception.pets.schemes import SCHEME, SPECIES
from maquette.reconstruction.pet_fit.outline import silhouette
from maquette.reconstruction.pet_fit.state import DISTANCE, PetPose, View, eye_distance, projected

SIDE, UNIT = 400, 90.0  # pixels: of the picture, and of an eye distance in it


@pytest.fixture(scope="session")
def pets():
    return {species: load(PET_MODELS[species]) for species in SPECIES}


@pytest.fixture(scope="session")
def photographed(pets) -> Callable[..., tuple[Observation, np.ndarray, PetPose]]:
    """(species, identity, degrees of turn) -> observation, true vertices, true pose."""

    def make(species: str, identity: np.ndarray, yaw: float = 0.0, noise: float = 0.0, seed: int = 0):
        model = pets[species]
        weights = np.zeros(len(model.expression_names))
        vertices = model.vertices(identity, weights).astype(float)
        turn = Rotation.from_euler("YX", [yaw, 4], degrees=True).as_matrix()
        depth = DISTANCE * eye_distance(model)
        pose = PetPose(np.diag([1.0, -1, -1]) @ turn, np.array([0.0, 0.02 * depth, depth]))
        view = View(
            np.zeros((20, 2)), np.ones(20), np.zeros((0, 2)), np.zeros((0, 2)), (SIDE, SIDE), UNIT * DISTANCE,
            np.array([SIDE, SIDE]) / 2, UNIT, np.array([0.0, -1]),
        )  # fmt: skip
        marks = projected(model.embeddings[SCHEME].points(vertices, model.faces), pose, view)[0]
        marks = marks + noise * np.random.default_rng(seed).standard_normal(marks.shape)
        skin = model.faces[model.parts["skin"]]
        mask = silhouette(projected(vertices, pose, view)[0], skin, (SIDE, SIDE)).astype(np.float32)
        seen = Observation(
            Frame(np.full((SIDE, SIDE, 3), 128, np.uint8), origin="drawn"), np.array([0.0, 0, SIDE, SIDE]), Subject.PET,
            np.column_stack([marks, np.zeros(20)]), SCHEME, np.ones(20), mask, full_size=(SIDE, SIDE),
            landmark_sigma=np.full(20, max(noise, 1.0)), species={name: float(name == species) for name in SPECIES},
        )  # fmt: skip
        return seen, vertices, pose

    return make
