"""The method for pets: species, size, several photos, bad input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from maquette.core.errors import NothingFound
from maquette.geometry.camera import project
from maquette.perception.pets.schemes import SCHEME, SPECIES
from maquette.reconstruction.pet_fit.method import fitted, species_shares
from maquette.reconstruction.pet_fit.shape_network import LOG_VARIANCE, MODES, PetShapeNetwork
from maquette.reconstruction.pet_fit.sizes import relative_size
from maquette.reconstruction.pet_fit.state import eye_distance


@pytest.mark.parametrize("species", SPECIES)
def test_landmarks_lie_where_the_camera_draws_them(photographed, pets, species):
    seen, _, _ = photographed(species, np.array([0.5, -0.5, 0.5]), 20)
    made = fitted(pets, [seen])
    model = pets[species]
    assert made.model == model.name and made.provenance["pet"]["species"] == species
    drawn, depth = project(made.cameras[0], model.embeddings[SCHEME].points(made.shape.vertices, model.faces))
    assert (depth > 0).all()
    assert np.median(np.linalg.norm(drawn - seen.landmarks[:, :2], axis=1)) < 4


def test_what_was_read_decides_between_alike_heads(photographed, pets):
    seen, _, _ = photographed("dog", np.zeros(3))
    sure = replace(seen, species={"cat": 0.001, "dog": 0.001, "wild": 0.998})
    assert fitted(pets, [sure]).provenance["pet"]["species"] == "wild"
    shares = species_shares([replace(seen, species=None)])
    assert np.allclose(list(shares.values()), 1 / 3, atol=1e-6)
    two = species_shares([seen, replace(seen, species={"cat": 0.5, "dog": 0.4, "wild": 0.1})])
    assert max(two, key=two.__getitem__) == "dog"


def test_a_measured_height_sets_the_size_and_nothing_else(photographed, pets):
    seen, _, _ = photographed("cat", np.zeros(3), 15)
    usual, small = fitted(pets, [seen]), fitted(pets, [seen], 15.0)
    assert not usual.metric and small.metric and small.scale == pytest.approx(relative_size(15.0, "cat"))
    assert np.allclose(small.shape.vertices / small.scale, usual.shape.vertices, atol=1e-6)
    pixels = [project(made.cameras[0], made.shape.vertices.astype(float))[0] for made in (usual, small)]
    assert np.abs(pixels[0] - pixels[1]).max() < 1e-3
    assert usual.provenance["pet"]["eye_distance_m"] == pytest.approx(eye_distance(pets["cat"]), abs=1e-4)


def test_several_photos_give_one_head_and_a_pose_each(photographed, pets):
    identity = np.array([1.0, -1, 0.5])
    photos = [photographed("wild", identity, yaw)[0] for yaw in (-40, 0, 40)]
    made = fitted(pets, photos)
    assert len(made.cameras) == 3 and made.motion is not None and made.motion.shape[0] == 3
    assert np.allclose(made.motion[0], made.shape.vertices)
    assert made.expression is not None and made.expression.shape[0] == 3


def test_the_order_of_the_photos_changes_nothing(photographed, pets):
    photos = [
        photographed("dog", np.array([0.8, -0.6, 1.0]), yaw, noise=2.0, seed=k)[0] for k, yaw in enumerate((-30, 5, 40))
    ]
    torch.manual_seed(0)
    network = PetShapeNetwork().eval()
    first = fitted(pets, photos, network=network)
    order = [2, 0, 1]
    again = fitted(pets, [photos[k] for k in order], network=network)
    assert np.allclose(again.identity, first.identity, atol=1e-5)
    assert np.allclose(again.expression, first.expression[order], atol=1e-5)
    assert np.allclose(again.motion, first.motion[order], atol=1e-5 * eye_distance(pets["dog"]))


def test_the_head_is_drawn_to_what_the_network_is_sure_of(photographed, pets):
    photos = [photographed("cat", np.array([1.0, -1, 0.5]), yaw)[0] for yaw in (-25, 25)]
    network = PetShapeNetwork().eval()
    with torch.no_grad():
        for layer in (network.straight, network.means, network.spreads):
            layer.weight.zero_()
            layer.bias.zero_()
        network.means.bias[:MODES] = 0.7
        network.spreads.bias.fill_(LOG_VARIANCE[0])
    drawn = fitted(pets, photos, network=network).identity
    free = fitted(pets, photos).identity
    assert np.abs(drawn - 0.7).max() < 0.3 < np.abs(free - 0.7).max()


def test_landmarks_of_people_are_refused_in_one_line(photographed, pets):
    seen, _, _ = photographed("cat", np.zeros(3))
    with pytest.raises(NothingFound, match="no landmarks of an animal's face"):
        fitted(pets, [replace(seen, landmark_scheme="ibug68")])
