"""A forked process says in one line why it cannot work, and never hangs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from maquette.core.process import SPARE_GB, environment, last_line

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


FORKED_DOORS = """
import os, sys
from pathlib import Path
from maquette import BadInput, face, person, video
from maquette.core.options import SourceOptions, UpscaleOptions
from maquette.core.process import refuse_forked
from maquette.evaluation.tasks import function_of
from maquette.pipeline.upscale import enlarge
from maquette.synthesis.rendering.render import render
from maquette.training.loop import train

photo, out = sys.argv[1], Path(sys.argv[2])
doors = {
    "face": lambda: face(photo),
    "person": lambda: person(photo),
    "video": lambda: video(photo, out),
    "upscale": lambda: enlarge([photo], out, UpscaleOptions(), SourceOptions()),
    "evaluate": lambda: function_of("maquette.evaluation.image_space.evaluate:evaluate_imagespace", "imagespace"),
    "synth": lambda: render([], [], None, None),
    "train": lambda: train(None, None, None, out),
}
refuse_forked()
for name, door in doors.items():
    pid = os.fork()
    if not pid:
        try:
            door()
            said = "nothing"
        except BadInput as error:
            said = str(error)[:47]
        except Exception as error:
            said = repr(error)
        print(name, said, flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_every_door_asks(astronaut, tmp_path):
    pytest.importorskip("lightning_fabric")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "OMP_NUM_THREADS": "1"}
    program = [sys.executable, "-c", FORKED_DOORS, str(astronaut), str(tmp_path)]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=120)
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    wanted = "maquette was used before this process was forked"[:47]
    assert said == dict.fromkeys(("face", "person", "video", "upscale", "evaluate", "synth", "train"), wanted), done


@pytest.mark.skipif(sys.platform != "linux", reason="limits of addresses are set on Linux")
def test_it_confines_itself():
    code = "import resource as r; from maquette.core.process import confine; confine(0.5, 10); "
    code += "print(r.getrlimit(r.RLIMIT_AS)[0], r.getrlimit(r.RLIMIT_CORE)[0])"
    most, core = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout.split()
    assert int(core) == 0 and int(most) in (-1, int((0.5 + SPARE_GB) * 1e9))


def test_a_child_gets_its_share_and_finds_this_maquette():
    share = environment(0)
    assert share["OMP_NUM_THREADS"] == "1" and share["PYTHONPATH"].split(os.pathsep)[0].endswith("src")


def test_the_last_line_is_the_last_that_says_anything(tmp_path):
    with (tmp_path / "words").open("w+b") as words:
        assert last_line(words) == ""
        words.write(b"x" * 5000 + b"\nwhat  happened \n\n \n")
        assert last_line(words) == "what happened"
