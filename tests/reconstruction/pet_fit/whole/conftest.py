"""Animals of known build and stance, as a photo would show them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from maquette.core.types import Frame, Observation, Subject
from maquette.morphable.animals import stance
from maquette.morphable.animals.body import PET_BODY, AnimalBody, load_animal_body
from maquette.reconstruction.pet_fit.outline import silhouette
from maquette.reconstruction.pet_fit.whole.starts import view_rotation
from maquette.reconstruction.pet_fit.whole.state import Poser, Stand
from maquette.weights import store

SIDE, FOCAL, AWAY = 300, 480.0, 2.4


@dataclass(frozen=True)
class Known:
    """The truth, and the photo: a mask of SIDE pixels and the landmarks of the face."""

    stand: Stand
    observation: Observation
    joints: np.ndarray


@pytest.fixture(scope="session")
def body() -> AnimalBody:
    return load_animal_body(store.fetch(PET_BODY))


@pytest.fixture
def photographed(body):
    def make(name: str, azimuth: float, identity=None, changes=None, faced=True) -> Known:
        angles = stance.angles(name)
        for turn, degrees in (changes or {}).items():
            angles[[one.name for one in stance.TURNS].index(turn)] += np.radians(degrees)
        identity = np.zeros(len(body.modes)) if identity is None else identity
        rotation = view_rotation(np.radians(azimuth), 0.1)
        poser, every = Poser(body), np.arange(len(body.model.mean))
        stand = Stand(identity, angles, rotation, np.zeros(3), name)
        posed = poser.of(stand, every)
        middle = (posed.min(axis=0) + posed.max(axis=0)) / 2
        stand = Stand(identity, angles, rotation, np.array([0, 0, AWAY]) - rotation @ middle, name)
        camera = posed @ rotation.T + stand.translation
        pixels = FOCAL * camera[:, :2] / camera[:, 2:] + SIDE / 2
        mask = silhouette(pixels, body.model.faces, (SIDE, SIDE)).astype(np.float32)
        marks = pixels[body.rig.keypoints["pet20"][0][:, 0]]
        shown = Observation(
            frame=Frame(np.full((SIDE, SIDE, 3), 128, np.uint8), None, "dog.png", FOCAL),
            box=np.array([0.0, 0, SIDE, SIDE]),
            subject=Subject.PET,
            landmarks=np.column_stack([marks, np.zeros(20)]).astype(float),
            landmark_scheme="pet20",
            landmark_confidence=np.full(20, 1.0 if faced else 0.0),
            mask=mask,
            confidence=0.9,
            camera=None,
            full_size=(SIDE, SIDE),
            landmark_sigma=np.full(20, 1.0 if faced else 300.0),
            species={"cat": 0.05, "dog": 0.9, "wild": 0.05},
        )
        joints = body.rig.pose(
            body.model.vertices(identity, np.zeros(0)), body.rig.joints(identity), body.rotations(angles), np.zeros(3)
        )[1]
        return Known(stand, shown, joints @ rotation.T + stand.translation)

    return make
