"""Next best view: sizes, what leaves the networks, and the places."""

from __future__ import annotations

import numpy as np
import torch

from maquette.geometry.next_view import NextViewClassifier, NextViewDirection, direction_loss, spiral

VOLUME = torch.rand(2, 1, 32, 32, 32, generator=torch.Generator().manual_seed(0))


def test_the_classifier_has_the_published_size_and_its_mistake_if_wanted():
    network = NextViewClassifier(legacy=True).eval()
    assert sum(p.numel() for p in network.parameters()) == 1_581_996
    shares = network(VOLUME)
    assert shares.shape == (2, 14)
    torch.testing.assert_close(shares.sum(1), torch.ones(2))
    plain = NextViewClassifier().eval()
    plain.load_state_dict(network.state_dict())
    torch.testing.assert_close(torch.softmax(plain(VOLUME).relu(), 1), shares)


def test_directions_are_unit_vectors_and_the_loss_is_the_angle():
    found = NextViewDirection().eval()(VOLUME).detach()
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2))
    assert abs(float(direction_loss(found, found))) < 1e-6
    assert abs(float(direction_loss(found, -found)) - 2) < 1e-6


def test_places_lie_on_the_sphere_apart_from_each_other():
    places = spiral()
    np.testing.assert_allclose(places[0], [0.0453, -0.1164, 0.38], atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), 0.4)
    apart = np.linalg.norm(places[:, None] - places, axis=2) + np.eye(20)
    assert apart.min() > 0.2 and (np.diff(places[:, 2]) < 0).all()
