"""Jobs in processes of their own: whatever one does, the server goes on and says in one line what happened."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from served import Client, serving

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def children() -> set[int]:
    """Processes that run the stand-in now."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"served.py" in path.read_bytes():
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    "name,said", [("crash", "ended unexpectedly"), ("noise", "could not do it"), ("broken", "not an image")]
)
def test_what_goes_wrong_is_one_line_and_the_next_job_is_done(client, name, said):
    bad, good = client.order(f"{name}.jpg"), client.order("me.jpg")
    job = client.wait(bad["id"], "failed")
    assert said in job["note"] and "\n" not in job["note"]
    assert client.wait(good["id"], "done")["results"]


def test_stages_come_in_order_with_their_times(client):
    job = client.wait(client.order("me.jpg")["id"], "done")
    stages, seconds = zip(*job["stages"])
    assert stages == ("starting", "reading", "face-1 writing") and list(seconds) == sorted(seconds)


def test_jobs_wait_in_order_and_a_full_queue_refuses(stand_in, tmp_path):
    with serving(tmp_path / "s", queue=2) as address:
        client = Client(address).open()
        first = client.order("slow.jpg")
        client.wait(first["id"], "working")
        places = [client.order("me.jpg")["place"] for _ in range(2)]
        assert places == [1, 2]
        ids = [client.send()]
        refusal = client.json("POST", "/api/jobs", {"kind": "face", "uploads": ids}, 400)
        assert "2 jobs wait already" in refusal["error"]
        client.json("POST", f"/api/jobs/{first['id']}/cancel")
        assert client.wait(first["id"], "cancelled")["note"] == "Cancelled."
        for job in client.json("GET", "/api/jobs"):
            client.wait(job["id"], "done", "cancelled")
        assert client.json("POST", "/api/jobs", {"kind": "face", "uploads": ids}, 201), "the file waited for its turn"


def test_a_waiting_job_can_be_cancelled(client):
    first, second = client.order("slow.jpg"), client.order("me.jpg")
    client.json("POST", f"/api/jobs/{second['id']}/cancel")
    assert client.job(second["id"])["state"] == "cancelled"
    client.json("POST", f"/api/jobs/{first['id']}/cancel")
    assert client.wait(first["id"], "cancelled")


@LINUX
def test_a_cancelled_job_s_process_is_gone_and_so_are_all_when_the_server_stops(stand_in, tmp_path):
    with serving(tmp_path / "s") as address:
        client = Client(address).open()
        job = client.order("slow.jpg")
        client.wait(job["id"], "working")
        before = children()
        client.json("POST", f"/api/jobs/{job['id']}/cancel")
        client.wait(job["id"], "cancelled")
        assert before - children()
        client.order("slow.jpg")
    assert not children()


def test_what_takes_too_long_is_ended(stand_in, tmp_path):
    with serving(tmp_path / "s", time_limit=0.02) as address:
        client = Client(address).open()
        job = client.wait(client.order("slow.jpg")["id"], "failed")
        assert "longer than 0.02 minutes" in job["note"] and job["ended"] - job["begun"] < 10


@LINUX
def test_what_takes_too_much_memory_is_ended(stand_in, tmp_path):
    with serving(tmp_path / "s", memory_limit=0.3) as address:
        client = Client(address).open()
        assert "more than 0.3 GB of memory" in client.wait(client.order("hungry.jpg")["id"], "failed")["note"]


def test_a_spare_process_that_was_killed_is_replaced(client, server):
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    for pid in children():
        os.kill(pid, 9)
    time.sleep(0.2)
    assert client.wait(client.order("me.jpg")["id"], "done")


def test_two_at_once(stand_in, tmp_path):
    with serving(tmp_path / "s", at_once=2) as address:
        client = Client(address).open()
        slow = client.order("slow.jpg")
        assert client.wait(client.order("me.jpg")["id"], "done") and client.job(slow["id"])["state"] == "working"
