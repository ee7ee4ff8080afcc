"""Schedule and average against known values and a slow twin."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from maquette.training.optimise import average, average_decay, learning_rate, moving, parameter_groups
from maquette.training.options import LoopOptions
from training.toy import Line


def test_the_schedule_at_known_steps():
    loop = LoopOptions(steps=1100, warmup=100, learning_rate=2.0, final_rate=0.1)
    assert learning_rate(0, loop) == pytest.approx(0.02)
    assert learning_rate(99, loop) == learning_rate(100, loop) == pytest.approx(2.0)
    assert learning_rate(600, loop) == pytest.approx(1.1)  # half way: the mean of highest and final
    assert learning_rate(350, loop) == pytest.approx(0.2 + 1.8 * (1 + math.cos(math.pi / 4)) / 2)
    assert learning_rate(1100, loop) == learning_rate(5000, loop) == pytest.approx(0.2)


def test_the_schedule_agrees_with_torch():
    loop = LoopOptions(steps=50, warmup=0, learning_rate=1.0, final_rate=0.0)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50)
    for step in range(50):
        assert learning_rate(step, loop) == pytest.approx(schedule.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        schedule.step()


def test_the_average_is_that_of_a_plain_loop():
    torch.manual_seed(0)
    network = Line()
    ema = copy.deepcopy(network).requires_grad_(False)
    twin = {name: p.detach().double().clone() for name, p in network.named_parameters()}
    for step in range(30):
        with torch.no_grad():
            for p in network.parameters():
                p.add_(torch.randn_like(p))
            network.layers[1].running_mean += 1
        decay = average_decay(step, 0.9)
        average(ema, network, decay)
        twin = {name: decay * twin[name] + (1 - decay) * p.detach().double() for name, p in network.named_parameters()}
    for name, p in ema.named_parameters():
        assert torch.allclose(p.double(), twin[name], atol=1e-5), name
    assert torch.equal(ema.layers[1].running_mean, network.layers[1].running_mean)


def test_the_decay_rises_to_its_value():
    assert [average_decay(t, 0.5) for t in (0, 8, 100)] == [0.1, 0.5, 0.5]


def test_norms_and_biases_do_not_decay():
    network = Line()
    decaying, spared = parameter_groups(network, 0.1)
    assert {id(p) for p in decaying["params"]} == {id(network.layers[0].weight), id(network.layers[4].weight)}
    assert spared["weight_decay"] == 0 and len(spared["params"]) == 4


def test_only_the_named_parts_learn_meanwhile():
    network = nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.Linear(1, 1)})
    network["b"].bias.requires_grad_(False)
    with moving(network, ["b"]):
        learning = {name for name, p in network.named_parameters() if p.requires_grad}
    assert learning == {"b.weight"}
    assert {name for name, p in network.named_parameters() if not p.requires_grad} == {"b.bias"}
    with moving(network, ()):
        assert network["a"].weight.requires_grad
