"""One job in a process of its own: photos to results, a line of JSON on stdout for all that happens.

The parent writes the order as one line on stdin and keeps it open: where that ends, the parent is gone, and this ends
too. What photos do to a decoder happens here; `confine` bounds it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from maquette.core.errors import MaquetteError
from maquette.core.job import explained
from maquette.core.options import options_from
from maquette.core.process import confine, records
from maquette.core.result import Failure, Result


def main() -> None:
    """Read the order, do it, leave."""
    say = _speaker()
    _prepare()
    line = sys.stdin.readline()
    if not line:
        return
    order = json.loads(line)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    confine(order["gigabytes"], order["seconds"])
    os.chdir(order["folder"])
    try:
        work(order, say)
        code = 0
    except Exception as error:  # noqa: BLE001  whatever it is, the parent gets one line
        say({"failed": str(explained(error, order["photos"][0]))})
        code = error.exit_code if isinstance(error, MaquetteError) else 1
    say({"end": code})
    os._exit(0)  # threads of libraries are not waited for


def work(order: Mapping[str, Any], say: Callable[[Mapping[str, Any]], None]) -> None:
    """Do one order.

    Args:
        order: `subject`, `clip` bool, `photos` names in the current folder, `out` folder, `options` flat.
        say: gets `stage` and `of`, `done` (a row of the summary), `failed` (one line).
    """
    from maquette import outputs
    from maquette.core.types import Subject
    from maquette.outputs.result_folder import OutputFolder
    from maquette.pipeline.story import outcomes

    options, folder = options_from(**order["options"]), OutputFolder(order["out"])

    def show(name: str, stage: str) -> None:
        say({"of": name, "stage": stage})

    save = folder.saving(partial(outputs.save, options=options.output))

    def keep(result: Result) -> Any:
        show(result.source, f"{result.name} writing")
        return save(result)

    coming = outcomes(order["photos"], Subject(order["subject"]), folder, options, order["clip"], show)
    for row in folder.collect(coming, keep):
        say({"failed": str(row.error)} if isinstance(row, Failure) else {"done": row})
    folder.close()


def _prepare() -> None:
    """Load what every job needs, while there is none yet."""
    import maquette.outputs.writers
    import maquette.pipeline.photo  # noqa: F401


def _speaker() -> Callable[[Mapping[str, Any]], None]:
    """A function that writes one line to the stdout of before; what libraries print goes nowhere."""
    out, lock = records(os.open(os.devnull, os.O_WRONLY)), threading.Lock()

    def say(words: Mapping[str, Any]) -> None:
        with lock:
            out.write(json.dumps(words) + "\n")

    return say


def _leave_with_parent() -> None:
    with suppress(OSError, ValueError):
        while os.read(0, 4096):
            pass
    os._exit(1)


if __name__ == "__main__":
    main()
