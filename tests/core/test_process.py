"""A forked process says in one line why it cannot work, and never hangs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

POOL = """
import multiprocessing, sys
import maquette
def work(_):
    try:
        return len(maquette.face(sys.argv[1]))
    except maquette.BadInput as error:
        return str(error)
if sys.argv[2] == "used":
    assert work(0) == 1
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map_async(work, range(2)).get(timeout=200))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("before, words", [("used", "was used before this process was forked"), ("fresh", "[1, 1]")])
def test_a_pool_of_forks_works_or_says_why_not(astronaut, before, words):
    source = str(Path(__file__).parents[2] / "src")
    program = [sys.executable, "-c", POOL, str(astronaut), before]
    environment = {**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0 and words in done.stdout, done.stderr[-2000:]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_only_forks_of_a_user_are_refused():
    code = """
import os
from maquette.core.errors import BadInput
from maquette.core.process import refuse_forked
def child():
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        refuse_forked()
    except BadInput:
        os._exit(2)
    os._exit(0)
print(child()); refuse_forked(); refuse_forked(); print(child())
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["0", "2"], done.stderr
