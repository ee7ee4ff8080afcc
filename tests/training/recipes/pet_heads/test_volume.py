"""The recipe of the pets' volumes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maquette.core.errors import BadInput
from maquette.core.options import SynthesisOptions
from maquette.training.datasets.pets import make_shard
from maquette.training.recipes.pet_heads import volume as recipe


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pets")
    for split in ("train", "test"):
        (folder / split).mkdir()
        make_shard(folder, SynthesisOptions(count=2, seed=4, size=96, photos_per_person=1, split=split), 0, 2)
    return recipe.PetVolumeOptions(data=str(folder), side=32, depth=16, features=16)


def test_it_learns_the_solid_it_is_shown(options):
    torch.manual_seed(0)
    network = recipe.build_network(options)
    batch = {name: torch.from_numpy(part) for name, part in recipe.batches(options, 2, 0).batch(0).items()}
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    overlaps = []
    for _ in range(60):
        total, measures = recipe.loss(network, batch, options)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        overlaps.append(float(measures["iou"]))
    assert overlaps[-1] > 0.8 > overlaps[0]
    picture = recipe.picture(network, batch)
    assert picture.shape == (48, 32, 3) and picture.dtype == np.uint8


def test_scores_are_overlaps_of_whole_volumes(options):
    with torch.no_grad():
        scores = recipe.validate(recipe.build_network(options).eval(), options)
    assert scores["score"] == pytest.approx(1 - scores["iou"]) and 0 <= scores["iou"] < 0.7


def test_the_file_says_how_to_build_it(options):
    network = recipe.build_network(options)
    tensors, facts = recipe.export(network)
    assert facts["side"] == "32" and '"channels": 23' in facts["size"]
    assert not any(name.endswith("num_batches_tracked") for name in tensors)
    with torch.inference_mode():
        assert network.eval()(*recipe.example(options, np.random.default_rng(0))).shape == (1, 16, 16, 16)


def test_impossible_sizes_are_refused():
    for wrong in ({"side": 50}, {"side": 8}, {"depth": 2}):
        with pytest.raises(BadInput, match="wanted"):
            recipe.PetVolumeOptions(**wrong)
