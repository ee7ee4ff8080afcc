"""The loop: a killed and resumed training ends with the same bits; what cannot go on says so in one line."""

from __future__ import annotations

import csv
import os
import random
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from maquette.core.errors import BadInput
from maquette.training import checkpoint
from maquette.training.loop import Stopped, make_fabric, train
from maquette.training.options import LoopOptions
from training.toy import RECIPE, Line, ToyOptions

LOOP = RECIPE.loop


def same(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


@pytest.fixture(scope="module")
def straight(tmp_path_factory) -> Path:
    """A training of 20 steps that nobody disturbed."""
    out = tmp_path_factory.mktemp("straight")
    train(RECIPE, ToyOptions(), LOOP, out)
    return out


def assert_same_training(a: Path, b: Path) -> None:
    one, other = checkpoint.load(a / checkpoint.LAST), checkpoint.load(b / checkpoint.LAST)
    for part in ("step", "network", "ema", "optimizer", "best", "scores"):
        assert same(one[part], other[part]), part
    for log in ("train.csv", "scores.csv"):
        assert (a / log).read_bytes() == (b / log).read_bytes(), log
    pictures = sorted(p.name for p in (a / "pictures").iterdir())
    assert pictures == sorted(p.name for p in (b / "pictures").iterdir())
    assert all((a / "pictures" / p).read_bytes() == (b / "pictures" / p).read_bytes() for p in pictures)


def test_it_leaves_logs_pictures_and_checkpoints(straight):
    with open(straight / "train.csv") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(1, 21))
    assert set(rows[0]) == {"step", "loss", "gradient", "rate", "worst"}
    assert (straight / "pictures" / "step-0000020.png").is_file() and (straight / "best.ckpt").is_file()
    assert list((straight / "tensorboard").iterdir())
    state = checkpoint.load(straight / "last.ckpt")
    assert state["step"] == 20 and state["facts"]["device"] and state["seconds"] > 0


def test_a_caller_keeps_random_numbers(tmp_path):
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    train(RECIPE, ToyOptions(), replace(LOOP, steps=2), tmp_path)
    assert torch.equal(torch.get_rng_state(), before[0]) and random.getstate() == before[2]
    assert np.array_equal(np.random.get_state()[1], before[1])


# During batch 9 a checkpoint is due after the step anyway (10), during batch 11 it is not; 5 and 10 are old then.
@pytest.mark.parametrize("kill_at", [0, 9, 11])
def test_stopped_and_resumed_is_the_same_to_the_bit(straight, tmp_path, kill_at):
    killed = replace(RECIPE, movable=("kill_at",))
    with pytest.raises(Stopped, match=rf"after step {kill_at + 1} of 20; .*--resume"):
        train(killed, ToyOptions(kill_at=kill_at), LOOP, tmp_path)
    assert checkpoint.load(tmp_path / "last.ckpt")["step"] == kill_at + 1
    train(killed, ToyOptions(), LOOP, tmp_path, resume=True)
    assert_same_training(straight, tmp_path)


def test_a_crash_without_farewell_goes_on_from_the_last_checkpoint(straight, tmp_path):
    def dying(network, batch, options):
        loss, measures = RECIPE.loss(network, batch, options)
        if len(calls) == 13:
            raise MemoryError
        calls.append(0)
        return loss, measures

    calls: list[int] = []
    with pytest.raises(MemoryError):
        train(replace(RECIPE, loss=dying), ToyOptions(), replace(LOOP, log_every=1), tmp_path)
    assert checkpoint.load(tmp_path / "last.ckpt")["step"] == 10
    # The log was ahead of the checkpoint, and its last row is cut off.
    rows = (tmp_path / "train.csv").read_text()
    assert rows.count("\n") == 14
    (tmp_path / "train.csv").write_text(rows + "14,0.12")
    train(RECIPE, ToyOptions(), LOOP, tmp_path, resume=True)
    assert_same_training(straight, tmp_path)


@pytest.mark.parametrize("other", [{"workers": 3}, {"log_every": 1, "save_every": 3}])
def test_workers_and_cadence_change_nothing(straight, tmp_path, other):
    train(RECIPE, ToyOptions(), replace(LOOP, **other), tmp_path)
    assert_same_training(straight, tmp_path)


def test_another_seed_is_another_training(straight, tmp_path):
    train(RECIPE, ToyOptions(), replace(LOOP, seed=1), tmp_path)
    one, other = checkpoint.load(straight / "last.ckpt"), checkpoint.load(tmp_path / "last.ckpt")
    assert not same(one["network"], other["network"])


def test_nan_stops_and_keeps_the_last_good_checkpoint(tmp_path):
    with pytest.raises(BadInput, match=r"loss is nan at step 13: the last good checkpoint is .*last.ckpt"):
        train(RECIPE, ToyOptions(nan_from=12), LOOP, tmp_path)
    state = checkpoint.load(tmp_path / "last.ckpt")
    assert state["step"] == 10
    assert all(torch.isfinite(t).all() for t in state["network"].values())


