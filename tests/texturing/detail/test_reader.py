"""The shipped network of the folds."""

from __future__ import annotations

from maquette.texturing.detail.reader import NAME, load_fold_net
from maquette.weights.store import zoo


def test_the_network_ships_with_its_score_and_is_loaded_once():
    entry = zoo()[NAME]
    assert entry.bytes < 8e6 and entry.licence == "CC0-1.0" and "correlation" in entry.score
    assert load_fold_net() is load_fold_net() and not load_fold_net().training
