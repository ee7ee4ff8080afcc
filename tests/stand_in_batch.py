"""A program as `maquette.batch.child`, whose items say in their file what happens to the process that does them."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from maquette.batch import child, work
from maquette.core.files import write_whole

PROGRAM = (__file__,)


def do(item, out, defaults):
    """A record; or a crash, an end without news, a long wait, much memory, a missing library."""
    home = Path(out) / item.folder
    if (earlier := work.record_in(home)) and earlier["status"] == work.DONE:
        return {**earlier, "again": True}
    action = Path(item.sources[0]).read_text().split()
    home.mkdir(parents=True, exist_ok=True)
    tries = home / "tries"
    tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
    kept = act(*action, tries=len(tries.read_text()))
    facts = {"state": work.state_of(item, defaults), "status": work.DONE, "failures": [], "stages": {}, "peak_mb": 1}
    row = {"subject": "face-1", "folder": "a/face-1", "files": ["a/face-1/head.glb"], "warnings": [], "seconds": {}}
    record = {**work.about(item), **facts, "results": [row], "seconds": 0.0, "process": os.getpid(), "kept": len(kept)}
    write_whole(home / work.RECORD, json.dumps(record))
    return record


def act(what="fine", amount="0", tries=1):
    """What the file asks for; `once` only in the first try."""
    if what == "once" and tries == 1:
        print("so it ends", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "crash":
        print("words before the end", file=sys.stderr, flush=True)
        os._exit(7)
    if what == "wait":
        time.sleep(float(amount))
    if what == "import":
        raise ModuleNotFoundError("No module named 'spam'", name="spam")
    if what == "print":
        os.write(1, b"a library that talks\n")
    held = b"x" * int(float(amount) * 1e9) if what == "swell" else b""
    if held:
        time.sleep(30)
    return held


if __name__ == "__main__":
    child.do = do
    child.main()
