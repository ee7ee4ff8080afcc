"""The mesh moved onto the photo."""

from __future__ import annotations

import numpy as np

from maquette.morphable.model import SIDES
from maquette.perception.pets.schemes import SCHEME
from maquette.reconstruction.pet_fit.method import view_of
from maquette.reconstruction.pet_fit.register import MOST, registered
from maquette.reconstruction.pet_fit.state import eye_distance, projected


def test_landmarks_come_nearer_and_eyeballs_stay_whole(photographed, pets):
    model = pets["cat"]
    seen, true, pose = photographed("cat", np.zeros(6), 20)
    view = view_of(seen)
    wrong = true + 0.06 * eye_distance(model) * np.array([0.0, 1, 0]) * (true[:, 1:2] > 0)
    moved = registered(wrong, model, pose, view, float(view.sigma.min()))

    def away(vertices):
        points = model.embeddings[SCHEME].points(vertices, model.faces)
        return np.linalg.norm(projected(points, pose, view)[0] - view.landmarks, axis=1).mean()

    assert away(moved) < 0.5 * away(wrong)
    assert np.linalg.norm(moved - wrong, axis=1).max() < 1.3 * MOST * eye_distance(model)
    for side in SIDES:
        ball = model.part_vertices(f"eye{side}")
        shift = moved[ball] - wrong[ball]
        assert np.ptp(shift, axis=0).max() < 0.02 * eye_distance(model)


def test_depths_stay(photographed, pets):
    model = pets["dog"]
    seen, true, pose = photographed("dog", np.zeros(6), 0)
    view = view_of(seen)
    moved = registered(1.05 * true, model, pose, view, float(view.sigma.min()))
    depths = [(vertices @ pose.rotation.T)[:, 2] for vertices in (1.05 * true, moved)]
    assert np.abs(depths[0] - depths[1]).max() < 1e-9
