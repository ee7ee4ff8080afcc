"""The texture of a film has the shading of the folds: by the light, and by the expression."""

from types import SimpleNamespace

import numpy as np
import pytest

from maquette.morphable import load
from maquette.outputs.detail.folded_skin import FoldedSkin
from maquette.texturing.detail.chart import detail_chart

SIDE = 256


def asset_of(model, still=0.0, brows=0.0):
    """A grey head with horizontal grooves, lasting ones and such as come with the inner brows, metres."""
    rows = np.sin(np.arange(512) / 2)[:, None] * np.ones((1, 512), np.float32)
    parameters = {"wrinkles": (brows * rows)[None].astype(np.float16), "wrinkles_units": np.array(["browInnerUp"])}
    made = SimpleNamespace(parameters=parameters if brows else {})
    mesh = SimpleNamespace(
        displacement_map=(still * np.repeat(np.repeat(rows, 2, 0), 2, 1)).astype(np.float32), faces=model.faces
    )
    return SimpleNamespace(
        model=model, mesh=mesh, neutral=model.mean.astype(np.float32), result=SimpleNamespace(reconstruction=made)
    )


def weights(model, brows):
    found = np.zeros(len(model.expression_names))
    found[list(model.expression_names).index("browInnerUp")] = brows
    return found


def above(normals):
    """Light from above and before."""
    return np.maximum(0.6 * normals[:, 1] + 0.6 * normals[:, 2], 0.05)


def even(normals):
    return np.ones(len(normals))


@pytest.fixture(scope="module")
def model():
    return load("maquette-head")


@pytest.fixture
def grey():
    return np.full((SIDE, SIDE, 3), 120, np.uint8)


def test_a_smooth_head_has_none(model, grey):
    assert FoldedSkin.of(asset_of(model), grey) is None
    assert FoldedSkin.of(asset_of(model, still=1e-4), None) is None


def test_light_from_above_shades_grooves_and_even_light_does_not(model, grey):
    skin = FoldedSkin.of(asset_of(model, still=1e-4), grey)
    lit = skin.shaded(weights(model, 0.0), above).copy()
    assert np.ptp(lit[60:150, 110:150].astype(int)) > 20
    assert np.abs(skin.shaded(weights(model, 0.0), even).astype(int) - grey).max() <= 1
    window = detail_chart(model.name).window[0]
    assert (lit[: window.start // 4 - 1] == 120).all(), "outside the face nothing changes"


def test_folds_come_with_their_unit(model, grey):
    skin = FoldedSkin.of(asset_of(model, brows=1e-4), grey)
    spans = [np.ptp(skin.shaded(weights(model, w), above)[60:150, 110:150].astype(int)) for w in (0.0, 0.5, 1.0)]
    assert spans[0] <= 1 < spans[1] < spans[2]
    assert np.ptp(skin.shaded(weights(model, 1.0), even)[60:150, 110:150].astype(int)) > 3, "grooves are darker"
