"""The contact sheet has the published demo's pictures."""

from __future__ import annotations

import numpy as np

from deca_by_seed import codes, deca, observed
from maquette.reconstruction.deca.align import aligned
from maquette.reconstruction.deca.codes import HeadCodes
from maquette.reconstruction.deca.head import OFFICIAL
from maquette.reconstruction.deca.sheet import sheet


def test_seven_pictures():
    crop = aligned(observed())
    found = sheet(deca(), HeadCodes(**codes(1)), crop)
    assert found.shape == (224, 7 * 224, 3)
    panels = np.split(found, 7, axis=1)
    np.testing.assert_allclose(panels[0] / 255, crop.picture[0].permute(1, 2, 0).numpy(), atol=0.003)
    assert (panels[1] == (0, 255, 0)).all(axis=2).sum() > 40
    assert (panels[3] != panels[4]).any(), "detail shows"
    unlit = np.split(sheet(deca(OFFICIAL), HeadCodes(**codes(1)), crop), 7, axis=1)
    assert (unlit[5] != panels[5]).any() and (unlit[4] == panels[4]).all()
