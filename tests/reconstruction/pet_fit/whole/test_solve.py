"""The fit finds a known stance and build again from its own outline."""

import numpy as np
import pytest

from maquette.reconstruction.pet_fit.whole.edges import outline_of
from maquette.reconstruction.pet_fit.whole.solve import BodyFit
from maquette.reconstruction.pet_fit.whole.starts import head_yaw, placed
from maquette.reconstruction.pet_fit.whole.state import Poser

JOINTS = ("pelvis", "skull", "upper_arm_L", "lower_leg_R", "hand_L", "foot_R", "toe_L", "finger_R")


def joint_errors(body, stand, known) -> np.ndarray:
    """Distances of joints over the trunk's length, in the camera's axes, the depth of the whole left out."""
    made = (
        body.rig.pose(
            body.model.vertices(stand.identity, np.zeros(0)),
            body.rig.joints(stand.identity),
            body.rotations(stand.angles),
            np.zeros(3),
        )[1]
        @ stand.rotation.T
        + stand.translation
    )
    index = [body.rig.bones.index(name) for name in JOINTS]
    scale = known.joints[:, 2].mean() / made[:, 2].mean()
    return np.linalg.norm(scale * made[index] - known.joints[index], axis=1)


@pytest.mark.parametrize(("stance", "azimuth"), [("standing", 70), ("sitting", -50)])
def test_a_known_stance_is_found_from_a_start_beside_it(body, photographed, stance, azimuth):
    build = np.zeros(len(body.modes))
    build[body.modes.index("legs")], build[body.modes.index("width")] = -1.0, 1.0
    known = photographed(stance, azimuth, build, {"hip_L": 15, "neck_yaw": 20, "elbow_R": -20, "tail_lift": 25})
    outline = outline_of(known.observation, ())
    fit = BodyFit(body, outline, np.zeros(len(body.modes)))
    start = placed(fit, stance, np.radians(azimuth + 12), head_yaw(fit))
    before, made = fit.judged(start), fit.solved(start, 12)
    assert made.overlap > 0.9 and made.overlap > before.overlap + 0.1
    errors = joint_errors(body, made.stand, known)
    assert np.median(errors) < 0.08 and np.median(errors) < 0.8 * np.median(joint_errors(body, start, known))


def test_the_truth_is_judged_well(body, photographed):
    known = photographed("standing", 40)
    fit = BodyFit(body, outline_of(known.observation, ()), np.zeros(len(body.modes)))
    # The guessed camera has another focal length: the depth that gives the same size.
    focal = fit.outline.focal / fit.outline.scale
    stand = known.stand
    away = stand.translation + stand.rotation @ np.array([0, 0.4, 0.1])
    closer = type(stand)(
        stand.identity,
        stand.angles,
        stand.rotation,
        stand.translation + np.array([0, 0, away[2] * (focal / 480.0 - 1)]),
        "standing",
    )
    found = fit.judged(closer)
    assert found.overlap > 0.9 and found.landmark_error < 1.0 and found.prior == pytest.approx(0, abs=2)


def test_paws_are_the_lowest_of_their_bones(body, photographed):
    fit = BodyFit(body, outline_of(photographed("standing", 40).observation, ()), np.zeros(len(body.modes)))
    assert (body.model.mean[fit.paws, 1] < 0.02).all()
    assert (np.sign(body.model.mean[fit.paws, 0]) == [1, -1, 1, -1]).all()


def test_ears_hang_where_the_landmarks_say(body, photographed):
    pricked = photographed("standing", 0)
    hanging = photographed("standing", 0, changes={"ear_L": -110, "ear_R": -110})
    up, down = (
        BodyFit(body, outline_of(k.observation, ()), np.zeros(len(body.modes))).ears for k in (pricked, hanging)
    )
    assert (np.abs(up) < 0.5).all() and (down < -1.2).all()


def test_what_a_photo_cuts_off_is_not_pulled(body, photographed):
    known = photographed("standing", 90)
    fit = BodyFit(body, outline_of(known.observation, ("right",)), np.zeros(len(body.modes)))
    width = fit.outline.size[0]
    assert not fit._shown(np.array([[width - 1.0, 50.0]]))[0] and fit._shown(np.array([[1.0, 50.0]]))[0]
    assert Poser(body).of(known.stand, fit.used).shape == (len(fit.used), 3)
