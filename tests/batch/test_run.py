"""The whole batch: nothing twice, nothing lost, whatever stops it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

import stand_in_batch
from maquette.batch import pool
from maquette.batch.journal import NAME, records_of
from maquette.batch.run import run_batch
from maquette.core.errors import BadInput
from maquette.core.options import BatchOptions

TWO = BatchOptions(workers=2)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(pool, "PROGRAM", stand_in_batch.PROGRAM)


@pytest.fixture
def photos(tmp_path):
    def write(*actions):
        folder = tmp_path / "photos"
        folder.mkdir(exist_ok=True)
        for number, action in enumerate(actions):
            (folder / f"{number:04d}.jpg").write_text(action)
        return folder

    return write


def test_a_second_run_does_only_what_has_changed(quick, photos, tmp_path):
    folder, out = photos("fine", "crash", "fine"), tmp_path / "out"
    first = run_batch(str(folder), out, "face", TWO, {})
    assert (first["done"], first["failed"], first["settled"]) == (2, 1, 0)
    assert run_batch(str(folder), out, "face", TWO, {})["settled"] == 3
    (folder / "0001.jpg").write_text("fine now")
    third = run_batch(str(folder), out, "face", TWO, {})
    assert (third["done"], third["failed"], third["settled"]) == (1, 0, 2) and third["all_runs"]["done"] == 3


def test_what_was_set_aside_is_tried_again_if_asked(quick, photos, tmp_path):
    folder = photos("fine", "crash")
    run_batch(str(folder), tmp_path / "out", "face", TWO, {})
    again = run_batch(str(folder), tmp_path / "out", "face", BatchOptions(workers=1, retry_failed=True), {})
    assert (again["failed"], again["settled"]) == (1, 1)


def test_a_row_named_twice_is_done_once_and_bad_rows_leave_the_others(quick, photos, tmp_path):
    photos("fine")
    (tmp_path / "m.csv").write_text("photo,seed\nphotos/0000.jpg,\nphotos/0000.jpg,\nphotos/0000.jpg,x\n")
    seen = []
    look = lambda record, _: seen.append(record)  # noqa: E731
    summary = run_batch(str(tmp_path / "m.csv"), tmp_path / "out", "face", TWO, {}, look)
    assert (summary["done"], summary["failed"], summary["repeated"], len(seen)) == (1, 1, 1, 2)
    assert "row 3" in summary["examples"]["BadInput"][0]


def test_a_manifest_of_nothing(quick, tmp_path):
    (tmp_path / "m.csv").write_text("photo\n")
    with pytest.raises(BadInput, match="names nothing to do"):
        run_batch(str(tmp_path / "m.csv"), tmp_path / "out", "face", TWO, {})


@pytest.mark.skipif(os.name != "posix", reason="kills processes")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_batch_that_is_killed_goes_on(number, photos, tmp_path):
    folder, out = photos(*["wait 0.05"] * 40), tmp_path / "out"
    program = f"from maquette.batch import pool; pool.PROGRAM = {stand_in_batch.PROGRAM!r}\n"
    program += "import sys; from maquette.cli.main import main; main()"
    command = [sys.executable, "-c", program, "batch", folder, "-o", out, "--workers", "2", "--json"]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    while time.monotonic() < end and (not (out / NAME).exists() or len([*records_of(out / NAME)]) < 5):
        time.sleep(0.05)
    first.send_signal(number)
    first.communicate()
    assert first.returncode in (-number, 128 + number)
    before = len([*records_of(out / NAME)])
    assert 5 <= before < 40
    summary = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert (summary["settled"], summary["done"]) == (before, 40 - before)
    assert set(Counter(record["key"] for record in records_of(out / NAME)).values()) == {1}
    assert {path.read_text() for path in out.rglob("tries")} <= {"x", "xx"}
