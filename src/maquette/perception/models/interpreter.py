"""The only file that imports LiteRT: Google's networks as functions from one tensor to several, loaded at first use."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.weights.store import fetch

THREADS = 1  # the networks are small: a second thread makes one faster by a third and all of them slower together

_loading = threading.Lock()


class Network:
    """One network that runs one tensor at a time; calls from several threads wait for each other."""

    def __init__(self, name: str) -> None:
        """Load it.

        Args:
            name: in the zoo.
        """
        content = fetch(name).read_bytes()
        with _silence():
            from ai_edge_litert.interpreter import Interpreter

            self._interpreter: Any = Interpreter(model_content=content, num_threads=THREADS)
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [output["index"] for output in self._interpreter.get_output_details()]
        self._lock = threading.Lock()

    def __call__(self, tensor: NDArray) -> list[NDArray]:
        """What comes out, in the order of the file, for one tensor (1, ...) float32."""
        with self._lock:
            self._interpreter.set_tensor(self._input, np.ascontiguousarray(tensor, np.float32))
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(index) for index in self._outputs]


def run(name: str, tensor: NDArray) -> list[NDArray]:
    """The outputs of the network of this name in the zoo for (1, ...) float32."""
    with _loading:
        network = _network(name)
    return network(tensor)


@cache
def _network(name: str) -> Network:
    return Network(name)


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
