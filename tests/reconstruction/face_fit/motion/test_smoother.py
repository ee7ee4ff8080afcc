"""The motion network as a smoother: what it says reaches the motion, piece by piece."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from maquette import morphable
from maquette.core.motion import HeadMotion
from maquette.reconstruction.face_fit.motion.evidence import UNITS, WIDTH, group
from maquette.reconstruction.face_fit.motion.held import FROWNS
from maquette.reconstruction.face_fit.motion.network import PASSING, MotionNet, lowpassed
from maquette.reconstruction.face_fit.motion.smoother import learned, load_motion, moved

COUNT = 12
GOLDEN = Path(__file__).parents[3] / "golden" / "face-motion.safetensors"
NAMES = list(morphable.load("maquette-head").expression_names)


@pytest.fixture(scope="module")
def motion():
    rng = np.random.default_rng(0)
    turns = np.tile([1.0, 0, 0, 0], (COUNT, 1)) + rng.normal(0, 0.1, (COUNT, 4))
    evidence = rng.uniform(0, 1, (COUNT, WIDTH)).astype(np.float32)
    return HeadMotion(
        times=np.arange(COUNT) / 30, frames=np.arange(COUNT), rotations=turns / np.linalg.norm(turns, axis=1)[:, None],
        translation=np.array([0.02, 0, -0.6]) + rng.normal(0, 0.01, (COUNT, 3)), expression=np.zeros((COUNT, UNITS)),
        gaze=np.zeros((COUNT, 2, 2)), focal=900.0, size=(640, 480), opening=np.full((COUNT, 2), 0.3),
        trust=np.ones(COUNT), reprojection=np.ones(COUNT), evidence=evidence,
    )  # fmt: skip


def network(spread):
    torch.manual_seed(0)
    made = MotionNet(16).eval()
    for value in made.parameters():
        torch.nn.init.normal_(value, 0, spread)
    return made


def test_what_the_network_says_is_the_motion(motion):
    even = learned(MotionNet(16).eval(), reach=0)(motion, np.zeros(COUNT, int))
    fitted = torch.from_numpy(motion.evidence[None, :, group("fitted")])
    slow = lowpassed(fitted, torch.ones(1, COUNT), 0)
    wanted = slow + torch.sigmoid(torch.tensor(PASSING)) * (fitted - slow)
    assert np.allclose(even.expression, wanted[0].numpy(), atol=1e-6)
    assert np.allclose(4 * even.gaze.reshape(COUNT, 4), motion.evidence[:, group("gaze")], atol=1e-5)
    assert np.allclose(even.rotations, motion.rotations) and np.allclose(even.translation, motion.translation)


def test_lips_and_lids_of_a_whole_clip_are_held_to_what_was_fitted(motion):
    evidence = np.zeros((COUNT, WIDTH), np.float32)
    evidence[:, group("fitted").start + NAMES.index("jawOpen")] = 0.6
    seen = replace(motion, evidence=evidence, opening=np.full((COUNT, 2), np.nan))
    even = learned(MotionNet(16).eval())(seen, np.zeros(COUNT, int))
    assert even.expression[:, NAMES.index("jawOpen")].max() < 0.05, "the fit has a shut mouth, the evidence an open one"


def test_the_shipped_network_is_the_one_that_was_published():
    shipped = load_motion()
    assert shipped.width == 96 and not shipped.training and len(shipped.branches) == 4
    kept = load_file(GOLDEN)
    with torch.inference_mode():
        found = shipped(*(kept[f"input.{k}"] for k in range(3)))
    torch.testing.assert_close(found, kept["output"], atol=1e-4, rtol=1e-4)


def test_lids_are_the_networks_and_no_longer_the_openings(motion):
    assert np.isnan(learned(network(0.1))(motion, np.zeros(COUNT, int)).opening).all()


@pytest.mark.parametrize("reach", [-1, 1])
def test_a_cut_parts_what_is_read(motion, reach):
    smooth, shots = learned(network(0.1), 0.0, reach), np.repeat([0, 1], COUNT // 2)
    other = motion.evidence.copy()
    other[COUNT // 2 :] = 0
    one, two = (smooth(replace(motion, evidence=values), shots) for values in (motion.evidence, other))
    own = [k for k, name in enumerate(NAMES) if not name.startswith(FROWNS)]  # the level of those is that of a person
    assert np.array_equal(one.expression[: COUNT // 2, own], two.expression[: COUNT // 2, own])
    assert not np.allclose(one.expression[COUNT // 2 :], two.expression[COUNT // 2 :])


def test_a_correction_turns_shifts_and_moves_away(motion):
    pose = np.zeros((COUNT, 6))
    pose[:, 1], pose[:, 3], pose[:, 5] = 0.1, 0.5, np.log(2)
    found = moved(motion, pose)
    cosine = np.abs(np.sum(found.rotations * motion.rotations, axis=1))
    assert np.allclose(2 * np.arccos(cosine), 0.1, atol=1e-6)
    assert np.allclose(found.translation[:, 2], 2 * motion.translation[:, 2])
    before, after = (focal_free(one.translation) for one in (motion, found))
    assert np.allclose((after - before) * -motion.translation[:, 2], 0.5 * 0.063)


def focal_free(places):
    return places[:, 0] / -places[:, 2]


def test_a_motion_without_evidence_is_refused(motion):
    with pytest.raises(ValueError, match="evidence"):
        learned(MotionNet(16))(replace(motion, evidence=None), np.zeros(COUNT, int))
