"""The store: private, whole after a kill, and only what a summary lists can be asked for."""

from __future__ import annotations

import json
import os
import stat
import time

import pytest

from maquette.core.errors import BadInput
from maquette.web.jobs import DONE, LOST, WAITING, WORKING, JobStore, WebJob, new_id

OWNER = "a" * 32


def store_in(folder, keep=60.0, most=1e9):
    return JobStore(folder, keep, most)


def job_in(store, tmp_path, owner=OWNER):
    photo = tmp_path / "upload"
    photo.write_bytes(b"photo")
    job = WebJob(new_id(), owner, "face", {}, ["me.jpg"], ["me.jpg"])
    store.create(job, [photo])
    return job


def finished(store, job, files=("me/face-1/head.glb",)):
    for name in files:
        path = store.place(job) / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"glb")
    job.results.append({"folder": "me/face-1", "subject": "face-1", "files": list(files), "warnings": []})
    store.end(job, DONE)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_nobody_else_reads_it(tmp_path):
    store = store_in(tmp_path / "s")
    for path in (tmp_path / "s", tmp_path / "s" / "jobs", tmp_path / "s" / "uploads"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    with pytest.raises(BadInput, match="another maquette serve uses it"):
        store_in(tmp_path / "s")
    store.close()
    store_in(tmp_path / "s").close()


def test_photos_go_when_the_work_has_ended(tmp_path):
    store = store_in(tmp_path / "s")
    job = job_in(store, tmp_path)
    photo = store.place(job) / "in" / "me.jpg"
    assert photo.read_bytes() == b"photo"
    finished(store, job)
    assert not photo.parent.exists() and list(store.files(job)) == ["me/face-1/head.glb"]


def test_a_new_server_finds_what_is_finished_and_says_what_is_lost(tmp_path):
    store = store_in(tmp_path / "s")
    done, working, waiting = (job_in(store, tmp_path) for _ in range(3))
    finished(store, done)
    working.state = WORKING
    store.save(working)
    (store.folder / "jobs" / new_id()).mkdir()
    (store.folder / "uploads" / "left").write_bytes(b"x")
    store.close()
    again = store_in(tmp_path / "s")
    states = {job.id: (job.state, job.note) for job in again.of(OWNER)}
    assert states[done.id] == (DONE, "") and again.files(again.jobs[done.id])
    for job in (working, waiting):
        state, note = states[job.id]
        assert state == LOST and "start it again" in note and not (again.place(job) / "in").exists()
    assert len([*(again.folder / "jobs").iterdir()]) == 3 and not [*(again.folder / "uploads").iterdir()]


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"id": "x"}', "[" * 100_000, '{"id": 3, "owner": {}}'])
def test_a_broken_record_is_no_job(tmp_path, record):
    place = tmp_path / "s" / "jobs" / new_id()
    place.mkdir(parents=True)
    (place / "job.json").write_text(record)
    assert not store_in(tmp_path / "s").jobs and not place.exists()


def test_a_record_of_another_folder_is_no_job(tmp_path):
    store = store_in(tmp_path / "s")
    job = job_in(store, tmp_path)
    record = json.loads((store.place(job) / "job.json").read_text())
    (store.place(job) / "job.json").write_text(json.dumps({**record, "id": "../../elsewhere"}))
    store.close()
    assert not store_in(tmp_path / "s").jobs


def test_links_are_not_followed(tmp_path):
    store = store_in(tmp_path / "s")
    job = job_in(store, tmp_path)
    (tmp_path / "secret").write_text("secret")
    finished(store, job)
    (store.place(job) / "out" / "me" / "face-1" / "head.obj").symlink_to(tmp_path / "secret")
    job.results[0]["files"].append("me/face-1/head.obj")
    assert list(store.files(job)) == ["me/face-1/head.glb"]


def test_results_are_kept_for_a_while(tmp_path):
    store = store_in(tmp_path / "s", keep=0.05)
    old, waits = job_in(store, tmp_path), job_in(store, tmp_path)
    finished(store, old)
    store.sweep()
    assert old.id in store.jobs
    time.sleep(0.06)
    store.sweep()
    assert list(store.jobs) == [waits.id] and waits.state == WAITING and not store.place(old).exists()


def test_a_full_folder_takes_nothing_new(tmp_path):
    store = store_in(tmp_path / "s", most=3)
    job_in(store, tmp_path)
    with pytest.raises(BadInput, match="This server is full"):
        store.refuse_full()
