"""Starting: one line where it cannot, and a killed server leaves nothing running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maquette.core.errors import BadInput, ExtraMissing
from maquette.web.limits import ServeOptions
from maquette.web.serve import listening, prepared
from served import Client


def test_a_missing_extra_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ExtraMissing, match=r"uvicorn is missing: run: pip install 'maquette\[serve\]'"):
        prepared(ServeOptions(folder=str(tmp_path / "s"), port=0))
    assert not (tmp_path / "s").exists()


def test_a_port_that_is_taken_and_an_address_of_another_are_one_line():
    with listening("127.0.0.1", 0) as door, pytest.raises(BadInput, match="choose another --host or --port"):
        listening("127.0.0.1", door.getsockname()[1])
    with pytest.raises(BadInput, match="choose another"):
        listening("192.0.2.1", 0)


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="choose another with --folder"):
        prepared(ServeOptions(folder=str(tmp_path / "file"), port=0))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number,code", [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_server_takes_its_processes_along_and_starts_again(tmp_path, number, code):
    command = [sys.executable, "-m", "maquette", "serve", "--no-open", "--port", "0", "--folder", str(tmp_path / "s")]
    for _ in range(2):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        address = re.search(r"http://\S+", process.stdout.readline()).group()
        Client(address).open()
        while not (started := Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()):
            time.sleep(0.05)
        os.kill(process.pid, number)
        assert process.wait(30) == code
        end = time.monotonic() + 60
        while any(Path(f"/proc/{pid}").exists() for pid in started) and time.monotonic() < end:
            time.sleep(0.1)
        assert not any(Path(f"/proc/{pid}").exists() for pid in started)
