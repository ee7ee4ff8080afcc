"""Weights out of a checkpoint: a file may name a row of the table, never code."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open

from maquette.cli import main
from maquette.core.errors import BadInput
from maquette.training import checkpoint, weights_file
from maquette.training.loop import train
from training.toy import RECIPE, Line, ToyOptions


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The checkpoint of a short training of a recipe that is in no table."""
    out = tmp_path_factory.mktemp("toy")
    train(RECIPE, ToyOptions(), replace(RECIPE.loop, steps=2, picture_every=0), out)
    return out / checkpoint.LAST


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A module whose import leaves a file, and that file."""
    (tmp_path / "a_trap.py").write_text(
        "from pathlib import Path\n"
        "Path(__file__).with_name('sprung').touch()\n"
        "from training.toy import RECIPE as own\n"
        "from dataclasses import replace\n"
        "RECIPE = replace(own, name='a_trap:RECIPE')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "sprung"
    sys.modules.pop("a_trap", None)


@pytest.mark.parametrize("name", ["a_trap:RECIPE", "a_trap", "os:system", "", ["face"]], ids=str)
def test_a_checkpoint_cannot_have_a_module_imported(trained, trap, tmp_path, name, capsys):
    hostile = tmp_path / "hostile.ckpt"
    checkpoint.save({**checkpoint.load(trained), "recipe": name}, hostile)
    with pytest.raises(BadInput, match="not known"):
        weights_file.export(hostile, tmp_path / "out.safetensors")
    assert main.run(["weights", "export", str(hostile)]) == 2
    assert "not known" in capsys.readouterr().err
    assert not trap.exists() and "a_trap" not in sys.modules


def test_a_recipe_of_ones_own_is_named_on_the_command_line(trained, tmp_path):
    out = tmp_path / "line.safetensors"
    assert main.run(["weights", "export", str(trained), "-o", str(out), "--recipe", "training.toy:RECIPE"]) == 0
    with safe_open(out, framework="pt") as file:
        assert torch.equal(file.get_tensor("layers.0.weight"), checkpoint.load(trained)["ema"]["layers.0.weight"])


def test_start_takes_a_checkpoint_and_names_what_does_not_fit(trained, tmp_path):
    network = Line()
    weights_file.load_into(network, trained)
    assert torch.equal(network.layers[0].weight, checkpoint.load(trained)["ema"]["layers.0.weight"])
    with pytest.raises(BadInput, match=r"another network \(weight, bias\)"):
        weights_file.load_into(torch.nn.Linear(1, 1), trained)
    with pytest.raises(BadInput, match="there is no such file"):
        weights_file.load_into(network, tmp_path / "none.ckpt")


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda s: s | {"ema": {k: v.to(torch.float8_e4m3fn) for k, v in s["ema"].items()}}, "of float8_e4m3fn"),
        (lambda s: s | {"ema": [1]}, "holds no averaged weights"),
        (lambda s: s | {"ema": {"a": torch.zeros(1)}}, "missing"),
        (lambda s: {k: v for k, v in s.items() if k != "ema"}, "holds no averaged weights"),
        (lambda s: {k: v for k, v in s.items() if k != "options"}, "of which training"),
        (lambda s: {k: v for k, v in s.items() if k != "recipe"}, "of which training|recipe 'None'"),
    ],
    ids=["float8", "a list", "another network", "no weights", "no options", "no recipe"],
)
def test_odd_checkpoints_are_bad_input(trained, tmp_path, change, words):
    odd = tmp_path / "odd.ckpt"
    checkpoint.save(change({k: v for k, v in checkpoint.load(trained).items() if k != "format"}), odd)
    for given in (RECIPE, None):
        with pytest.raises(BadInput, match=words if given else ".") as said:
            weights_file.export(odd, tmp_path / "out.safetensors", given)
        assert "\n" not in str(said.value)
