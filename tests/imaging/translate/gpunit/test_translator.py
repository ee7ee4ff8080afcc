"""GP-UNIT as a method: looks of exemplars and by seed, and what it cannot do."""

from __future__ import annotations

import numpy as np
import pytest

from gpunit_by_seed import stand_in
from maquette.core.errors import BadInput, WeightsMissing
from maquette.core.options import TranslateOptions
from maquette.imaging.translate.gpunit import translator

CROP = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)


@pytest.fixture
def make(tmp_path, monkeypatch):
    networks = stand_in()
    monkeypatch.setattr(translator, "load", lambda *_: networks)
    (tmp_path / "w").touch()

    def made(references=(), **options):
        return translator.build(TranslateOptions("dog", weights=str(tmp_path / "w"), **options), lambda _: references)

    return made


def test_looks_come_from_exemplars_or_the_seed(make):
    found = make(references=[np.full_like(CROP, 255), np.zeros_like(CROP)]).draw(CROP)
    assert found.shape == (2, 256, 256, 3) and (found[0] > found[1]).all()
    drawn = make(styles=3, seed=2)
    assert drawn.looks == ("look 1", "look 2", "look 3") and drawn.shows == "dog"
    assert np.array_equal(drawn.draw(CROP), make(styles=3, seed=2).draw(CROP))
    assert not np.array_equal(drawn.draw(CROP), make(styles=3, seed=3).draw(CROP))


def test_what_is_missing_or_cannot_be_done_is_said(make):
    with pytest.raises(BadInput, match="take starganv2"):
        make(steps=3)
    with pytest.raises(WeightsMissing, match="maquette weights convert gpunit"):
        translator.build(TranslateOptions("dog", weights="none"), lambda _: [])
