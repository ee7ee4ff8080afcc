"""Upper lids are clean skin."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.texturing.head.layers import Layers, layers_of
from maquette.texturing.head.skin.lids import TINT, clean_lids, evened, lids_of

SKIN = np.array([200.0, 150.0, 130.0])


@pytest.fixture(scope="module")
def layers() -> Layers:
    return layers_of("maquette-head", 512)


def stamped(layers: Layers, skin: np.ndarray = SKIN) -> np.ndarray:
    """A texture of even skin, whose upper lids are striped: lashes before sclera."""
    texture = np.broadcast_to(skin.astype(np.uint8), (layers.size, layers.size, 3)).copy()
    for lid in lids_of(layers):
        patch = texture[lid.window]
        stripes = np.broadcast_to(np.arange(patch.shape[1]) % 6 < 3, patch.shape[:2])
        patch[(lid.share > 0.2) & stripes] = 20
        patch[(lid.share > 0.2) & ~stripes] = 235
    return texture


def test_both_lids_are_found_alike(layers: Layers) -> None:
    left, right = lids_of(layers)
    assert left.share.max() > 0.99
    assert right.share.sum() == pytest.approx(left.share.sum(), rel=0.05)
    assert not (left.share * layers.zones["brows"][left.window]).max() > 0.5


def test_stripes_are_gone_from_the_lid(layers: Layers) -> None:
    texture = stamped(layers)
    before = texture.copy()
    clean_lids(texture, np.zeros(texture.shape[:2], np.uint8), layers)
    for lid in lids_of(layers):
        within = (lid.share > 0.95) & (lid.down > 0.3) & (lid.down < 0.7) & (np.abs(lid.along) < 0.6)
        assert within.sum() > 20
        assert before[lid.window][within].std(axis=0).min() > 90
        cleaned = texture[lid.window][within].astype(float)
        assert cleaned.std(axis=0).max() < 12
        assert np.abs(cleaned.mean(axis=0) / SKIN - 1).max() < 0.3


def test_the_edge_is_darker_than_the_lid_and_lids_redder_than_shade(layers: Layers) -> None:
    texture = stamped(layers)
    clean_lids(texture, np.zeros(texture.shape[:2], np.uint8), layers)
    lid = lids_of(layers)[0]
    whole = lid.share > 0.95
    colour = texture[lid.window].astype(float)
    edge, middle = colour[whole & (lid.down > 0.98)].mean(axis=0), colour[whole & (lid.down < 0.6)].mean(axis=0)
    assert (edge < 0.85 * middle).all()
    assert edge[0] / edge[2] > SKIN[0] / SKIN[2]
    assert TINT[0] < 0 < TINT[2]


def test_a_grey_photo_keeps_grey_lids(layers: Layers) -> None:
    texture = stamped(layers, np.array([140.0, 140.0, 140.0]))
    clean_lids(texture, np.zeros(texture.shape[:2], np.uint8), layers)
    assert np.ptp(texture.astype(int), axis=2).max() <= 1


def test_nothing_else_changes_and_what_is_made_up_has_no_confidence(layers: Layers) -> None:
    texture, confidence = stamped(layers), np.full((layers.size, layers.size), 255, np.uint8)
    before = texture.copy()
    clean_lids(texture, confidence, layers)
    untouched = np.ones(texture.shape[:2], bool)
    for lid in lids_of(layers):
        untouched[lid.window] &= lid.share == 0
        assert confidence[lid.window][lid.share > 0.999].max() <= 1
    assert (texture[untouched] == before[untouched]).all()
    assert (confidence[untouched] == 255).all()


def test_evening_out_keeps_what_only_varies_from_crease_to_edge(layers: Layers) -> None:
    lid = lids_of(layers)[0]
    across = 0.5 + 0.4 * lid.down
    found = evened(across, lid)
    whole = (lid.share > 0.9) & (np.abs(lid.along) < 0.7)
    assert np.abs(found - across)[whole].mean() < 0.03
