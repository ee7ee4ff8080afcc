"""What a person sees: progress and one-line errors on stderr, while third-party noise stays out of sight."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maquette.core.job import Progress

DEBUG = bool(os.environ.get("MAQUETTE_DEBUG"))


def one_line(text: str) -> str:
    """The text without line breaks and control characters, which file names may hold.

    Example:
        >>> one_line("new\\nline\\x1b[31m.jpg")
        'new line [31m.jpg'
    """
    return " ".join("".join(c if c.isprintable() or "\udc80" <= c <= "\udcff" else " " for c in text).split())


def say(text: str) -> None:
    """Text and a line break on stdout; what the terminal's encoding lacks is written as \\x.. or \\u...."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """One line on stderr, whatever the text holds."""
    sys.stderr.write(f"maquette: {one_line(text)}\n")
    sys.stderr.flush()


def silent(*_: object) -> None:
    """Progress that nobody watches."""


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep native libraries from writing to stderr; our own lines and Python's still come through.

    MediaPipe and TensorFlow Lite write to file descriptor 2 before any switch of theirs is read, so the descriptor
    itself is pointed elsewhere and `sys.stderr` keeps the terminal. MAQUETTE_DEBUG=1 leaves everything as it is.
    """
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if DEBUG:
        yield
        return
    sys.stderr.flush()
    before, terminal = sys.stderr, os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = os.fdopen(terminal, "w", encoding=before.encoding, errors="backslashreplace", buffering=1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stderr.flush()
        os.dup2(terminal, 2)
        sys.stderr.close()
        sys.stderr = before


@contextmanager
def progress_bar(total: int, shown: bool) -> Iterator[Progress]:
    """A line with photo, stage and time; nothing when stderr is not a terminal.

    Args:
        total: number of photos.
        shown: False keeps it quiet everywhere.

    Returns:
        A function of the photo's name and the stage that begins.
    """
    if not (shown and sys.stderr.isatty()):
        yield silent
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), BarColumn(bar_width=20), MofNCompleteColumn(), TextColumn("{task.description}"))
    console = Console(file=sys.stderr, soft_wrap=True)
    # Lines on stdout pass through the console, above the bar, only if they are bound for the same terminal.
    ours = sys.stdout.isatty()
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True, redirect_stdout=ours) as bar:
        task = bar.add_task("starting", total=total)
        begun: dict[str, None] = {}

        def show(name: str, stage: str) -> None:
            begun[name] = None
            finished = min(len(begun) - 1, total)
            bar.update(task, description=f"[bold]{escape(name)}[/] {stage}", completed=finished)

        yield show
