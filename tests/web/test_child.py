"""The process of one job: its orders, its words, its bounds."""

from __future__ import annotations

import json
import subprocess

import pytest

from maquette.pipeline import story
from maquette.web import child
from maquette.web.workers import COMMAND


def ordered(tmp_path, **other):
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in" / "me.jpg").write_bytes(b"no photo")
    order = {"folder": str(tmp_path / "in"), "out": str(tmp_path / "out"), "photos": ["me.jpg"], "subject": "face"}
    return {**order, "clip": False, "options": {"texture_size": 256}, "gigabytes": 8, "seconds": 60, **other}


def test_rows_and_failures_are_said_as_they_come(tmp_path, monkeypatch):
    said = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(story, "outcomes", lambda *_: iter(()))
    child.work(ordered(tmp_path), said.append)
    assert said == [] and json.loads((tmp_path / "out" / "summary.json").read_text())["done"] == []


@pytest.mark.slow
@pytest.mark.parametrize("clip", [False, True], ids=["photo", "clip"])
def test_what_is_no_photo_is_one_line(tmp_path, clip):
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write(json.dumps(ordered(tmp_path, clip=clip)) + "\n")
    process.stdin.flush()  # and it stays open: where it ends, so does the process
    text = process.stdout.read()
    process.communicate(timeout=120)
    said = [json.loads(line) for line in text.splitlines()]
    failures = [words["failed"] for words in said if "failed" in words]
    assert len(failures) == 1 and failures[0].startswith("me.jpg") and said[-1].keys() == {"end"}
    assert str(tmp_path) not in text, "no path of the server is shown"


@pytest.mark.slow
def test_it_imports_nothing_from_where_it_works_and_leaves_with_its_parent(tmp_path):
    (tmp_path / "torch.py").write_text("raise SystemExit('taken')")
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path)
    process.stdin.close()
    assert process.wait(120) == 0 and process.stdout.read() == b""
