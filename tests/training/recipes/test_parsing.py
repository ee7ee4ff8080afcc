"""The recipe of the head parser."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from far_device import taught_there
from maquette.perception.faces.parsing.network import Area, HeadParser
from maquette.synthesis.types import Kind
from maquette.training.recipes import parsing as recipe


@pytest.fixture
def options(tmp_path):
    """Options of the recipe, on noise that says nothing about its labels."""
    rng, count = np.random.default_rng(0), 3
    columns = {
        "image": rng.integers(0, 256, (count, 64, 64, 3), np.uint8),
        "kind": rng.integers(0, len(Kind), (count, 64, 64)).astype(np.uint8),
        "landmarks": rng.uniform(20, 44, (count, 478, 2)).astype(np.float32),
    }
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        save_file(columns, tmp_path / split / "0.safetensors")
    return recipe.ParsingOptions(data=str(tmp_path))


def test_it_learns_on_another_device(options):
    assert taught_there(recipe.RECIPE, options)["convolution_backward"]


def batch_of(parts):
    """One crop of noise labelled so."""
    rng = np.random.default_rng(0)
    target = np.stack([(parts == k) * np.uint8(255) for k in Area])[None]
    plane = torch.zeros(1, 64, 64, dtype=torch.uint8)
    crops = torch.from_numpy(rng.integers(0, 256, (1, 3, 64, 64)).astype(np.uint8))
    return {"crops": crops, "person": plane, "face": plane, "target": torch.from_numpy(target)}


class Says(torch.nn.Module):
    """A network that always says the same."""

    def __init__(self, parts, sure):
        super().__init__()
        self.logits = torch.from_numpy(np.stack([(parts == k) * sure for k in Area])[None]).float()

    def forward(self, _):
        return self.logits


def test_the_truth_costs_nothing_and_small_parts_cost_more():
    parts = np.zeros((32, 32), np.uint8)
    parts[8:24, 8:24] = Area.SKIN
    parts[12:14, 10:22] = Area.GLASSES
    options = recipe.ParsingOptions()
    right, _ = recipe.loss(Says(parts, 30.0), batch_of(parts), options)
    assert float(right) < 1e-3
    lost, hidden = parts.copy(), parts.copy()
    lost[12:14, 10:22] = Area.SKIN  # no glasses
    hidden[20:22, 10:22] = Area.CLOTHES  # as much skin
    costs = [float(recipe.loss(Says(wrong, 5.0), batch_of(parts), options)[0]) for wrong in (lost, hidden)]
    assert costs[0] > 1.2 * costs[1] > 0.1


def test_the_score_is_one_less_the_mean_overlap(options):
    scores = recipe.validate(recipe.build_network(options).eval(), options)
    assert set(scores) == {"score", *(part.name.lower() for part in Area)}
    assert scores["score"] == pytest.approx(1 - np.mean([scores[part.name.lower()] for part in Area]))


def test_the_published_tensors_build_the_network_again():
    network = recipe.build_network(recipe.ParsingOptions()).eval()
    tensors, facts = recipe.export(network)
    again = HeadParser().eval()
    again.load_state_dict(tensors)
    (crops,) = recipe.example(recipe.ParsingOptions(), np.random.default_rng(0))
    with torch.inference_mode():
        assert torch.equal(network(crops), again(crops))
    assert facts["parts"].split(",") == [part.name.lower() for part in Area]
