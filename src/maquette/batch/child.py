"""A process that does items one after another, so that one that crashes, hangs or swells harms nobody else.

It reads an item a line on stdin and writes its record a line on stdout, JSON both ways; it ends when stdin does.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from pathlib import Path
from typing import TextIO

from maquette.batch.items import Item
from maquette.batch.work import do
from maquette.core.errors import ExtraMissing
from maquette.core.process import confine, records

FATAL = "fatal"  # key of a record that says why no item can be done


def main() -> None:
    """Serve until stdin ends; the first line holds OUT and the options of the whole batch."""
    out = records(2)
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    settings = json.loads(lines.get())
    confine(settings["gigabytes"])
    while True:
        _serve(Item.from_json(lines.get()), Path(settings["out"]), settings["options"], out)


def _read(lines: queue.Queue[str]) -> None:
    """Hand lines on; once nobody is there who would read a record, half-done work is dropped: files appear whole."""
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)


def _serve(item: Item, folder: Path, options: dict[str, object], out: TextIO) -> None:
    try:
        record = do(item, folder, options)
    except ImportError as error:
        record = {FATAL: str(ExtraMissing(" ".join(str(error).split()))), "module": getattr(error, "name", None) or ""}
    out.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
