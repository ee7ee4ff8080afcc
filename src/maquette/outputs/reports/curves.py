"""curves.csv: the expression of a face over a clip, in the columns that Live Link Face writes."""

from __future__ import annotations

import numpy as np

from maquette.outputs.animation.head_motion import curves, head_motion, yaw_pitch_roll
from maquette.outputs.asset import Asset

# The order of that app's columns, which is neither Apple's nor the alphabet's.
COLUMNS = (
    "EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft", "EyeLookOutLeft", "EyeLookUpLeft", "EyeSquintLeft",
    "EyeWideLeft", "EyeBlinkRight", "EyeLookDownRight", "EyeLookInRight", "EyeLookOutRight", "EyeLookUpRight",
    "EyeSquintRight", "EyeWideRight", "JawForward", "JawRight", "JawLeft", "JawOpen", "MouthClose", "MouthFunnel",
    "MouthPucker", "MouthRight", "MouthLeft", "MouthSmileLeft", "MouthSmileRight", "MouthFrownLeft", "MouthFrownRight",
    "MouthDimpleLeft", "MouthDimpleRight", "MouthStretchLeft", "MouthStretchRight", "MouthRollLower", "MouthRollUpper",
    "MouthShrugLower", "MouthShrugUpper", "MouthPressLeft", "MouthPressRight", "MouthLowerDownLeft",
    "MouthLowerDownRight", "MouthUpperUpLeft", "MouthUpperUpRight", "BrowDownLeft", "BrowDownRight", "BrowInnerUp",
    "BrowOuterUpLeft", "BrowOuterUpRight", "CheekPuff", "CheekSquintLeft", "CheekSquintRight", "NoseSneerLeft",
    "NoseSneerRight", "TongueOut",
)  # fmt: skip
TURNS = tuple(f"{part}{turn}" for part in ("Head", "LeftEye", "RightEye") for turn in ("Yaw", "Pitch", "Roll"))
LARGEST_RATE = 240


def timecode(seconds: float, rate: int) -> str:
    """Hours, minutes, seconds, frames and thousandths of a frame.

    Example:
        >>> timecode(61.525, 60)
        '00:01:01:31.500'
    """
    thousandths = round(seconds * rate * 1000)
    frames, part = divmod(thousandths, 1000)
    whole, frame = divmod(frames, rate)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{frame:02d}.{part:03d}"


def write_curves(asset: Asset) -> bytes:
    """CSV: Timecode, BlendShapeCount, 52 weights in 0-1, yaw, pitch and roll of the head and both eyes in radians.

    Timecodes count from the clip's beginning in frames of its usual rate. Yaw is positive to the subject's left, pitch
    up, roll to the subject's left; those of eyes are relative to the head.
    """
    motion, model = head_motion(asset), asset.model
    assert model is not None, "asked of heads of a model"
    names = [name[0].lower() + name[1:] for name in COLUMNS]
    weights = np.clip(curves(asset)[:, [list(model.expression_names).index(name) for name in names]], 0, 1)
    rate = 30 if len(motion) < 2 else int(np.clip(round(1 / float(np.median(np.diff(motion.times)))), 1, LARGEST_RATE))
    no_roll = np.zeros((len(motion), 1))
    turns = np.concatenate([yaw_pitch_roll(motion), motion.gaze[:, 0], no_roll, motion.gaze[:, 1], no_roll], axis=1)
    rows = [",".join(("Timecode", "BlendShapeCount", *COLUMNS, *TURNS))]
    for time, values in zip(motion.times, np.concatenate([weights, turns], axis=1)):
        rows.append(f"{timecode(float(time), rate)},{values.size}," + ",".join(f"{value:.8f}" for value in values))
    return ("\n".join(rows) + "\n").encode("ascii")
