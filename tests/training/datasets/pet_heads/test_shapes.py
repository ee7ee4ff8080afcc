"""Crops of drawn heads with their coefficients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maquette.core.options import SynthesisOptions
from maquette.reconstruction.pet_fit.shape_network import MODES, OWN, UNITS
from maquette.training.datasets.pet_heads.shapes import FACING, MIRRORED_UNITS, PetShapes, turn_of
from maquette.training.datasets.pets import make_shard


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pets")
    for split in ("train", "test"):
        (folder / split).mkdir()
        make_shard(folder, SynthesisOptions(count=3, seed=2, size=96, photos_per_person=1, split=split), 0, 3)
    return folder


def camera(turn, focal=300.0, distance=12.0):
    return np.array([[focal, 0, 48], [0, focal, 50], [0, 0, 1]]) @ np.column_stack([FACING @ turn, [0, 0, distance]])


def test_the_turn_is_that_of_the_head_in_the_crop():
    vector = np.array([0.2, -0.5, 0.1])
    turn = Rotation.from_rotvec(vector).as_matrix()
    assert np.allclose(turn_of(camera(turn), np.eye(3)[:2]), vector, atol=1e-6)
    # A picture that is turned clockwise about the line of sight shows a head turned so.
    roll = Rotation.from_euler("z", 0.3).as_matrix()
    crop = np.column_stack([2.5 * roll[:2, :2], [3.0, 4.0]])
    seen = Rotation.from_rotvec(turn_of(camera(turn), crop)).as_matrix()
    assert np.allclose(FACING @ seen, roll @ FACING @ turn, atol=1e-6)


def test_a_mirrored_crop_shows_the_mirrored_head():
    vector = np.array([0.2, -0.5, 0.1])
    mirrored = np.array([[-1.0, 0, 96], [0, 1, 0]])
    seen = turn_of(camera(Rotation.from_rotvec(vector).as_matrix()), mirrored)
    assert np.allclose(seen, vector * [1, -1, -1], atol=1e-6)
    assert [UNITS[k] for k in MIRRORED_UNITS] == [
        name.replace("Left", "_").replace("Right", "Left").replace("_", "Right") for name in UNITS
    ]


def test_a_batch_holds_what_is_read_and_what_is_true(folder):
    first, again = (PetShapes(folder, 3, 1).batch(0) for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert first["coarse"].shape == (3, 112, 10, 10) and first["whole"].shape == (3, 320, 5, 5)
    assert first["marks"].shape == (3, 20, 4) and first["shape"].shape == first["known"].shape == (3, OWN)
    for known, species in zip(first["known"], first["species"]):
        assert known[:MODES].sum() == (21, 15, 20)[species] and known[MODES:].all()
    assert sorted(first["species"].tolist()) == [0, 1, 2] and np.abs(first["turn"]).max() < 2
