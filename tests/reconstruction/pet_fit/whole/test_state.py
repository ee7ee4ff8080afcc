"""Many stands at once are posed as the rig poses one, and derivatives are those of differences."""

import numpy as np

from maquette.geometry.camera import project
from maquette.morphable.animals import stance
from maquette.reconstruction.pet_fit.whole.edges import outline_of
from maquette.reconstruction.pet_fit.whole.state import Poser, Stand, drawn, pinhole


def some_stand(body, seed=0):
    rng = np.random.default_rng(seed)
    low, high = stance.limits()
    angles = np.clip(stance.angles("standing") + 0.2 * rng.standard_normal(len(low)), low, high)
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    return Stand(
        rng.standard_normal(len(body.modes)), angles, turn * np.linalg.det(turn), np.array([0.1, 0.2, 3]), "standing"
    )


def test_points_are_the_rigs(body):
    stand, chosen = some_stand(body), np.arange(0, len(body.model.mean), 37)
    rest = body.model.vertices(stand.identity, np.zeros(0))
    wanted = body.rig.pose(rest, body.rig.joints(stand.identity), body.rotations(stand.angles), np.zeros(3))[0]
    assert np.abs(Poser(body).of(stand, chosen) - wanted[chosen]).max() < 1e-4


def test_derivatives_are_those_of_steps(body):
    stand, chosen = some_stand(body, 1), np.array([5, 700, 3000, 6000])
    poser, wide = Poser(body), np.full(len(stance.TURNS), 10.0)
    start, moves = poser.derivatives(stand, chosen)
    rng = np.random.default_rng(2)
    step = 1e-5 * rng.standard_normal(moves.shape[2])
    moved = stand.moved(step, -wide, wide)
    after = poser.of(moved, chosen) @ moved.rotation.T + moved.translation
    assert np.abs(after - start - moves @ step).max() < 3e-2 * np.abs(after - start).max()


def test_a_step_stays_within_limits(body):
    low, high = stance.limits()
    stand = some_stand(body)
    far = stand.moved(np.full(len(stand.identity) + len(low) + 6, 9.0), low, high)
    assert (far.angles <= high).all() and (far.identity <= 3).all()
    assert np.allclose(far.rotation @ far.rotation.T, np.eye(3))


def test_the_camera_in_the_world_draws_what_the_fit_draws(body, photographed):
    known = photographed("standing", 60)
    outline = outline_of(known.observation, ())
    step = np.array([0.1, 0.2, -0.3])
    camera = pinhole(known.stand, step, outline, (300, 300))
    points = Poser(body).of(known.stand, np.arange(50))
    pixels, _ = project(camera, points + step)
    wanted = drawn(points @ known.stand.rotation.T + known.stand.translation, outline) / outline.scale
    assert np.allclose(pixels, wanted, atol=1e-6)
