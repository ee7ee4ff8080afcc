"""Items made in a second thread while the first one works: decoding beside drawing."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class _End(Generic[T]):
    """The last thing that comes: what went wrong, if anything did."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(items: Iterable[T], count: int = 2) -> Iterator[T]:
    """The same items in the same order, up to `count` of them made before they are asked for.

    Who stops early stops the making too; an error of the making is raised where the item would have come.

    Example:
        >>> list(ahead(range(3)))
        [0, 1, 2]
    """
    waiting: queue.Queue[T | _End[T]] = queue.Queue(maxsize=count)
    stopped = threading.Event()
    maker = threading.Thread(target=_make, args=(items, waiting, stopped), daemon=True)
    maker.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        maker.join()


def _make(items: Iterable[T], waiting: queue.Queue[T | _End[T]], stopped: threading.Event) -> None:
    """Put the items into the queue, and last of all the end, unless nobody waits any more."""
    try:
        for item in items:
            if not _put(item, waiting, stopped):
                return
        _put(_End(), waiting, stopped)
    except BaseException as error:  # noqa: BLE001  whatever it is, the other thread raises it
        _put(_End(error), waiting, stopped)


def _put(item: T | _End[T], waiting: queue.Queue[T | _End[T]], stopped: threading.Event) -> bool:
    while not stopped.is_set():
        try:
            waiting.put(item, timeout=0.1)
        except queue.Full:
            continue
        return True
    return False
