"""The recipe of the face regressor."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from far_device import taught_there
from maquette.training.recipes import face


@pytest.fixture
def options(tmp_path):
    """Options of the recipe, on noise that says nothing about its labels."""
    rng, count = np.random.default_rng(0), 3
    columns = {
        "image": rng.integers(0, 256, (count, 160, 160, 3), np.uint8),
        "landmarks": rng.uniform(30, 130, (count, 478, 3)).astype(np.float32),
        "identity": rng.normal(size=(count, 100)).astype(np.float16),
        "expression": rng.random((count, 52)).astype(np.float16),
        "visible": np.ones((count, 478), np.uint8),
        "monk": np.full((count, 1), 5, np.uint8),
        "pose": np.zeros((count, 3), np.float32),
    }
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        save_file(columns, tmp_path / split / "0.safetensors")
    return face.FaceOptions(data=str(tmp_path), width=0.35)


def test_it_learns_on_another_device(options):
    assert taught_there(face.RECIPE, options)["convolution_backward"]
