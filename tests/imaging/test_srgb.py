"""The sRGB curve."""

from __future__ import annotations

import numpy as np

from maquette.imaging.srgb import coded, linear


def test_the_standards_values() -> None:
    assert np.allclose(linear([0, 0.04045, 0.5, 1]), [0, 0.0031308, 0.21404114, 1], atol=1e-6)
    assert np.allclose(coded([0, 0.0031308, 0.21404114, 1]), [0, 0.04045, 0.5, 1], atol=1e-6)


def test_there_and_back_in_the_precision_that_came() -> None:
    values = np.linspace(0, 1, 1001)
    assert np.allclose(coded(linear(values)), values, atol=1e-6)
    assert linear(values.astype(np.float32)).dtype == np.float32 and linear(values).dtype == np.float64


def test_light_of_colours() -> None:
    assert np.allclose(linear(np.array([0, 10, 128, 255], np.uint8) / 255), [0, 0.003035, 0.215861, 1], atol=1e-6)
