"""Publishing: what was written is what was trained, rounded; the zoo finds it; what is too large is refused."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from maquette.core.errors import BadInput
from maquette.training import checkpoint
from maquette.training.loop import train
from maquette.weights import store
from training.toy import RECIPE, Line, ToyOptions

TOOL = Path(__file__).parents[2] / "tools" / "publish_weights.py"
spec = importlib.util.spec_from_file_location("publish_weights", TOOL)
tool = importlib.util.module_from_spec(spec)
sys.modules["publish_weights"] = tool
spec.loader.exec_module(tool)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    train(RECIPE, ToyOptions(slope=1.5), replace(RECIPE.loop, workers=1, seed=3), out)
    return out / "best.ckpt"


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A package with a zoo of its own, which the store reads."""
    zoo = tmp_path / "zoo.toml"
    zoo.write_text(store.ZOO_FILE.read_text())
    monkeypatch.setattr(store, "ZOO_FILE", zoo)
    monkeypatch.setattr(store, "PACKAGE", tmp_path)
    store.zoo.cache_clear()
    yield tool.Places("nets", tmp_path, zoo, tmp_path / "golden")
    store.zoo.cache_clear()


def test_round_trip(trained, places):
    file = tool.publish(trained, "toy-line", RECIPE, places)
    assert store.fetch("toy-line") == file
    entry = store.zoo()["toy-line"]
    assert entry.bytes == file.stat().st_size and entry.source == RECIPE.data
    assert entry.made_by == "maquette train toy --slope 1.5 --seed 3 -o OUT"
    assert entry.normalisation and entry.score.startswith("score 0.") and entry.commit
    assert "maquette-head" in store.zoo()

    state, published = checkpoint.load(trained), load_file(file)
    for key, averaged in state["ema"].items():
        assert published[key].dtype == (torch.float16 if averaged.is_floating_point() else averaged.dtype)
        assert torch.allclose(published[key].float(), averaged.float(), rtol=1e-3, atol=1e-6)
    with safe_open(file, "pt") as opened:
        facts = json.loads(opened.metadata()["facts"])
    assert facts["layers"] == "2" and facts["options"]["slope"] == 1.5


def test_golden_tensors_are_those_of_the_published_file(trained, places):
    file = tool.publish(trained, "toy-line", RECIPE, places)
    golden = load_file(places.golden / "toy-line.safetensors")
    network = Line().eval()
    network.load_state_dict({key: t.float() if t.is_floating_point() else t for key, t in load_file(file).items()})
    with torch.no_grad():
        assert torch.equal(network(golden["input.0"]), golden["output"])


def test_the_card_says_how_it_came_about(trained, places):
    text = tool.publish(trained, "toy-line", RECIPE, places).with_suffix(".md").read_text()
    for expected in (
        RECIPE.data,
        RECIPE.normalisation,
        "--slope 1.5",
        "20 steps of 4 examples",
        "cpu",
        "| slope | 1.5 |",
    ):
        assert expected in text, expected
    assert "In training (float32): score 0." in text and "This file (float16): score 0." in text


def test_publishing_again_replaces_the_entry(trained, places):
    tool.publish(trained, "toy-line", RECIPE, places)
    once = places.zoo.read_text()
    tool.publish(trained, "another", RECIPE, places)
    tool.publish(trained, "toy-line", RECIPE, places)
    store.zoo.cache_clear()
    assert {"maquette-head", "toy-line", "another"} <= store.zoo().keys()
    assert places.zoo.read_text().startswith(once) and places.zoo.read_text().count("[toy-line]") == 1


def test_a_large_network_is_refused_and_nothing_is_written(trained, places, monkeypatch):
    monkeypatch.setattr(tool, "MOST_BYTES", 40)
    before = places.zoo.read_text()
    with pytest.raises(BadInput, match="wanted at most 40"):
        tool.publish(trained, "toy-line", RECIPE, places)
    assert places.zoo.read_text() == before and not (places.package / "nets").exists()


def test_weights_beyond_float16_are_named(trained, places):
    def export(_network):
        return {"scale": torch.tensor([1e6])}, {}

    with pytest.raises(BadInput, match="weight scale: holds 1e"):
        tool.publish(trained, "toy-line", replace(RECIPE, export=export), places)


def test_another_recipe_is_refused(trained, places):
    with pytest.raises(BadInput, match="is of recipe 'toy'"):
        tool.publish(trained, "toy-line", replace(RECIPE, name="other"), places)


def test_nested_outputs_have_dotted_names():
    x = torch.zeros(1)
    assert [key for key, _ in tool.flat("output", {"points": x, "more": (x, [x])})] == [
        "output.points",
        "output.more.0",
        "output.more.1.0",
    ]


@pytest.mark.usefixtures("places")
def test_the_command_line(trained, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["publish_weights", str(trained), "x"])
    assert tool.main() == 2
    assert "recipe 'toy': not known" in capsys.readouterr().err


def test_no_folder_of_a_machine_is_published():
    options = {"data": "/home/someone/runs/faces", "width": 1.0, "start_from": ""}
    kept = tool.without_folders(options, ("data", "start_from"))
    assert kept == {"data": "faces", "width": 1.0, "start_from": ""}
