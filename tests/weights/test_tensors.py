"""A network's file is opened, or refused in one line that says what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import maquette
from maquette.core.errors import BadInput
from maquette.imaging.upscale import networks
from maquette.morphable.body import load_body
from maquette.morphable.head import load_head
from maquette.perception.faces.regressor import reader
from maquette.reconstruction.face_fit.terms import landmarks
from maquette.reconstruction.pifuhd import shipped
from maquette.reconstruction.pifuhd import weights as pifuhd_weights
from maquette.reconstruction.vrn import weights as vrn_weights
from maquette.synthesis.anatomy import population
from maquette.training.datasets.shards import Shards
from maquette.training.weights_file import load_into
from maquette.weights.convert import vrn as vrn_convert
from maquette.weights.store import zoo
from maquette.weights.tensors import opened


def test_tensors_and_metadata_are_there(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors", {"size": "3"})
    with opened(tmp_path / "a.safetensors", "VRN weights", "make it") as file:
        assert file.metadata() == {"size": "3"} and torch.equal(file.get_tensor("a"), torch.ones(2))


@pytest.mark.parametrize("data", [b"", b"noise", b"\x10" * 100])
def test_other_files_are_refused(tmp_path, data):
    (tmp_path / "a.safetensors").write_bytes(data)
    with (
        pytest.raises(
            BadInput, match=r"a\.safetensors: wanted safetensors of VRN weights, cannot be read .*: make it$"
        ),
        opened(tmp_path / "a.safetensors", "VRN weights", "make it"),
    ):
        pass
    with (
        pytest.raises(BadInput, match="VRN weights, there is none: make it"),
        opened(tmp_path, "VRN weights", "make it"),
    ):
        pass


def test_what_is_wrong_inside_keeps_its_own_words(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors")
    with pytest.raises(BadInput, match="no side"), opened(tmp_path / "a.safetensors", "VRN weights", "make it"):
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
    with pytest.raises(BadInput, match="convert it again"), opened(path, "PIFuHD weights", "convert it again"):
        raise error


def regressor(path, monkeypatch):
    monkeypatch.setattr(reader, "fetch", lambda _: path)
    return reader.load_regressor.__wrapped__()


def population_of(path, monkeypatch):
    monkeypatch.setattr(population, "fetch", lambda _: path)
    return population.load_population.__wrapped__()


def examples(path, _):
    rows = Shards(path.parent, ("image",), 2, 0)
    return rows.batch(0)


# name -> entry of the zoo whose file is harmed, and who reads it
READERS = {
    "head": ("maquette-head", lambda path, _: load_head(path)),
    "body": ("maquette-body", lambda path, _: load_body(path)),
    "noise": ("face-regressor-noise", lambda path, _: landmarks.reader_noise(path)),
    "face regressor": ("face-regressor", regressor),
    "vrn": ("vrn-small", lambda path, _: vrn_weights.load(path)),
    "pifuhd": ("pifuhd-small", lambda path, _: shipped.load_any(path)),
    "published pifuhd": ("pifuhd-small", lambda path, _: pifuhd_weights.load(path)),
    "espcn": ("espcn-x2", lambda path, _: networks.load(path)),
    "srcnn": ("srcnn-x4", lambda path, _: networks.load(path)),
    "start from": ("espcn-x2", lambda path, _: load_into(networks.build(ESPCN), path)),
    "conversion of vrn": ("vrn-small", lambda path, _: vrn_convert.convert(path, path.with_name("out.safetensors"))),
    "population": ("maquette-population", population_of),
    "examples": ("espcn-x2", examples),
}
ESPCN = {"network": "espcn", "factor": "2", "layout": "relu4", "residual": "yes"}


def float8(tensors):
    return {k: v.float().to(torch.float8_e4m3fn) if v.is_floating_point() else v for k, v in tensors.items()}


HARMS = {"float8": float8, "another file": lambda _: {"a": torch.zeros(2)}, "nothing": lambda _: {}}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("harm", ["cut", "noise", "gone", *HARMS])
def test_every_reader_says_in_one_line_what_is_wrong(name, harm, tmp_path, monkeypatch):
    entry, read = READERS[name]
    whole = zoo()[entry].file
    path = tmp_path / "0.safetensors"
    if harm in HARMS:
        with safe_open(whole, "pt") as file:
            save_file(HARMS[harm]({k: file.get_tensor(k) for k in list(file.keys())}), path, file.metadata())
    elif harm != "gone":
        path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2] if harm == "cut" else b"noise" * 99)
    with pytest.raises(BadInput) as said:
        read(path, monkeypatch)
    assert "\n" not in str(said.value) and len(str(said.value)) < 600
    assert harm == "gone" or str(path) in str(said.value)
    if harm == "float8":
        assert "got" in str(said.value) and "F8_E4M3" in str(said.value)


def test_float8_in_a_torch_file_is_bad_input(tmp_path):
    path = tmp_path / "vrn.pth"
    with safe_open(zoo()["vrn-small"].file, "pt") as file:
        torch.save(float8({k: file.get_tensor(k) for k in list(file.keys())}), path)
    with pytest.raises(BadInput, match=r"wanted weights in float32 or float16, got .* of float8_e4m3fn$"):
        vrn_convert.convert(path, tmp_path / "out.safetensors")


def test_nobody_opens_a_file_of_tensors_another_way():
    source = Path(maquette.__file__).parent
    others = [
        str(file.relative_to(source))
        for file in source.rglob("*.py")
        if re.search(r"safe_open\(|load_file|safetensors\.\w+ import .*load", file.read_text())
    ]
    assert others == ["weights/tensors.py"]


def test_a_file_of_countless_tensors_is_refused_at_once(tmp_path):
    path = tmp_path / "a.safetensors"
    entries = ",".join(f'"{number}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for number in range(60_000))
    head = ("{" + entries + "}").encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head)
    with pytest.raises(BadInput, match="60000 tensors"), opened(path, "a network", "bring another"):
        pass


def test_a_file_that_claims_a_giant_index_is_refused_unread(tmp_path):
    path = tmp_path / "a.safetensors"
    with path.open("wb") as file:
        file.write((60 << 20).to_bytes(8, "little") + b"{")
        file.truncate(61 << 20)
    with pytest.raises(BadInput, match="an index of"), opened(path, "a network", "bring another"):
        pass
