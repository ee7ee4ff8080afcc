"""Where a photo shows hair, by a network's mask and by colours."""

from __future__ import annotations

import numpy as np

from maquette.texturing.hair.seen import look


def test_colours_find_hair_and_leave_the_face(haired):
    seen, camera = haired("short02")
    found = look(seen, camera)
    brown = seen.frame.pixels.sum(axis=2) < 220
    crown = (found.above > 0.2) & (seen.mask > 0.5)
    assert not found.by_network
    assert (found.hair[brown & crown] > 0.5).mean() > 0.95
    assert (found.hair[(seen.skin > 0.5)] > 0.5).mean() < 0.02
    assert (found.bare[(seen.skin > 0.5)] > 0.5).mean() > 0.95


def test_a_networks_mask_is_taken_unless_it_missed_the_hair(haired):
    seen, camera = haired("long01")
    plain = look(seen, camera)
    for mask, believed in ((plain.hair, True), (np.zeros_like(plain.hair), False)):
        object.__setattr__(seen, "hair", mask)
        found = look(seen, camera)
        assert found.by_network is believed
        assert np.abs(found.hair - plain.hair).mean() < 0.02


def test_nothing_is_said_without_landmarks_of_a_face_or_skin(haired):
    from dataclasses import replace

    seen, camera = haired("short02")
    assert look(replace(seen, landmark_scheme="ibug68"), camera) is None
    assert look(replace(seen, mask=0 * seen.mask, skin=0 * seen.skin), camera) is None


def test_beyond_the_photo_nothing_is_inside(haired):
    seen, camera = haired("short02")
    object.__setattr__(seen, "box", np.array([0.0, -80, 320, 240]))
    inside = look(seen, camera).inside
    assert not inside[:80].any() and inside[90:310, 10:310].all()
