"""`maquette train`: flags from the recipe, one line per error, a kill that can be gone on from."""

from __future__ import annotations

import sys

import pytest
import torch
from safetensors import safe_open

from maquette.cli import main
from maquette.training import checkpoint
from maquette.training.recipe import RECIPES, RecipeRow


@pytest.fixture(autouse=True)
def known(monkeypatch):
    """The toy among the recipes."""
    monkeypatch.setitem(RECIPES, "toy", RecipeRow("training.toy:RECIPE", "a line"))


def test_the_recipes_are_listed(capsys):
    main.run(["train", "--help"])
    assert "toy" in capsys.readouterr().out


def test_a_recipe_shows_its_own_flags_and_defaults(capsys):
    main.run(["train", "toy", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "--slope" in shown and "Slope of the line, without unit." in shown
    assert "the cosine schedule ends there. [default: 20]" in shown


def test_train_kill_and_resume(tmp_path, capsys):
    words = ["train", "toy", "-o", str(tmp_path / "out")]
    assert main.run([*words, "--kill-at", "11", "--slope", "3", "--steps", "15"]) == 130
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1 and "stopped after step 12 of 15" in shown and "--resume" in shown
    assert main.run([*words, "--resume"]) == 0
    assert "15 steps, score" in capsys.readouterr().out
    state = checkpoint.load(tmp_path / "out" / "last.ckpt")
    assert state["step"] == 15 and state["options"]["slope"] == 3.0
    assert (
        main.run(["weights", "export", str(tmp_path / "out" / "last.ckpt"), "-o", str(tmp_path / "toy.safetensors")])
        == 0
    )
    with safe_open(tmp_path / "toy.safetensors", framework="pt") as file:
        assert {*file.keys()} and all(file.get_tensor(key).dtype == torch.float32 for key in file.keys())
    assert main.run(["weights", "export", str(tmp_path / "none.ckpt")]) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["toi", "-o", "out"], "recipe 'toi': not known; known: face, parsing, folds, pet-landmarks, motion, "),
        (["toy", "-o", "out", "--steps", "0"], "steps 0: wanted at least 1"),
        (["toy", "-o", "out", "--examples", "0"], "the data set is empty"),
        (["toy", "-o", "out", "--nan-from", "2"], "loss is nan at step 3"),
        (["toy", "-o", "out", "--resume"], "there is none"),
        (["toy", "-o", "file"], "cannot be written (it is a file)"),
        (["toy", "-o", "out", "--accelerator", "gpu"], "accelerator 'gpu': wanted auto, cpu"),
        (["toy"], "Missing option"),
    ],
)
def test_errors_are_one_line(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert main.run(["train", *words]) == 2
    line = capsys.readouterr().err
    assert message in line and line.count("\n") == 1 and "Traceback" not in line


def test_without_the_extra(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    monkeypatch.delitem(sys.modules, "maquette.training.loop", raising=False)
    assert main.run(["train", "toy", "-o", str(tmp_path / "out")]) == 3
    assert "pip install 'maquette[train]'" in capsys.readouterr().err
