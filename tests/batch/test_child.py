"""The process that does items: what it answers, and that it ends with the one who gives them out."""

from __future__ import annotations

import json
import subprocess
import sys

import stand_in_batch
from maquette.batch.items import Item


def started(tmp_path, *program):
    made = subprocess.Popen(
        [sys.executable, *program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    made.stdin.write(json.dumps({"out": str(tmp_path / "out"), "options": {}, "gigabytes": 8}) + "\n")
    made.stdin.flush()
    return made


def test_a_real_item_that_cannot_be_done_has_its_reason(tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    with started(tmp_path, "-m", "maquette.batch.child") as process:
        process.stdin.write(Item(1, (str(tmp_path / "bad.jpg"),), "face", {}, "bad").to_json() + "\n")
        process.stdin.flush()
        record = json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(30) == 0
    assert (record["status"], record["results"], record["number"]) == ("failed", [], 1)
    assert record["failures"][0]["kind"] == "BadInput" and "is not an image" in record["failures"][0]["error"]
    assert not [*(tmp_path / "out").rglob("*.json")], "a summary of nothing is no result"


def test_it_drops_its_work_when_nobody_listens_any_more(tmp_path):
    (tmp_path / "a.jpg").write_text("wait 600")
    with started(tmp_path, *stand_in_batch.PROGRAM) as process:
        process.stdin.write(Item(1, (str(tmp_path / "a.jpg"),), "face", {}, "a").to_json() + "\n")
        process.stdin.close()
        assert process.wait(60) == 0
