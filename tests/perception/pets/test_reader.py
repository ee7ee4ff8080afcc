"""The shipped networks of pets."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from maquette.perception.pets import reader


def test_the_shipped_head_gives_its_golden_tensors():
    golden = load_file(Path(__file__).parents[2] / "golden" / "pet-landmarks.safetensors")
    inputs = [golden[f"input.{k}"] for k in range(4)]
    with torch.inference_mode():
        found = reader.load_head()(*inputs)
    for k, part in enumerate(found):
        assert torch.allclose(part, golden[f"output.{k}"], atol=2e-3)


def test_networks_are_loaded_once_and_do_not_learn():
    assert reader.load_head() is reader.load_head() and reader.load_features() is reader.load_features()
    assert not any(
        p.requires_grad for network in (reader.load_head(), reader.load_features()) for p in network.parameters()
    )


def test_the_mean_heads_are_of_three_species():
    template = reader.load_head().template
    assert template.shape == (3, 20, 3)
    noses = template[:, 4, 2]
    assert noses[0] < noses[1]  # a dog's is longer than a cat's
