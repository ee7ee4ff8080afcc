"""`maquette licenses`: complete, and able to read the record in a result."""

from __future__ import annotations

import json
import struct

import pytest

from maquette.cli.installed import closure, licence, normal
from maquette.cli.main import run


def test_everything_inside_is_listed(capsys):
    assert run(["licenses"]) == 0
    lines = capsys.readouterr().out.splitlines()
    named = {line.split()[0] for line in lines}
    assert {"maquette", "maquette-head", "numpy", "vtk", "ai-edge-litert", "face-landmarks", "av"} <= named
    assert not [line for line in lines if "unknown" in line]


def test_the_closure_follows_dependencies_of_dependencies():
    found = closure("maquette")
    assert "contourpy" in found, "maquette needs matplotlib needs contourpy"
    assert "pytest" not in found and "maquette" not in found


class Package:
    def __init__(self, **fields):
        self.fields = fields
        self.metadata = self

    def __getitem__(self, name):
        return self.fields.get(name)

    get = __getitem__

    def get_all(self, name):
        return [self.fields[name]] if name in self.fields else None


@pytest.mark.parametrize(
    "fields, spdx",
    [
        ({"License-Expression": "MIT OR Apache-2.0", "License": "whatever"}, "MIT OR Apache-2.0"),
        ({"License": "Apache 2.0"}, "Apache-2.0"),
        ({"License": "MPL-2.0"}, "MPL-2.0"),
        ({"Classifier": "License :: OSI Approved :: MIT License"}, "MIT"),
        ({"License": "Copyright (c) 2020, somebody.\nAll rights reserved."}, "unknown"),
        ({}, "unknown"),
    ],
    ids=str,
)
def test_licences_are_read_from_metadata(fields, spdx):
    assert licence(Package(Name="somebody", **fields)) == spdx


def test_names_are_normalised():
    assert normal("Pillow_HEIF") == "pillow-heif"


def glb(asset):
    text = json.dumps({"asset": asset}).encode()
    text += b" " * (-len(text) % 4)
    return struct.pack("<4sIII4s", b"glTF", 2, 20 + len(text), len(text), b"JSON") + text


def test_the_record_of_a_result(tmp_path, capsys):
    record = {"version": "2.0", "generator": "maquette", "extras": {"licence": {"maquette-head": "CC0-1.0"}}}
    (tmp_path / "head.glb").write_bytes(glb(record))
    assert run(["licenses", str(tmp_path / "head.glb")]) == 0
    assert json.loads(capsys.readouterr().out) == record["extras"]


@pytest.mark.parametrize(
    "content", [b"", b"glTF", b"Dear sir, this is a letter.", glb({"version": "2.0"}), None], ids=lambda c: str(c)[:9]
)
def test_a_file_without_a_record_is_one_line(tmp_path, capsys, content):
    if content is not None:
        (tmp_path / "head.glb").write_bytes(content)
    assert run(["licenses", str(tmp_path / "head.glb")]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1 and "head.glb" in err
