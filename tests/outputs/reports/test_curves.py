"""curves.csv in the columns of Live Link Face."""

import numpy as np
import pytest

from maquette.core.options import OutputOptions
from maquette.outputs.asset import open_asset
from maquette.outputs.reports.curves import COLUMNS, timecode, write_curves

# As recordings of Epic's app have it; readers find columns by these names, or by their places.
HEADER = (
    "Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,EyeLookOutLeft,EyeLookUpLeft,EyeSquintLeft,"
    "EyeWideLeft,EyeBlinkRight,EyeLookDownRight,EyeLookInRight,EyeLookOutRight,EyeLookUpRight,EyeSquintRight,"
    "EyeWideRight,JawForward,JawRight,JawLeft,JawOpen,MouthClose,MouthFunnel,MouthPucker,MouthRight,MouthLeft,"
    "MouthSmileLeft,MouthSmileRight,MouthFrownLeft,MouthFrownRight,MouthDimpleLeft,MouthDimpleRight,MouthStretchLeft,"
    "MouthStretchRight,MouthRollLower,MouthRollUpper,MouthShrugLower,MouthShrugUpper,MouthPressLeft,MouthPressRight,"
    "MouthLowerDownLeft,MouthLowerDownRight,MouthUpperUpLeft,MouthUpperUpRight,BrowDownLeft,BrowDownRight,BrowInnerUp,"
    "BrowOuterUpLeft,BrowOuterUpRight,CheekPuff,CheekSquintLeft,CheekSquintRight,NoseSneerLeft,NoseSneerRight,"
    "TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,RightEyeYaw,RightEyePitch,RightEyeRoll"
)


def test_there_is_a_column_for_every_unit(moving_result):
    asset = open_asset(moving_result, OutputOptions(mesh="light"))
    assert sorted(name[0].lower() + name[1:] for name in COLUMNS) == sorted(asset.model.expression_names)
    head, *rows = write_curves(asset).decode().splitlines()
    assert head == HEADER
    assert {row.split(",")[1] for row in rows} == {"61"}
    values = np.array([row.split(",")[2:] for row in rows], float)
    yaw = values[:, 52]
    assert np.allclose(yaw, 2 * np.linspace(0, 0.2, 6), atol=1e-6)
    assert np.allclose(values[:, 55:57], [0.1, 0.2]) and np.allclose(values[:, 57], 0), "left eye yaw, pitch, roll"
    assert values[2, COLUMNS.index("EyeBlinkRight")] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("seconds", "rate", "text"),
    [(0, 60, "00:00:00:00.000"), (1.5, 30, "00:00:01:15.000"), (3661 + 1 / 24, 24, "01:01:01:01.000")],
)
def test_timecodes(seconds, rate, text):
    assert timecode(seconds, rate) == text
