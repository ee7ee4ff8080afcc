"""Signals and broken streams: every photo is done or one line says why not, and the summary is written."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from maquette.cli.results import failed_json

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and streams of POSIX")
TESTS, SOURCE = Path(__file__).parents[1], Path(__file__).parents[2] / "src"
# A batch of stand-ins; a shell that runs the tests in the background has them ignore SIGINT, and their children too.
BATCH = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
import pytest
import conftest
conftest.put_stand_ins(pytest.MonkeyPatch())
if "slow" in sys.argv[1]:
    from maquette.outputs import writers
    def write(asset, whole=conftest._write):
        if asset.result.source == "p2":
            print("writing", flush=True)
            time.sleep(60)
        return whole(asset)
    writers.WRITERS["overview.jpg"] = write
del sys.argv[1]
from maquette.__main__ import main
main()
"""


def prepare(folder: Path) -> dict:
    """Photos, the program, and what `subprocess` needs to run it."""
    for number in range(4):
        Image.new("RGB", (64, 48), (1, 0, 0)).save(folder / f"p{number}.png")
    (folder / "batch.py").write_text(BATCH)
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}:{SOURCE}"}
    return {"cwd": folder, "env": environment, "stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}


@pytest.mark.parametrize("flags", ["", "--json"])
@pytest.mark.parametrize(
    "streams", ["", "| head -1", "| true", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full"]
)
def test_every_photo_is_done_whatever_becomes_of_the_streams(tmp_path, streams, flags):
    setting = prepare(tmp_path)
    program = f"{sys.executable} batch.py fast face gone.jpg p*.png -o out {flags}"
    line = f"({program} ; echo $? > code) {streams}" if "|" in streams else f"{program} {streams}; echo $? > code"
    done = subprocess.run(["bash", "-c", line], timeout=120, **setting)
    assert (tmp_path / "code").read_text() == "0\n", done.stderr
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert len(summary["done"]) == 4 and len(summary["failed"]) == 1
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == (0 if "2>" in streams else 2 if streams == ">/dev/full" else 1)
    assert streams != ">/dev/full" or "stdout: cannot be written (No space left on device)" in done.stderr


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_batch_that_is_stopped_has_its_summary_and_the_next_run_sweeps(tmp_path, number, code, flags):
    setting, photos = prepare(tmp_path), [f"p{k}.png" for k in range(4)]
    words = [sys.executable, "batch.py", "slow", "face", *photos, "-o", "out", *flags]
    with subprocess.Popen(words, **setting) as program:
        for line in program.stdout:
            if "writing" in line:
                break
        program.send_signal(number)
        out, err = program.communicate(timeout=60)
    assert program.returncode == code
    if number != signal.SIGKILL:
        assert len(err.splitlines()) == 1 and "stopped; what was finished is whole: 2 in out" in err
        assert len(json.loads((tmp_path / "out/summary.json").read_text())["done"]) == 2
        assert not flags or json.loads(out)["interrupted"]
        assert not [*(tmp_path / "out").rglob(".*")]
        return
    assert len([*(tmp_path / "out/p2").glob(".face-1-*")]) == 1
    subprocess.run([sys.executable, "batch.py", "fast", "face", "p0.png", "-o", "out"], check=True, **setting)
    assert not [*(tmp_path / "out").rglob(".*")]


@pytest.mark.slow
def test_killed_at_any_moment_no_result_is_half_and_the_next_run_makes_it_whole(tmp_path):
    setting, photos = prepare(tmp_path), [f"p{k}.png" for k in range(4)]
    words = [sys.executable, "batch.py", "fast", "face", *photos, "-o"]
    begun = time.perf_counter()
    subprocess.run([*words, "whole"], check=True, **setting)
    usual, chance = time.perf_counter() - begun, random.Random(0)

    def visible(out: str) -> dict[str, set[str]]:
        """Folder of a result -> names of its files; what is unfinished is hidden."""
        home = tmp_path / out
        folders = {path for path in home.glob("p*/face-*") if path.is_dir() and not path.name.startswith(".")}
        return {str(path.relative_to(home)): {file.name for file in path.iterdir()} for path in folders}

    wanted = visible("whole")
    assert len(wanted) == 4
    for _ in range(12):
        with subprocess.Popen([*words, "out"], **setting) as program:
            time.sleep(chance.uniform(0.3, 1.1) * usual)
            program.kill()
            program.communicate(timeout=60)
        assert all(files == wanted[name] for name, files in visible("out").items())
        for summary in (tmp_path / "out").glob("summary.json"):
            json.loads(summary.read_text())
    subprocess.run([*words, "out"], check=True, **setting)
    assert visible("out") == wanted and not [*(tmp_path / "out").rglob(".*")]


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_stopped_while_it_is_still_importing(tmp_path, number, code, flags):
    (tmp_path / "typer.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    program = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {str(tmp_path)!r})
sys.argv = ["maquette", "face", "me.jpg", "-o", "out", *{flags}]
from maquette.__main__ import main
main()
"""
    setting = prepare(tmp_path)
    with subprocess.Popen([sys.executable, "-c", program], **setting) as running:
        assert running.stdout.readline() == "importing\n"
        time.sleep(0.1)
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
    assert running.returncode == code and err == "maquette: stopped\n"
    assert out == (failed_json("stopped") + "\n" if flags else "")
