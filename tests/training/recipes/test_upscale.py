"""The recipes espcn and srcnn: batches are pure functions, the first network is bicubic, a step makes it better."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from far_device import taught_there
from maquette.core.errors import BadInput
from maquette.training.recipe import load
from maquette.training.recipes import upscale

RECIPES = ["espcn", "srcnn"]


@pytest.fixture
def options(tmp_path):
    """Options of a recipe, on three crops of smooth noise."""
    import cv2

    rng = np.random.default_rng(0)
    crops = [cv2.resize(rng.integers(0, 256, (40, 40, 3), np.uint8), (160, 160)) for _ in range(3)]
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        save_file({"image": np.stack(crops)}, tmp_path / split / "0.safetensors")
    return lambda name, **changes: replace(load(name).options(data=str(tmp_path)), **changes)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("factor", [2, 4])
def test_batches_are_a_function_of_seed_and_number(name, factor, options):
    recipe = load(name)
    makers = [recipe.batches(options(name, factor=factor), 4, 7) for _ in range(2)]
    first, again = makers[0].batch(3), makers[1].batch(3)
    assert first["small"].shape == (4, 1, 32, 32) and first["large"].shape == (4, 1, 32 * factor, 32 * factor)
    assert first["small"].dtype == np.float32 and 0 <= first["large"].min() <= first["large"].max() <= 1
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert not np.array_equal(first["small"], makers[0].batch(4)["small"])


def test_small_and_large_show_the_same_place(options):
    """The small patch is nearer to its own large one, made smaller, than to any other."""
    batch = upscale.Patches(options("espcn"), 12, 0).batch(0)
    means = batch["large"].reshape(12, 1, 32, 2, 32, 2).mean(axis=(3, 5))
    apart = np.abs(batch["small"][:, None] - means[None]).mean(axis=(2, 3, 4))
    assert (apart.argmin(axis=1) == np.arange(12)).all()


@pytest.mark.parametrize("name", RECIPES)
def test_it_begins_as_bicubic_and_learns(name, options):
    recipe, settings = load(name), options(name, carried=0.0)
    torch.manual_seed(0)
    network = recipe.build_network(settings)
    with torch.no_grad():
        before = recipe.validate(network, settings)
    assert abs(before["gain_area"]) < 0.01 and before["psnr_area"] > 20
    batch = {key: torch.from_numpy(value) for key, value in recipe.batches(settings, 8, 0).batch(0).items()}
    optimizer = torch.optim.Adam(network.parameters(), 2e-6)
    losses = []
    for _ in range(8):
        loss, measures = recipe.loss(network, batch, settings)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] and set(measures) == {"psnr"}
    with torch.no_grad():
        drawn = recipe.picture(network, batch)
    assert drawn.shape == (3 * 64, 8 * 64, 3) and drawn.dtype == np.uint8


@pytest.mark.parametrize("name", RECIPES)
def test_export_says_how_to_build_it(name, options):
    from maquette.imaging.upscale.networks import build

    network = load(name).build_network(options(name, factor=4))
    tensors, facts = load(name).export(network)
    build(facts).load_state_dict(tensors)
    assert facts["factor"] == "4" and facts["residual"] == "yes"


def test_carried_pictures_are_free_and_in_the_wheel():
    """Their licences are those that scikit-image gives in the docstring of each."""
    from skimage import data

    functions = {"clock_motion.png": "clock"}
    assert len(upscale.carried()) == len(upscale.CARRIED) and all(p.shape[2] == 3 for p in upscale.carried())
    for file in upscale.CARRIED:
        text = getattr(data, functions.get(file, file.partition(".")[0])).__doc__
        assert re.search(r"CC0|public\s+domain|Creative Commons CC0", text), file


@pytest.mark.parametrize(
    "wrong, message",
    [({"factor": 3}, "wanted 2 or 4"), ({"carried": 1.5}, "wanted 0 to 1"), ({"layout": "x"}, "wanted relu4, tanh3")],
)
def test_wrong_options(wrong, message):
    with pytest.raises(BadInput, match=message):
        upscale.EspcnOptions(**wrong)


@pytest.mark.parametrize("name", RECIPES)
def test_it_learns_on_another_device(name, options):
    assert taught_there(load(name), options(name))["convolution_backward"]
