"""keypoints_openpose.json: the person's key points in the photo, as OpenPose writes them."""

from __future__ import annotations

import json

import numpy as np

from maquette.outputs.asset import Asset
from maquette.outputs.reports.landmarks import to_photo
from maquette.perception.people.schemes import convert

VERSION = 1.3  # of OpenPose's format


def write_keypoints(asset: Asset) -> bytes:
    """JSON of the first photo, as OpenPose's `--write_json` makes it and PIFuHD reads it beside a picture.

    `people` holds this person alone: `pose_keypoints_2d` are 25 times x, y, confidence in the order of BODY_25, x and y
    in pixels of the full photo (x right, y down). What the detector does not know, the small toes, is 0, 0, 0.
    """
    seen = asset.result.observations[0]
    pixels = to_photo(seen, seen.landmarks[:, :2])
    points, confidence = convert(pixels, seen.landmark_confidence, seen.landmark_scheme, "body25")
    values = np.column_stack([points, confidence]).ravel().round(4).tolist()
    people = [{"person_id": [-1], "pose_keypoints_2d": values}]
    return json.dumps({"version": VERSION, "people": people}, separators=(",", ":")).encode("utf-8")
