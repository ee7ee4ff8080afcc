"""`maquette batch`: exit codes, one line per error, options from flags and from columns."""

from __future__ import annotations

import json

import pytest

import stand_in_batch
from maquette.batch import pool
from maquette.cli.main import run


@pytest.fixture
def maquette(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pool, "PROGRAM", stand_in_batch.PROGRAM)

    def command(*arguments):
        capfd.readouterr()
        code = run(["batch", *map(str, arguments)])
        out, err = capfd.readouterr()
        return code, out, err.splitlines()

    return command


@pytest.fixture
def manifest(tmp_path):
    for name, action in (("a", "fine"), ("b", "crash"), ("c", "fine")):
        (tmp_path / f"{name}.jpg").write_text(action)
    (tmp_path / "m.csv").write_text("photo\na.jpg\nb.jpg\nc.jpg\n")
    return "m.csv"


def test_a_batch_says_what_it_came_to(maquette, manifest, tmp_path):
    code, out, err = maquette(manifest, "-o", "out", "--workers", 2, "--retries", 0)
    assert code == 0 and "out: 2 done, 1 failed\n" in out and "1 x Crash" in out and "set_aside.csv" in out
    assert any("b.jpg: its process ended with 7" in line for line in err)
    code, out, _ = maquette(manifest, "-o", "out", "--workers", 2)
    assert code == 0 and "0 done, 0 failed, 3 settled before" in out


def test_json_is_all_that_stdout_holds(maquette, manifest):
    code, out, err = maquette(manifest, "-o", "out", "--json", "--retries", 0)
    assert code == 0 and json.loads(out)["done"] == 2 and len(err) == 1


def test_nothing_done_is_a_bad_input(maquette, tmp_path):
    (tmp_path / "b.jpg").write_text("crash")
    (tmp_path / "m.csv").write_text("photo\nb.jpg\n")
    assert maquette("m.csv", "-o", "out", "--retries", 0)[0] == 2


@pytest.mark.parametrize(
    "arguments,why",
    [
        (["nothere.csv"], "nothere.csv: No such file or directory"),
        (["m.csv", "--workers", "-1"], "workers -1: wanted 0 to 10000"),
        (["m.csv", "--engine", "slurm"], "engine 'slurm': wanted local, ray"),
        (["m.csv", "--texture-size", "3"], "texture size 3: wanted 256"),
        (["colours.csv"], "column 'colour' means nothing"),
    ],
)
def test_what_cannot_be_is_one_line_before_any_work(arguments, why, maquette, manifest, tmp_path):
    (tmp_path / "colours.csv").write_text("photo,colour\na.jpg,red\n")
    code, out, err = maquette(*arguments, "-o", "out")
    assert (code, out, len(err)) == (2, "", 1) and why in err[0]


def test_flags_are_for_all_and_rows_for_themselves(maquette, manifest, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr("maquette.batch.run.run_batch", lambda *asked: given.append(asked) or {
        "remark": "", "done": 1, "failed": 0, "settled": 0, "repeated": 0, "failures": {}, "peak_mb": 1,
        "seconds_per_item": {"median": 1.0}, "items_per_hour": 1.0,
    })  # fmt: skip
    assert maquette(manifest, "-o", "out", "--texture-size", 512, "--subject", "pet", "--retries", 3)[0] == 0
    _, _, subject, limits, defaults, _ = given[0]
    assert (subject, limits.retries, defaults) == ("pet", 3, {"texture_size": 512}), "defaults differ by subject"
