"""StarGAN v2's training: what each turn moves, small networks that learn, and a file that translates."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from maquette.core.errors import BadInput
from maquette.core.options import TranslateOptions
from maquette.imaging.translate.method import prepared
from maquette.imaging.translate.starganv2.networks import load
from maquette.training import checkpoint
from maquette.training.loop import train
from maquette.training.optimise import moving
from maquette.training.recipes.translation.starganv2 import RECIPE, StarOptions, adam, build_network, example
from maquette.training.weights_file import export

COLOURS = {"cat": (230, 60, 40), "dog": (40, 200, 60), "wild": (50, 60, 220)}
LOOP = replace(
    RECIPE.loop, steps=2, batch_size=2, workers=0, accelerator="cpu", save_every=1000, picture_every=2, ema=0.5
)


@pytest.fixture
def options(tmp_path):
    for name, colour in COLOURS.items():
        (tmp_path / "data" / name).mkdir(parents=True)
        for k in range(4):
            pixels = np.random.default_rng(k).integers(0, 60, (40, 40, 3)) + np.array(colour) * 3 // 4
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "data" / name / f"{k}.png")
    return StarOptions(data=str(tmp_path / "data"), side=32, width=4, widest=8)


def batch_of(options, size=3):
    return {k: torch.as_tensor(v) for k, v in RECIPE.batches(options, size, 0).batch(0).items()}


def test_each_turn_moves_its_own_networks(options):
    """After one turn the others are the same to the last bit; references move the generator alone."""
    torch.manual_seed(0)
    network, batch = build_network(options), batch_of(options)
    optimizer = adam(network, LOOP)
    wanted = [{"discriminator"}] * 2 + [{"generator", "mapping_network", "style_encoder"}, {"generator"}]
    names = set()
    for turn, moved in zip(RECIPE.turns_of(options), wanted, strict=True):
        before = copy.deepcopy(network.state_dict())
        with moving(network, turn.moves):
            total, measures = turn.loss(network, batch, options)
            total.backward()
        assert all(p.requires_grad for p in network.parameters())
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        after = network.state_dict()
        assert {key.split(".")[0] for key in after if not torch.equal(after[key], before[key])} == moved
        assert not names & set(measures)
        names |= set(measures)
    assert {"d_latent_penalty", "d_reference_false", "g_latent_diversity", "g_reference_cycle"} <= names


def test_the_mapping_network_has_a_hundredth_of_the_rate(options):
    network = build_network(options)
    shares = {len(group["params"]): group["share"] for group in adam(network, LOOP).param_groups}
    assert shares[len(list(network.mapping_network.parameters()))] == 0.01 and sorted(set(shares.values())) == [0.01, 1]


def test_a_training_leaves_weights_that_translate(options, tmp_path):
    scores = train(RECIPE, options, LOOP, tmp_path / "run")
    assert set(scores) == {"score", "style", "cycle"} and scores["score"] == scores["style"] + scores["cycle"]
    header = (tmp_path / "run" / "train.csv").read_text().splitlines()[0]
    assert "g_reference_cycle" in header and "d_latent_true" in header
    shown = Image.open(next((tmp_path / "run" / "pictures").iterdir()))
    assert shown.size == (3 * 32, 3 * 32)
    state = checkpoint.load(tmp_path / "run" / checkpoint.LAST)
    assert not torch.equal(state["network"]["generator.to_rgb.2.weight"], state["ema"]["generator.to_rgb.2.weight"])
    file = export(tmp_path / "run" / checkpoint.LAST, tmp_path / "mine.safetensors")
    found = load(file)
    assert found.size.domains == ("cat", "dog", "wild") and found.size.side == 32
    assert torch.equal(found.generator.to_rgb[2].weight, state["ema"]["generator.to_rgb.2.weight"])
    ready = prepared(TranslateOptions("dog", weights=str(file)), lambda _: [])
    assert ready.draw(np.zeros((32, 32, 3), np.uint8)).shape == (1, 32, 32, 3)


def test_a_training_goes_on_where_it_stopped(options, tmp_path):
    train(RECIPE, options, LOOP, tmp_path / "a")
    train(RECIPE, options, replace(LOOP, steps=1), tmp_path / "b")
    train(RECIPE, options, LOOP, tmp_path / "b", resume=True)
    one, other = (checkpoint.load(tmp_path / name / checkpoint.LAST)["network"] for name in "ab")
    assert all(torch.equal(value, other[key]) for key, value in one.items())


def test_the_example_is_a_call(options):
    answer = build_network(options)(*example(options, np.random.default_rng(0)))
    assert set(answer) == {"total", "adversarial", "style", "diversity", "cycle"} and answer["total"].ndim == 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"side": 33}, "power of two"), ({"domains": "dog,cat"}, "alphabetical"), ({"diversity_steps": 0}, "1 step")],
)
def test_options_that_do_not_fit_are_refused(wrong, words):
    with pytest.raises(BadInput, match=words):
        StarOptions(**wrong)


def test_folders_that_are_missing_are_said(options):
    with pytest.raises(BadInput, match="fox: wanted a folder"):
        RECIPE.batches(replace(options, domains="cat,fox"), 2, 0)
