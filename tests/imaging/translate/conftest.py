"""Small weights by seed in a file, as the converter writes them."""

from __future__ import annotations

import pytest

from stargan_by_seed import saved_weights


@pytest.fixture
def weights(tmp_path):
    return saved_weights(tmp_path / "small.safetensors")
