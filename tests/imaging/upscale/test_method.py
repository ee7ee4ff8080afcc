"""Frame -> larger Frame: the pixel convention, every method alike, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maquette.core.errors import BadInput, WeightsMissing
from maquette.core.types import Frame
from maquette.imaging.upscale import networks
from maquette.imaging.upscale.espcn import ESPCN
from maquette.imaging.upscale.method import METHODS, advised, upscaled

from .conftest import SHIPPED, noise

INTERPOLATIONS = [name for name, row in METHODS.items() if not row.learned]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", [2, 4])
def test_every_method_scales_and_nothing_more(method, factor):
    """A ramp stays where it is, for pixel centres at + 0.5; the frame's facts stay, its focal length grows."""
    ramp = np.repeat(np.repeat(np.arange(20, 220, 5)[None, :, None], 24, 0), 3, 2).astype(np.uint8)
    frame = Frame(ramp, time=1.5, origin="ramp", focal=50.0)
    large = upscaled(frame, factor, method)
    assert large.size == (40 * factor, 24 * factor)
    assert (large.time, large.origin, large.focal) == (1.5, "ramp", 50.0 * factor)
    expected = 20 + 5 * ((np.arange(40 * factor) + 0.5) / factor - 0.5)
    inner = slice(4 * factor, -4 * factor)
    error = large.pixels[12 * factor, inner, 1] - expected[inner]
    assert abs(error.mean()) < 0.75, "not shifted: a pixel would be 1.25 or 2.5"
    assert np.abs(error).max() <= (2.6 if method in ("nearest", "area") else 2.0)


@pytest.mark.parametrize("method", METHODS)
def test_an_even_colour_stays(method):
    for color in ((0, 0, 0), (255, 255, 255), (200, 30, 90)):
        large = upscaled(Frame(np.full((9, 12, 3), color, np.uint8)), 4, method).pixels
        assert np.abs(large.astype(int) - color).max() <= (2 if METHODS[method].learned else 0)


@pytest.mark.parametrize("method, factor", SHIPPED)
def test_one_pixel_is_enough(method, factor):
    assert upscaled(Frame(noise(1, 1, 3)), factor, method).size == (factor, factor)


def test_wrong_words_are_refused(written):
    frame = Frame(noise(4, 4, 3))
    for words, message in (
        ((3, "espcn"), "factor 3: wanted 2 or 4"),
        ((2, "edsr"), "method 'edsr': wanted nearest, bilinear"),
        ((2, "bicubic", Path("x")), "takes no weights"),
        ((4, "espcn", written(ESPCN(2))), "is espcn for factor 2: wanted espcn for 4"),
        ((2, "srcnn", written(ESPCN(2))), "is espcn for factor 2: wanted srcnn for 2"),
    ):
        with pytest.raises(BadInput, match=message):
            upscaled(frame, *words)


def test_missing_weights_are_reported(monkeypatch):
    def missing(name):
        raise WeightsMissing(f"weights {name}: not there")

    monkeypatch.setattr(networks, "fetch", missing)
    with pytest.raises(WeightsMissing, match="espcn-x2"):
        upscaled(Frame(noise(4, 4, 3)), 2)


def test_advice():
    assert [advised(width) for width in (300, 96, 95.9, 48, 47.9, 1)] == [1, 1, 2, 2, 4, 4]
