"""What a killed run leaves: names of unfinished files whose process is no more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from maquette.core.files import unfinished


def left_over(path: Path) -> Path:
    """The hidden name that a process which is gone by now had for `path`; nothing is written."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    name = unfinished(path).name.replace(f"-{os.getpid()}-", f"-{gone.pid}-")
    return path.with_name(name)
