"""The contact sheet: ten panels, the first of which is the crop."""

from __future__ import annotations

import numpy as np

from hrn_by_seed import face, hrn, observed
from maquette.reconstruction.hrn.method import levels
from maquette.reconstruction.hrn.sampling import MENDED
from maquette.reconstruction.hrn.sheet import sheet


def test_panels():
    found = levels(hrn(MENDED), observed())
    drawn = sheet(face(), found)
    assert drawn.shape == (224, 2240, 3) and drawn.dtype == np.uint8
    panels = np.split(drawn, 10, axis=1)
    crop = found.aligned.crops.small[0].permute(1, 2, 0).numpy() * 255
    np.testing.assert_allclose(panels[0], crop, atol=0.6)
    grey, relief = panels[3].astype(float), panels[4].astype(float)
    corner = (slice(0, 5), slice(0, 5))
    assert (panels[1][corner] == panels[0][corner]).all(), "the photo stands beside the face"
    assert 0.2 < np.abs(grey - relief).mean() < 60, "the displacement shows"
    assert (panels[6][..., 0] == panels[6][..., 1]).all() and len(np.unique(panels[6])) > 50