def test_nan_before_any_checkpoint(tmp_path):
    with pytest.raises(BadInput, match="at step 1: no checkpoint was written yet"):
        train(RECIPE, ToyOptions(nan_from=0), LOOP, tmp_path)


def test_a_score_that_is_no_number_stops(tmp_path):
    with pytest.raises(BadInput, match="score is nan at step 10"):
        train(replace(RECIPE, validate=lambda *_: {"score": float("nan")}), ToyOptions(), LOOP, tmp_path)


def test_an_empty_data_set(tmp_path):
    with pytest.raises(BadInput, match="data set is empty"):
        train(RECIPE, ToyOptions(examples=0), LOOP, tmp_path)


def test_another_recipe_and_other_options_are_refused(straight):
    with pytest.raises(BadInput, match="is of recipe 'toy', wanted 'other'"):
        train(replace(RECIPE, name="other"), ToyOptions(), LOOP, straight, resume=True)
    with pytest.raises(BadInput, match=r"trained with slope 2.0, not 3.0"):
        train(RECIPE, ToyOptions(slope=3.0), LOOP, straight, resume=True)
    with pytest.raises(BadInput, match=r"trained with seed 0, not 1"):
        train(RECIPE, ToyOptions(), replace(LOOP, seed=1), straight, resume=True)


def test_a_used_folder_is_not_overwritten_and_an_empty_one_not_resumed(straight, tmp_path):
    with pytest.raises(BadInput, match="holds a training already: go on with --resume"):
        train(RECIPE, ToyOptions(), LOOP, straight)
    with pytest.raises(BadInput, match="there is none"):
        train(RECIPE, ToyOptions(), LOOP, tmp_path, resume=True)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written .it is a file."):
        train(RECIPE, ToyOptions(), LOOP, tmp_path / "file")


def test_a_finished_training_is_resumed_for_nothing(straight):
    before = (straight / "train.csv").read_bytes()
    assert train(RECIPE, ToyOptions(), LOOP, straight, resume=True) == checkpoint.load(straight / "last.ckpt")["scores"]
    assert (straight / "train.csv").read_bytes() == before


def test_mixed_precision_runs_and_keeps_the_weights_in_float32(tmp_path):
    train(RECIPE, ToyOptions(), replace(LOOP, steps=3, precision="bf16-mixed"), tmp_path)
    state = checkpoint.load(tmp_path / "last.ckpt")
    assert state["precision"] == "bf16-mixed"
    assert all(t.dtype == torch.float32 for t in state["network"].values() if t.is_floating_point())


@dataclass(frozen=True)
class Reading:
    y: torch.Tensor


class Answers(Line):
    """The line, answering with a frozen dataclass."""

    def forward(self, x):
        return Reading(super().forward(x))


@pytest.mark.parametrize("precision", ["32", "bf16-mixed"])
def test_a_network_may_answer_with_a_frozen_dataclass(tmp_path, precision):
    def loss(network, batch, _):
        answer = network(batch["x"])
        assert isinstance(answer, Reading) and answer.y.dtype == torch.float32
        return (answer.y - batch["y"]).square().mean(), {"worst": 0.0}

    def validate(network, _):
        return {"score": float(network(torch.zeros(1, 1)).y.abs().mean())}

    recipe = replace(RECIPE, loss=loss, validate=validate, build_network=lambda _: Answers())
    train(recipe, ToyOptions(), replace(LOOP, steps=2, picture_every=0, precision=precision), tmp_path)
    assert set(checkpoint.load(tmp_path / "last.ckpt")["network"]) == set(Line().state_dict())


def test_no_tensorboard_is_said_once(tmp_path, monkeypatch):
    from lightning_fabric.loggers import tensorboard

    monkeypatch.setattr(tensorboard, "_TENSORBOARD_AVAILABLE", False)
    monkeypatch.setattr(tensorboard, "_TENSORBOARDX_AVAILABLE", False)
    said: list[str] = []
    train(RECIPE, ToyOptions(), LOOP, tmp_path, say=said.append)
    assert len(said) == 1 and "pip install tensorboardX" in said[0]
    assert (tmp_path / "train.csv").is_file()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_an_absent_accelerator():
    with pytest.raises(BadInput, match="accelerator cuda: there is none here"):
        make_fabric(LoopOptions(accelerator="cuda"))


@pytest.mark.slow
def test_two_processes_share_one_training(tmp_path):
    """Distributed data parallel on the CPU: both see different batches, one writes."""
    code = "from maquette.cli.main import app; from maquette.cli import train\nif not any(g.name == 'train' for g in "
    code += "app.registered_groups): app.add_typer(train.app, name='train')\nfrom maquette.cli.main import main; main()"
    script = tmp_path / "run.py"
    script.write_text(code)
    words = ["train", "training.toy:RECIPE", "-o", str(tmp_path / "out"), "--devices", "2", "--accelerator", "cpu"]
    tests = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, str(script), *words], env={**os.environ, "PYTHONPATH": tests}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    state = checkpoint.load(tmp_path / "out" / "last.ckpt")
    assert state["world"] == 2 and state["step"] == 20
    assert len((tmp_path / "out" / "train.csv").read_text().splitlines()) == 21
