"""The small StarGAN v2: what each turn moves, a training that lowers its losses, and a file that translates."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from maquette.core.options import TranslateOptions
from maquette.imaging.translate.method import prepared
from maquette.training import checkpoint
from maquette.training.loop import train
from maquette.training.optimise import moving
from maquette.training.recipes.translation.portraits import RECIPE, PortraitOptions, adam, build_network, nearest
from maquette.training.weights_file import export

LOOP = replace(
    RECIPE.loop, steps=2, batch_size=2, workers=0, accelerator="cpu", save_every=1000, picture_every=2, precision="32"
)


@pytest.fixture
def options(tmp_path):
    rng = np.random.default_rng(0)
    rows = np.array(
        [(scene, 2 * species + slot, species) for scene in (0, 1) for species in range(3) for slot in (0, 1)]
    )
    columns = {"image": rng.integers(0, 256, (12, 40, 40, 3), np.uint8), "species": rows[:, 2].astype(np.uint8)}
    columns |= {name: np.ascontiguousarray(rows[:, k], np.int32) for k, name in enumerate(("scene", "animal"))}
    for split in ("train", "test"):
        (tmp_path / "data" / split).mkdir(parents=True)
        save_file(columns, tmp_path / "data" / split / "0.safetensors")
    return PortraitOptions(data=str(tmp_path / "data"), side=32, width=4, widest=8)


def test_each_turn_moves_its_own_networks(options):
    torch.manual_seed(0)
    batch = {k: torch.as_tensor(v) for k, v in RECIPE.batches(options, 3, 0).batch(0).items()}
    for judged, judge in ((0.5, {"discriminator"}), (0.0, set())):
        network = build_network(replace(options, judged=judged))
        optimizer, names = adam(network, LOOP), set()
        wanted = [{"generator", "style_encoder"}, judge, {"mapping_network"}]
        for turn, moved in zip(RECIPE.turns_of(options), wanted, strict=True):
            before = copy.deepcopy(network.state_dict())
            with moving(network, turn.moves):
                total, measures = turn.loss(network, batch, options)
                total.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            after = network.state_dict()
            assert {key.split(".")[0] for key in after if not torch.equal(after[key], before[key])} == moved
            names |= set(measures)
        draw = {f"draw_{name}" for name in ("pixels", "painted", "dense", "seen", "judged")}
        assert names == draw | {"judge_true", "judge_false", "map_far"}, "the log's columns stay the same"


def test_the_nearest_of_the_drawn_styles_is_what_is_moved():
    mapping = lambda latents, domain: latents + domain[:, None]  # noqa: E731
    latents = torch.tensor([[[0.0], [5.0]], [[1.0], [2.0]]])
    assert nearest(mapping, torch.tensor([[4.0], [5.0]]), torch.tensor([0, 2]), latents) == pytest.approx(1.0)


def test_a_training_leaves_weights_that_translate(options, tmp_path):
    scores = train(RECIPE, options, LOOP, tmp_path / "run")
    assert set(scores) == {"score", "source", "styles"} and 0 < scores["score"] < 1
    file = export(tmp_path / "run" / checkpoint.LAST, tmp_path / "mine.safetensors")
    translator = prepared(TranslateOptions("wild", weights=str(file)), lambda _: [])
    crop = np.random.default_rng(3).integers(0, 256, (32, 32, 3), np.uint8)
    assert translator.side == 32 and translator.draw(crop).shape == (1, 32, 32, 3)
