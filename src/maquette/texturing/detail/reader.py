"""The shipped network that reads folds from what a photo shows."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

from numpy.typing import NDArray

from maquette.core.threads import computing
from maquette.texturing.detail.chart import DetailChart
from maquette.texturing.detail.evidence import Evidence
from maquette.weights.store import fetch
from maquette.weights.tensors import filled, opened

if TYPE_CHECKING:
    from maquette.texturing.detail.network import FoldNet

NAME = "folds"
_in_use = threading.Lock()


@lru_cache(maxsize=1)
def load_fold_net() -> FoldNet:
    """The network in float32.

    Raises:
        WeightsMissing: its file is not in the package, or not the one that the zoo describes. BadInput: it is damaged.
    """
    from maquette.texturing.detail.network import FoldNet

    with opened(fetch(NAME), "the weights of the folds", "reinstall maquette") as file:
        return filled(FoldNet, file)


def read_folds(seen: Evidence, chart: DetailChart) -> tuple[NDArray, NDArray]:
    """(h, w) float32 metres each: heights of the folds that a photo shows, and the scale of their error."""
    from maquette.texturing.detail.network import guessed, input_planes

    network = load_fold_net()
    with _in_use, computing("folds"):
        return guessed(network, input_planes(seen, chart.zones))
