"""The maps of detail in files: metres back out of them, and the contact sheet."""

from __future__ import annotations

import cv2
import numpy as np

from detailed import detailed_result
from maquette.core.options import OutputOptions
from maquette.outputs.asset import open_asset
from maquette.outputs.detail.maps import UNIT_M, ZERO, encoded, write_deformation, write_displacement, write_levels


def opened(data: bytes) -> np.ndarray:
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return found if found.ndim == 2 else found[..., ::-1]


def test_metres_come_back():
    asset = open_asset(detailed_result(), OutputOptions())
    held = asset.result.reconstruction.parameters
    for name, write in (("deformation", write_deformation), ("displacement", write_displacement)):
        found = (opened(write(asset)).astype(float) - ZERO) * UNIT_M
        np.testing.assert_allclose(found, held[name], atol=0.51 * UNIT_M)
    np.testing.assert_array_equal(opened(write_levels(asset)), held["levels"])


def test_what_is_too_far_is_cut_off():
    assert encoded(np.array([-1.0, 0.0, 1.0])).tolist() == [0, ZERO, 65535]
