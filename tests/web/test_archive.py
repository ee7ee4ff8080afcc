"""A ZIP that is made while it is sent, readable, with all that it should hold."""

from __future__ import annotations

import io
import zipfile

from maquette.web.archive import CHUNK, zipped


def test_it_reads_back_and_comes_in_parts(tmp_path):
    contents = {"me/face-1/head.glb": b"g" * (3 * CHUNK + 5), "me/face-1/ü.png": b"", "summary.json": b"{}"}
    files = {}
    for number, (name, data) in enumerate(contents.items()):
        files[name] = tmp_path / str(number)
        files[name].write_bytes(data)
    parts = [*zipped(files)]
    assert max(map(len, parts)) < 2 * CHUNK, "nothing large is held"
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == contents
