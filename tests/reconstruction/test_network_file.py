"""A network's file is opened, or refused in one line that says what to do."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from maquette.core.errors import BadInput
from maquette.imaging.upscale import networks
from maquette.reconstruction.network_file import opened
from maquette.reconstruction.pifuhd import shipped


def test_tensors_and_metadata_are_there(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors", {"size": "3"})
    with opened(tmp_path / "a.safetensors", "VRN", "make it") as file:
        assert file.metadata() == {"size": "3"} and torch.equal(file.get_tensor("a"), torch.ones(2))


@pytest.mark.parametrize("data", [b"", b"noise", b"\x10" * 100])
def test_other_files_are_refused(tmp_path, data):
    (tmp_path / "a.safetensors").write_bytes(data)
    with (
        pytest.raises(BadInput, match=r"a\.safetensors: wanted safetensors, cannot be read .*: make it$"),
        opened(tmp_path / "a.safetensors", "VRN", "make it"),
    ):
        pass
    with pytest.raises(BadInput, match="VRN weights, there is none: make it"), opened(tmp_path, "VRN", "make it"):
        pass


def test_what_is_wrong_inside_keeps_its_own_words(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors")
    with pytest.raises(BadInput, match="no side"), opened(tmp_path / "a.safetensors", "VRN", "make it"):
        raise BadInput("no side")


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
