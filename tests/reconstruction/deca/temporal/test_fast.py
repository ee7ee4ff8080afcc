"""The fast way gives the module's numbers."""

from __future__ import annotations

import copy

import pytest
import torch

from maquette.reconstruction.deca.temporal import fast
from maquette.reconstruction.deca.temporal.fast import prepared, prepared_pair
from temporal_by_seed import clip, encoder


@pytest.mark.slow
@pytest.mark.parametrize("length", [1, 3])
def test_numbers_are_those_of_the_modules(length):
    network = copy.deepcopy(encoder()).float()
    x = clip(length, 2 if length == 1 else 1).float()
    found = prepared(network)(x)
    wanted = network(x)
    assert wanted.std(0).max() > 1e-5 or length == 1
    torch.testing.assert_close(found, wanted, atol=2e-6, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("same", [True, False])
def test_two_encoders_with_the_same_flow_ask_it_once(monkeypatch, same):
    first = copy.deepcopy(encoder()).float()
    second = copy.deepcopy(first)
    with torch.no_grad():
        second.layers[2].bias += 1
        if not same:
            second.encoder.spynet.basic_module[0].basic_module[0].conv.bias += 0.5
    asked = []
    plain = fast.FastFlow.__call__
    monkeypatch.setattr(fast.FastFlow, "__call__", lambda flow, clips: asked.append(1) or plain(flow, clips))
    one, other = prepared_pair(first, second)
    for length in (2, 1):
        x = clip(length).float()
        torch.testing.assert_close(one(x), first(x), atol=2e-6, rtol=1e-5)
        torch.testing.assert_close(other(x), second(x), atol=2e-6, rtol=1e-5)
    assert len(asked) == (2 if same else 4)
