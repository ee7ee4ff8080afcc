"""Photographs of animals: what is written of them is what they show."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.synthesis.animals.photographs import photograph, portrait


@pytest.fixture(scope="module")
def photos(forms):
    return [photograph(form, np.random.default_rng([7, k]), 128) for form in forms.values() for k in range(4)]


def test_a_photo_is_whole(photos):
    for photo in photos:
        assert photo.image.shape == (128, 128, 3) and photo.image.dtype == np.uint8 and photo.image.std() > 5
        assert photo.landmarks.shape == (20, 2) and photo.visible.shape == (20,) and photo.visible.dtype == bool
        assert 0.03 < (photo.mask > 127).mean() < 0.98
    assert {photo.species for photo in photos} == {"cat", "dog", "wild"}


def test_visible_points_lie_on_the_animal(photos):
    on = []
    for photo in photos:
        for x, y in photo.landmarks[photo.visible].astype(int):
            on.append(photo.mask[max(0, y - 3) : y + 4, max(0, x - 3) : x + 4].max() > 64)
    assert np.mean(on) > 0.97


def test_the_eye_farther_away_is_hidden_in_profile(photos):
    hidden = [p for p in photos if not p.visible[[0, 3]].all()]
    assert len(hidden) < len(photos)
    for photo in photos:
        apart = np.linalg.norm(photo.landmarks[0:2].mean(axis=0) - photo.landmarks[2:4].mean(axis=0))
        assert apart < 0.55 * 128


def test_a_photo_comes_again_and_another_seed_is_another(forms):
    first, again, other = (photograph(forms["cat"], np.random.default_rng(k), 96) for k in (1, 1, 2))
    assert np.array_equal(first.image, again.image) and np.array_equal(first.landmarks, again.landmarks)
    assert not np.array_equal(first.image, other.image)


def test_animals_of_a_scene_stand_in_the_same_place_before_the_same_ground(forms):
    taken = [portrait(form, 5, 1, 96) for form in forms.values()]
    eyes = [photo.landmarks[:4].mean(axis=0) for photo in taken]
    assert np.ptp(eyes, axis=0).max() < 0.03 * 96
    ground = np.all([photo.mask == 0 for photo in taken], axis=0)
    assert ground.mean() > 0.1
    for photo in taken[1:]:
        assert np.abs(photo.image.astype(int) - taken[0].image)[ground].mean() < 6, (
            "light falls off, nothing else differs"
        )


def test_an_animal_keeps_its_coat_in_another_scene_and_a_scene_its_ground_behind_another_coat(forms):
    first, again, elsewhere, other = (
        portrait(forms["dog"], scene, coat, 96) for scene, coat in ((5, 1), (5, 1), (6, 1), (5, 2))
    )
    assert np.array_equal(first.image, again.image) and not np.array_equal(first.landmarks, elsewhere.landmarks)
    assert np.array_equal(first.landmarks, other.landmarks) and not np.array_equal(first.image, other.image)


def test_the_camera_draws_the_landmarks_where_they_are(forms):
    form = forms["dog"]
    photo = photograph(form, np.random.default_rng(3), 96)
    drawn = np.column_stack([form.marks, np.ones(20)]) @ photo.camera.T
    assert np.allclose(drawn[:, :2] / drawn[:, 2:], photo.landmarks, atol=1e-2) and (drawn[:, 2] > 3).all()
