"""Distances between sets of pictures against slow twins; what needs weights or extras says so."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.linalg
import torch

from maquette.core.errors import BadInput, ExtraMissing
from maquette.evaluation.translation.distances import (
    frechet,
    inception_features,
    kernel,
    lpips_distance,
    pet_features,
)


@pytest.fixture
def sets():
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 6)) @ rng.normal(size=(6, 6)), 1.5 * rng.normal(size=(30, 6)) + 0.3


def test_the_frechet_distance_is_that_of_roots_of_matrices(sets):
    a, b = sets
    first, second = np.cov(a.T), np.cov(b.T)
    root = scipy.linalg.sqrtm(first @ second).real
    wanted = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root)
    assert frechet(a, b) == pytest.approx(wanted, rel=1e-6) and frechet(a, a) == pytest.approx(0, abs=1e-9)


def test_fewer_pictures_than_features_are_no_trouble():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(5, 40)), rng.normal(size=(7, 40))
    assert 0 < frechet(a, b) == pytest.approx(frechet(b, a))


def test_the_kernel_distance_is_that_of_pairs(sets):
    a, b = sets
    like = lambda x, y: (x @ y / len(x) + 1) ** 3  # noqa: E731
    own = np.mean([like(x, y) for i, x in enumerate(a) for j, y in enumerate(a) if i != j])
    theirs = np.mean([like(x, y) for i, x in enumerate(b) for j, y in enumerate(b) if i != j])
    both = np.mean([like(x, y) for x in a for y in b])
    assert kernel(a, b) == pytest.approx(own + theirs - 2 * both)


def test_one_picture_is_no_set():
    for distance in (frechet, kernel):
        with pytest.raises(ValueError, match="at least two"):
            distance(np.zeros((1, 3)), np.zeros((4, 3)))


def test_pet_features_are_of_each_picture_whatever_its_size():
    pictures = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    found = pet_features(pictures)
    assert found.shape == (2, 1280) and not np.array_equal(*found)


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    for measure in (inception_features, lpips_distance):
        with pytest.raises(BadInput, match="no such file, wanted"):
            measure(tmp_path / "none.pth")
    file = tmp_path / "w.pth"
    torch.save({}, file)
    for name in ("lpips", "torch_fidelity", "torch_fidelity.feature_extractor_inceptionv3"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ExtraMissing, match="needs the package torch-fidelity"):
        inception_features(file)
    with pytest.raises(ExtraMissing, match="needs the package lpips"):
        lpips_distance(file)
