"""A shipped model as its file holds it: tensors by name, and facts as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from maquette.weights.tensors import opened


@dataclass(frozen=True, eq=False)
class StoredModel:
    """One file.

    Attributes:
        tensors: arrays by name; those of a group share the word before the first dot.
        facts: text by name, most of it JSON.
    """

    tensors: Mapping[str, NDArray]
    facts: Mapping[str, str]

    def group(self, name: str) -> dict[str, NDArray]:
        """The arrays of a group, without its name."""
        start = f"{name}."
        return {key.removeprefix(start): value for key, value in self.tensors.items() if key.startswith(start)}

    def fact(self, name: str) -> Any:
        """A fact that is JSON."""
        return json.loads(self.facts[name])


@contextmanager
def stored(path: Path) -> Iterator[StoredModel]:
    """The tensors and facts in a safetensors file. The model is made of them inside, where what is wrong is named.

    Raises:
        BadInput: no such file, a damaged one, or one of another kind.
    """
    with opened(path, "a model's tensors", "reinstall maquette", "numpy") as file:
        names = file.keys()
        yield StoredModel({key: file.get_tensor(key) for key in names}, file.metadata() or {})
