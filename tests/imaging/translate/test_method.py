"""The table of methods: every row is built and draws, or says what it needs."""

from __future__ import annotations

import numpy as np
import pytest

from gpunit_by_seed import stand_in
from maquette.core.errors import BadInput
from maquette.core.options import TranslateOptions
from maquette.imaging.translate.gpunit import translator
from maquette.imaging.translate.method import METHODS, prepared


@pytest.mark.parametrize("name", METHODS)
def test_every_row_draws_a_picture_for_each_look(name, weights, monkeypatch):
    monkeypatch.setattr(translator, "load", lambda *_: stand_in())
    wanted = TranslateOptions("dog", method=name, weights=None if name == "colors" else str(weights))
    crops = np.random.default_rng(0).integers(0, 256, (2, 256, 256, 3), np.uint8)
    ready = prepared(wanted, lambda side: [crop[:side, :side] for crop in crops])
    found = ready.draw(crops[0][: ready.side, : ready.side])
    assert found.shape == (2, ready.side, ready.side, 3) and found.dtype == np.uint8 and len(ready.looks) == 2
    assert not np.array_equal(*found)


def test_another_name_is_refused():
    with pytest.raises(BadInput, match="wanted starganv2, gpunit, colors"):
        prepared(TranslateOptions("dog", method="magic"), lambda _: [])
