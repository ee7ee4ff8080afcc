"""Processes that crash, hang, swell or talk: each item gets one record, and the others go on."""

from __future__ import annotations

import os
import sys
import time

import pytest

import stand_in_batch
from maquette.batch.items import Item
from maquette.batch.pool import Pool
from maquette.core.errors import ExtraMissing
from maquette.core.options import BatchOptions


@pytest.fixture
def pool(tmp_path):
    made = []

    def start(**limits):
        options = BatchOptions(**{"workers": 2, **limits})
        made.append(Pool(tmp_path / "out", {}, options, stand_in_batch.PROGRAM))
        return made[-1]

    yield start
    for each in made:
        each.close()


@pytest.fixture
def items(tmp_path):
    def write(*actions):
        for number, action in enumerate(actions, 1):
            path = tmp_path / f"{number}.jpg"
            path.write_text(action)
            yield Item(number, (str(path),), "face", {}, f"{number}")

    return write


def test_every_item_gets_one_record_and_processes_stay(pool, items):
    crowd = pool()
    records = [*crowd.records(items(*["fine"] * 12)), *crowd.records(items(*["wait 0.2"] * 2))]
    assert sorted(record["number"] for record in records[:12]) == [*range(1, 13)]
    assert {record["status"] for record in records} == {"done"} and len({r["process"] for r in records}) == 2


def test_what_a_library_prints_is_no_record(pool, items):
    records = list(pool().records(items("print", "fine")))
    assert [record["status"] for record in records] == ["done"] * 2


def test_no_more_is_taken_than_is_in_work(pool, items):
    taken = []

    def coming():
        for item in items(*["fine"] * 9):
            taken.append(item.number)
            yield item

    for count, _ in enumerate(pool().records(coming()), 1):
        assert len(taken) <= count + 2


def test_a_crash_is_tried_again_and_then_set_aside_with_its_last_words(pool, items):
    records = {record["number"]: record for record in pool(retries=2).records(items("crash", "once", "fine", "fine"))}
    assert [records[number]["status"] for number in (1, 2, 3, 4)] == ["failed", "done", "done", "done"]
    assert [records[number]["tries"] for number in (1, 2, 3)] == [3, 2, 1]
    assert records[1]["failures"][0]["kind"] == "Crash"
    assert records[1]["failures"][0]["error"].endswith("1.jpg: its process ended with 7: words before the end")


def test_what_takes_too_long_is_ended_and_not_tried_again(pool, items):
    start = time.monotonic()
    # The limit counts from when an item is given, so it covers the start of its process too.
    records = {record["number"]: record for record in pool(time_limit=20).records(items("wait 600", "fine"))}
    assert time.monotonic() - start < 60
    assert records[1]["failures"] == [
        {"kind": "TimeLimit", "error": records[1]["sources"][0] + ": took more than 20 seconds"}
    ]
    assert records[2]["status"] == "done"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is looked up in /proc")
def test_what_takes_too_much_memory_is_ended(pool, items):
    records = {record["number"]: record for record in pool(memory_limit=1.2).records(items("swell 1.5", "fine"))}
    assert [failure["kind"] for failure in records[1]["failures"]] == ["MemoryLimit"]
    assert "took more than 1.2 GB of memory" in records[1]["failures"][0]["error"] and records[2]["status"] == "done"


def test_a_missing_library_ends_it_all(pool, items):
    with pytest.raises(ExtraMissing, match="spam"):
        list(pool().records(items("import", "fine")))


@pytest.mark.skipif(os.name != "posix", reason="looks a process up by its number")
def test_processes_end_with_the_pool(pool, items):
    crowd = pool()
    next(crowd.records(items("fine", "wait 600")))
    numbers = [worker.process.pid for worker in crowd.workers]
    crowd.close()
    for number in numbers:
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)
