"""Poses: the first guess, steps, and the camera that is written."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.geometry.camera import project
from maquette.perception.pets.schemes import FLIPPED, NOSE, SCHEME, SPECIES
from maquette.reconstruction.pet_fit.method import view_of
from maquette.reconstruction.pet_fit.state import BESIDE, PetPose, Prior, first_pose, projected


@pytest.mark.parametrize("species", SPECIES)
@pytest.mark.parametrize("yaw", [-50, -20, 0, 35])
def test_the_first_pose_is_near_the_true_one(photographed, pets, species, yaw):
    model = pets[species]
    seen, vertices, pose = photographed(species, np.zeros(4), yaw)
    points = model.embeddings[SCHEME].points(vertices, model.faces)
    found = first_pose(points, view_of(seen), np.ones(20))
    turned = found.rotation @ pose.rotation.T
    assert np.degrees(np.arccos(np.clip((np.trace(turned) - 1) / 2, -1, 1))) < 8
    assert np.allclose(found.rotation @ found.rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(found.rotation) == pytest.approx(1)


def test_a_pose_draws_where_its_camera_draws(photographed, pets):
    seen, vertices, pose = photographed("cat", np.zeros(4), 30)
    view = view_of(seen)
    pixels, depth = project(pose.camera(view), vertices)
    drawn, camera = projected(vertices, pose, view)
    assert np.abs(pixels - drawn).max() < 1e-6 and np.allclose(depth, camera[:, 2])


def test_a_step_turns_about_the_head_and_shifts():
    pose = PetPose(np.diag([1.0, -1, -1]), np.array([0.0, 0, 2]))
    moved = pose.moved(np.array([0, 0, np.pi / 2, 0.1, 0, 0]))
    assert np.allclose(moved.translation, [0.1, 0, 2])
    assert np.allclose(moved.rotation @ [1, 0, 0], [0, 1, 0])


def test_landmarks_that_slide_are_doubted_most(photographed):
    view = view_of(photographed("cat", np.zeros(4))[0])
    assert (view.doubt > view.sigma).all() and np.array_equal(BESIDE[list(FLIPPED)], BESIDE)
    cheek = FLIPPED.index(18)
    assert view.doubt[NOSE] < view.doubt[0] < view.doubt[cheek]


def test_several_photos_count_as_one():
    one, three = Prior.usual(4), Prior.usual(4, 3)
    assert np.array_equal(three.weight, 3 * one.weight) and np.array_equal(three.mean, one.mean)
