"""Folds of an expression are softened, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from maquette.perception.models.results import BLENDSHAPES
from maquette.texturing.head.bake import Baked
from maquette.texturing.head.layers import Layers, layers_of
from maquette.texturing.head.skin.folds import fold_zones, folding, without_folds


@pytest.fixture(scope="module")
def layers() -> Layers:
    return layers_of("maquette-head", 512)


def lined(layers: Layers) -> Baked:
    """Skin with a dark line every eight texels, seen everywhere."""
    shape = layers.ambient.shape
    one = np.ones(shape, np.float32)
    rows = np.arange(shape[0])[:, None, None] % 8 < 2
    coarse = np.broadcast_to(np.where(rows, 150, 180), (*shape, 3)).astype(np.float32)
    return Baked(coarse.astype(np.uint8), coarse, one, 0 * one, one, None)


def face(**scores: float) -> SimpleNamespace:
    return SimpleNamespace(expression_scores=np.array([scores.get(name, 0.0) for name in BLENDSHAPES]))


def test_a_face_at_rest_is_left_alone_and_so_is_one_nobody_looked_at(layers: Layers) -> None:
    seen = lined(layers)
    assert without_folds(seen, face(browInnerUp=0.05), layers) is seen
    assert without_folds(seen, SimpleNamespace(expression_scores=None), layers) is seen


@pytest.mark.parametrize(("unit", "place"), [("browInnerUp", 0), ("browDownLeft", 1), ("mouthSmileRight", 2)])
def test_lines_are_softened_where_the_expression_folds(layers: Layers, unit: str, place: int) -> None:
    seen = lined(layers)
    found = without_folds(seen, face(**{unit: 0.9}), layers)
    there = fold_zones(layers)[place] > 0.9
    assert there.sum() > 30
    assert found.coarse[there].std() < 0.75 * seen.coarse[there].std()
    assert found.coarse[there].mean() == pytest.approx(seen.coarse[there].mean(), abs=4)
    assert np.abs(found.colour[there].astype(float) - found.coarse[there]).max() <= 1
    elsewhere = folding(face(**{unit: 0.9}), layers) == 0
    assert (found.coarse[elsewhere] == seen.coarse[elsewhere]).all()


def test_no_fold_lies_on_brows_lids_or_lips(layers: Layers) -> None:
    features = np.maximum.reduce([layers.zones[name] for name in ("brows", "edge", "inner")])
    for zone in fold_zones(layers):
        assert zone.max() > 0.9 and (zone * features).max() < 0.3


def test_the_shape_of_the_face_stays(layers: Layers) -> None:
    seen = lined(layers)
    shade = np.linspace(0, 60, seen.coarse.shape[1], dtype=np.float32)[None, :, None]
    coarse = np.broadcast_to(100 + shade, seen.coarse.shape).astype(np.float32)
    smooth = Baked(coarse.astype(np.uint8), coarse, seen.trust, seen.hair, seen.bare, None)
    found = without_folds(smooth, face(browInnerUp=1.0, mouthSmileLeft=1.0, browDownLeft=1.0), layers)
    assert np.abs(found.coarse - coarse).max() < 1.0
