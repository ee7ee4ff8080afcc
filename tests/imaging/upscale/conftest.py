"""Networks with weights by seed, and the shipped ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from maquette.imaging.upscale import networks

SHIPPED = [("espcn", 2), ("espcn", 4), ("srcnn", 2), ("srcnn", 4)]


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def drawn(kind, factor, **settings):
    """A network with weights by seed, large enough for every pixel to matter."""
    torch.manual_seed(1)
    network = kind(factor, **settings).requires_grad_(False).eval()
    for tensor in network.parameters():
        tensor.copy_(torch.randn(tensor.shape) * 0.06)
    return network


@pytest.fixture
def written(tmp_path):
    """A function that writes a network, with other facts or changed tensors, and gives its file."""

    def write(network, facts=None, change=None):
        path = tmp_path / "net.safetensors"
        tensors = change(dict(network.state_dict())) if change else dict(network.state_dict())
        save_file(tensors, path, metadata={"facts": json.dumps(network.facts() if facts is None else facts)})
        networks.load.cache_clear()
        return path

    return write
