"""The key points of a person as OpenPose writes them."""

from __future__ import annotations

import json

import numpy as np

from maquette.core.options import OutputOptions
from maquette.outputs.asset import open_asset
from maquette.outputs.reports.keypoints import write_keypoints
from maquette.outputs.reports.landmarks import to_photo
from maquette.perception.people.schemes import BODY_25, MEDIAPIPE_33


def test_each_point_is_in_pixels_of_the_photo(person_result):
    written = json.loads(write_keypoints(open_asset(person_result, OutputOptions())))
    (person,) = written["people"]
    rows = np.array(person["pose_keypoints_2d"]).reshape(25, 3)
    seen = person_result.observations[0]
    photo = to_photo(seen, seen.landmarks[:, :2])
    for name in ("right_wrist", "left_knee", "left_heel"):
        row = MEDIAPIPE_33.index(name)
        assert np.allclose(rows[BODY_25.index(name)], [*photo[row], seen.landmark_confidence[row]], atol=1e-4)
    hips = photo[[MEDIAPIPE_33.index("left_hip"), MEDIAPIPE_33.index("right_hip")]].mean(axis=0)
    assert np.allclose(rows[BODY_25.index("mid_hip"), :2], hips, atol=1e-4)
    assert not rows[BODY_25.index("left_small_toe")].any()
