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

    def put(item: T | _End[T]) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def make() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(_End())
        except BaseException as error:  # noqa: BLE001  whatever it is, the other thread raises it
            put(_End(error))

    maker = threading.Thread(target=make, daemon=True)
    maker.start()
    try:
        while True:
            item = waiting.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stopped.set()
        maker.join()
