"""A job: times add up, progress is told, errors become one line."""

from __future__ import annotations

import time

import pytest

from maquette.core.errors import BadInput, InternalError
from maquette.core.job import Job, explained, side_by_side
from maquette.core.result import Failure


def test_stages_are_told_and_timed():
    told = []
    job = Job("me", ["me.jpg"], lambda name, stage: told.append((name, stage)))
    with job.stage("reading"):
        pass
    with job.stage("texturing", "face-2"):
        pass
    assert told == [("me", "reading"), ("me", "face-2 texturing")]
    assert set(job.seconds) == {"reading", "texturing"} and min(job.seconds.values()) >= 0


def test_a_fork_keeps_its_own_times():
    job = Job("me", ["me.jpg"], lambda _name, _stage: None, {"reading": 1.0})
    fork = job.fork()
    fork.seconds["texturing"] = 2.0
    fork.warnings.append("dark")
    assert job.seconds == {"reading": 1.0} and job.warnings == []


@pytest.mark.parametrize(
    "error, kind, text",
    [
        (BadInput("me.jpg: empty"), BadInput, "me.jpg: empty"),
        (OSError(28, "No space left on device", "out/a"), BadInput, "out/a: No space left"),
        (MemoryError(), BadInput, "not enough memory"),
        (ValueError("two\nlines"), InternalError, "ValueError: two lines"),
    ],
    ids=["ours", "system", "memory", "defect"],
)
def test_errors_become_one_line_and_keep_their_cause(error, kind, text):
    def work(job):
        raise error

    failure = Job("me", ["me.jpg"], lambda _name, _stage: None).attempt(work)
    assert isinstance(failure, Failure) and type(failure.error) is kind
    assert text in str(failure.error) and "\n" not in str(failure.error)
    assert error in (failure.error, failure.error.__cause__)


def test_missing_libraries_are_not_one_photos_fault():
    def work(job):
        raise ImportError("libGL.so.1: cannot open shared object file")

    with pytest.raises(ImportError):
        Job("me", ["me.jpg"], lambda _name, _stage: None).attempt(work)


def test_long_messages_are_cut():
    assert len(str(explained(ValueError("x" * 9999), "me.jpg"))) < 500


def test_side_by_side_keeps_the_order_and_two_at_once():
    import threading
    import time

    busy, most, lock = 0, 0, threading.Lock()

    def work(number):
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.02 * (3 - number))
        with lock:
            busy -= 1
        return number

    assert list(side_by_side([lambda n=n: work(n) for n in range(3)])) == [0, 1, 2]
    assert most == 2
    assert list(side_by_side([threading.current_thread])) == [threading.current_thread()]


def test_side_by_side_drops_what_has_not_begun():
    done = []

    def work(number):
        time.sleep(0.02)
        done.append(number)

    results = side_by_side([lambda n=n: work(n) for n in range(50)])
    next(results)
    results.close()
    assert len(done) < 50


def blas_threads():
    import numpy  # noqa: F401  brings linear algebra
    from threadpoolctl import threadpool_info

    return [row["num_threads"] for row in threadpool_info() if row["user_api"] == "blas"]


@pytest.mark.parametrize("wrong", [False, True])
def test_side_by_side_limits_threads_only_while_work_runs(wrong):
    from threadpoolctl import threadpool_limits

    def work():
        if wrong:
            raise ValueError("x")
        time.sleep(0.2)  # until the caller waits
        return blas_threads()

    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        results = side_by_side([work, work, work])
        if wrong:
            with pytest.raises(ValueError):
                next(results)
        else:
            assert set(next(results)) == {1}
        assert blas_threads() == before
        results.close()
        assert blas_threads() == before
