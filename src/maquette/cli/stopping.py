"""Ctrl-C and a polite kill: one line and the shells' exit code, whatever was going on; light, for it comes first."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from maquette.cli.terminal import complain, mend_streams, written

SIGNALS = (signal.SIGINT, signal.SIGTERM)
NOTHING_YET = '{"done": [], "failed": [], "removed": [], "error": "stopped"}\n'  # as `failed_json`, without imports


class Interruption(BaseException):
    """Somebody wants this to end. Not an Exception: nothing below is to go on.

    Attributes:
        number: of the signal.
        text: what is to be said if the summary is written already.
    """

    def __init__(self, number: int = signal.SIGINT, text: str = "") -> None:
        """See the class."""
        super().__init__(text)
        self.number, self.text = int(number), text

    @property
    def exit_code(self) -> int:
        """128 + the signal, the shells' convention."""
        return 128 + self.number


def program(load: Callable[[], Callable[[], int]]) -> NoReturn:
    """Run the whole program and leave with its exit code.

    Before it runs and after it has run nothing is half done, and a signal ends the process at once; meanwhile one
    raises `Interruption`, so that whatever is open is closed.

    Args:
        load: imports what is needed, which takes a while, and returns the program.
    """
    _on_signals(_leave_empty)
    mend_streams()
    run = load()
    try:
        _on_signals(_stop)
        code = run()
    finally:
        _on_signals(_leave)
    # What is left in a stream that cannot be written would make Python itself leave with 120.
    written(sys.stdout, "")
    written(sys.stderr, "")
    sys.exit(code)


def _on_signals(handler: Callable[[int, object], None]) -> None:
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as shells set it for what runs in the background
            signal.signal(number, handler)


def _stop(number: int, _: object) -> None:
    raise Interruption(number)


def _leave_empty(number: int, _: object) -> None:
    if "--json" in sys.argv:
        written(sys.stdout, NOTHING_YET)
    _leave(number, _)


def _leave(number: int, _: object) -> None:
    complain("stopped")
    os._exit(128 + number)
