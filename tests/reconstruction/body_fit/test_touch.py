"""Hands on the own head and trunk, arms before faces, and the ways to bend an arm."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from maquette.core.options import Options
from maquette.perception.people.observe import observe_people
from maquette.reconstruction.body_fit import method, touch
from maquette.reconstruction.body_fit.skeleton import TURNS, load_skeleton
from maquette.sources import photos

UP = {
    7: (-0.08, 1.6, 0), 8: (0.08, 1.6, 0), 11: (-0.2, 1.4, 0), 12: (0.2, 1.4, 0), 23: (-0.1, 0.9, 0), 24: (0.1, 0.9, 0),
}  # fmt: skip


def points(**wrist: tuple[float, float, float]) -> np.ndarray:
    """(33, 3) a person without elbows, hands beside the hips but for those named."""
    out = np.zeros((33, 3))
    for row, place in UP.items():
        out[row] = place
    for side, row in (("left", 15), ("right", 16)):
        out[[row, row + 4]] = wrist.get(side, (-0.6 if side == "left" else 0.6, 0.9, 0))
    return out


def seen(marks: np.ndarray, time: float | None = None) -> SimpleNamespace:
    flat = marks * [500, -500, 0]
    sure, frame = np.ones(33), SimpleNamespace(time=time)
    return SimpleNamespace(landmarks=flat, landmarks_metric=marks, landmark_confidence=sure, frame=frame)


def test_hands_are_on_the_head_or_the_trunk_where_the_picture_has_them_there():
    on = touch.hands_on(seen(points(left=(-0.1, 1.65, 0), right=(0.05, 1.1, 0))))
    np.testing.assert_allclose(on, [[1, 0], [0, 1]])
    assert not touch.hands_on(seen(points())).any()
    assert not touch.hands_on(seen(points(left=(-0.1, 1.65, 0)), time=0.0)).any()


@pytest.mark.parametrize("place, on", [((-0.1, 1.65), [[1, 0], [0, 0]]), ((-0.05, 1.1), [[0, 1], [0, 0]])])
def test_a_hand_far_in_depth_from_what_it_lies_on_costs_more_up_to_a_limit(place, on):
    hands = torch.tensor([on], dtype=torch.float32)
    depths = (0.0, 0.1, 0.2, 0.3, 0.5, 9.0)
    found = [
        touch.touch_energy(torch.tensor(points(left=(*place, depth))[None], dtype=torch.float32), hands).item()
        for depth in depths
    ]
    assert found[0] == found[1] == 0 and np.all(np.diff(found[1:]) > 0)
    assert found[-1] <= touch.TOUCH * touch.TOUCH_CUT**2 + 1e-3


def test_an_arm_costs_only_before_the_face():
    face, weight = torch.tensor([[[0.0, 0, 0]]]), torch.ones(1, 1)

    def cost(x: float, z: float) -> float:
        return touch.cover_energy(face, torch.tensor([[[x, 0.0, z]]]), weight).item()

    assert cost(0, 0.2) > cost(0, 0.1) > cost(0.03, 0.1) > 0
    assert cost(0, -0.1) == 0 and cost(0.2, 0.2) < 1e-6


def test_bent_twice_the_same_way_is_as_it_was_and_the_picture_never_changes():
    marks = np.random.default_rng(0).normal(0, 1, (33, 3))
    for side in (0, 1):
        for upper, fore in ((True, False), (False, True), (True, True)):
            once = touch.bent_otherwise(marks, side, upper, fore)
            np.testing.assert_array_equal(once[:, :2], marks[:, :2])
            np.testing.assert_allclose(touch.bent_otherwise(once, side, upper, fore), marks)
            assert not np.allclose(once, marks)


def test_four_ways_differ_in_one_arm_only():
    skeleton = load_skeleton()
    marks = skeleton.rig.keypoints_of("mediapipe33", skeleton.model.mean).astype(float)
    tried = touch.arms_tried(skeleton, marks, torch.zeros(len(TURNS), 3), side=1)
    arm = [TURNS.index(f"{joint}.R") for joint in touch.ARM]
    assert tried.shape == (4, len(TURNS), 3) and not tried[0].any()
    rest = np.setdiff1d(np.arange(len(TURNS)), arm)
    assert not tried[:, rest].any() and tried[1:, arm].flatten(1).any(dim=1).all()


@pytest.mark.real_data
def test_no_arm_lies_before_the_face_of_a_woman_with_a_hand_in_her_hair(real_data):
    person = observe_people(photos.read(real_data / "reports/18_striped_front.jpg"))
    placement = method.fitted(person, load_skeleton(), Options())
    facts = method.facts(placement, person, Options().body)
    assert facts["face_hidden"] == [0] and facts["pose_flags"] == [[]]
    marks = placement.skeleton.rig.keypoints_of("mediapipe33", placement.vertices(0)).astype(float)
    left, hips = marks[[15, 19]].mean(axis=0), marks[[23, 24]].mean(axis=0)
    assert abs(left[2] - hips[2]) < 0.22  # a hand in a pocket: 0.3 m before the hips without this
