"""codes.json: codes, landmarks and their units, by name."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np

from maquette.outputs.reports.codes import write_codes


def test_codes_and_landmarks_by_name():
    parameters = {
        "code_pose": np.ones((1, 6), np.float32),
        "landmarks2d": np.zeros((68, 2)),
        "displacement": np.ones(3),
    }
    asset = SimpleNamespace(result=SimpleNamespace(reconstruction=SimpleNamespace(parameters=parameters)))
    found = json.loads(write_codes(asset))
    assert found["codes"] == {"pose": [[1.0] * 6]} and list(found["landmarks"]) == ["landmarks2d"]
    assert set(found["units"]) == {"pose", "landmarks2d"}
