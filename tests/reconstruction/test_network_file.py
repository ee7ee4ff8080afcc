"""Whatever a file of weights holds: it is read, or refused in one line."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from maquette.core.errors import BadInput
from maquette.imaging.upscale import networks
from maquette.reconstruction.network_file import opened
from maquette.reconstruction.pifuhd import shipped

DEEP = "[" * 100_000
FACTS = {"deep": DEEP, "a list": "[1]", "no JSON": "{", "a number": "7"}


@pytest.mark.parametrize("facts", FACTS.values(), ids=FACTS.keys())
@pytest.mark.parametrize("load", [shipped.load_any, networks.load])
def test_odd_facts_are_bad_input(tmp_path, facts, load):
    path = tmp_path / "odd.safetensors"
    save_file({"a": torch.zeros(2)}, path, {"facts": facts})
    with pytest.raises(BadInput) as said:
        load(path)
    assert "\n" not in str(said.value) and str(path) in str(said.value)


@pytest.mark.parametrize(
    "error", [RecursionError("deep"), RuntimeError("float8\nis new"), KeyError("x"), TypeError("x")]
)
def test_what_a_file_makes_torch_raise_is_bad_input(tmp_path, error):
    path = tmp_path / "odd.safetensors"
    save_file({"a": torch.zeros(2)}, path, {"facts": json.dumps({})})
    with pytest.raises(BadInput, match="convert it again"), opened(path, "PIFuHD", "convert it again"):
        raise error
