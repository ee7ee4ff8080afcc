"""Errors of orientation with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.evaluation.normals import normal_angles, normal_cosine, normal_error


def test_normal_error_of_a_missing_prediction_is_the_covered_area(sphere):
    """Where only the truth is drawn, the squared [0, 1] normal counts: 4 * mean over pixels of |0.5 n + 0.5|^2."""
    truth, elsewhere = sphere(1.0, 4), sphere(1.0, 1, (0, 100.0, 0))
    covered = np.pi / (2 * 1.1) ** 2
    # Over the disc the mean of |(n + 1) / 2|^2 is (1 + 3 + 2 * mean(nz)) / 4 with mean(nz) = 2/3.
    assert normal_error(elsewhere, truth, 128) == pytest.approx(4 * covered * (4 + 4 / 3) / 4, rel=0.03)


def test_normal_angle_of_a_tilted_plane(plane):
    flat = plane()
    tilt = np.radians(20)
    turned = flat.moved(
        flat.vertices @ np.array([[1, 0, 0], [0, np.cos(tilt), np.sin(tilt)], [0, -np.sin(tilt), np.cos(tilt)]])
    )
    assert np.allclose(normal_angles(turned, flat, np.random.default_rng(0), 200), 20, atol=1e-6)


def test_normal_error_grows_with_roughness(sphere):
    smooth, generator = sphere(1.0, 4), np.random.default_rng(0)
    noise = generator.normal(size=(len(smooth.vertices), 1))
    errors = [normal_error(smooth.moved(smooth.vertices * (1 + a * noise)), smooth, 96) for a in (0.0, 0.003, 0.01)]
    assert errors[0] == 0 and errors[0] < errors[1] < errors[2]


@pytest.mark.parametrize("degrees", [0, 30, 90, 180])
def test_cosine_of_turned_normals(degrees):
    angle = np.radians(degrees)
    a, b = np.zeros((4, 5, 3)), np.zeros((4, 5, 3))
    a[..., 2] = 2.0  # length does not matter
    b[..., 0], b[..., 2] = np.sin(angle), np.cos(angle)
    mask = np.ones((4, 5), bool)
    mask[0] = False
    b[0] = np.nan  # outside
    assert normal_cosine(a, b, mask) == pytest.approx(np.cos(angle))


def test_bad_maps_of_normals_are_named():
    mask, normals = np.ones((4, 5), bool), np.ones((4, 5, 3))
    with pytest.raises(BadInput, match="the mask is empty"):
        normal_cosine(normals, normals, np.zeros_like(mask))
    with pytest.raises(BadInput, match="zero normals"):
        normal_cosine(normals, 0 * normals, mask)
    with pytest.raises(BadInput, match="wanted two"):
        normal_cosine(normals, normals[:3], mask)
