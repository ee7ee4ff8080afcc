"""The only file that imports LiteRT: Google's networks as functions from one tensor to several, loaded at first use."""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from maquette.core import threads
from maquette.weights.store import fetch

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = 4  # copies of a network that run side by side at most: what is asked for together seldom is more

_loading = threading.Lock()  # stderr is closed while one loads


class Network:
    """One network on one thread, in as many copies as run at once."""

    def __init__(self, name: str) -> None:
        """Read it.

        Args:
            name: in the zoo.
        """
        self._content = fetch(name).read_bytes()
        self._free: queue.LifoQueue[Any] = queue.LifoQueue()
        self._made = 0

    def __call__(self, tensor: NDArray) -> list[NDArray]:
        """What comes out, in the order of the file, for one tensor (1, ...): float32, or what the file wants."""
        interpreter = self._taken()
        try:
            place = interpreter.get_input_details()[0]
            interpreter.set_tensor(place["index"], np.ascontiguousarray(tensor, place["dtype"]))
            interpreter.invoke()
            return [interpreter.get_tensor(output["index"]) for output in interpreter.get_output_details()]
        finally:
            self._free.put(interpreter)

    def _taken(self) -> Any:
        """A copy that nobody uses: a new one while there are few, else the next that is given back."""
        with _loading:
            if self._free.empty() and self._made < AT_ONCE:
                self._free.put(_interpreter(self._content))
                self._made += 1
        return self._free.get()


def run(name: str, tensor: NDArray) -> list[NDArray]:
    """The outputs of the network of this name in the zoo for (1, ...) float32, or uint8 where it wants that."""
    with _loading:
        network = _network(name)
    return network(tensor)


def each(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """What a function that runs networks gives for each item, in their order, computed side by side."""
    workers = min(len(items), AT_ONCE, threads.available())
    if workers < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, items))


@contextmanager
def ahead(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Callable[[Item], Result]]:
    """The function, of which the results for these items are computed already while others do something else.

    Where there is one thread only, nothing is computed before it is asked for.
    """
    if not items or threads.available() < 2:
        yield function
        return
    with ThreadPoolExecutor(1) as pool:
        coming = [(item, pool.submit(function, item)) for item in items]

        def known(item: Item) -> Result:
            for other, result in coming:
                if other is item:
                    return result.result()
            return function(item)

        yield known


@cache
def _network(name: str) -> Network:
    return Network(name)


def _interpreter(content: bytes) -> Any:
    """One copy. Each computes on its own thread: with two a network is faster by a third, and all of them slower."""
    with _silence():
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
    return interpreter


@contextmanager
def _silence() -> Iterator[None]:
    """Close stderr to native code: TensorFlow Lite writes to it when it loads a network."""
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (OSError, AttributeError, ValueError):  # no stderr at all: a service, a windowed program
        yield
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)
