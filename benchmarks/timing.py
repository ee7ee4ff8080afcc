"""Works that take turns in one process, so that what else the machine does slows all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Work = Callable[[], object]


@dataclass(frozen=True)
class SpeedRow:
    """One network beside the published one; seconds are medians."""

    network: str
    threads: int
    theirs_wall_s: float
    theirs_cpu_s: float
    ours_wall_s: float
    ours_cpu_s: float
    ratio: float
    difference: float

    def __str__(self) -> str:
        return (
            f"{self.network:<16} {self.threads:>3} {self.theirs_wall_s:>9.3f} {self.theirs_cpu_s:>9.3f}"
            f" {self.ours_wall_s:>9.3f} {self.ours_cpu_s:>9.3f} {self.ratio:>7.2f} {self.difference:>9.1e}"
        )


def side_by_side(works: Mapping[str, Work], runs: int) -> dict[str, tuple[float, float]]:
    """Median wall and processor seconds of each, after one run to warm up; they take turns."""
    spent: dict[str, list[tuple[float, float]]] = {what: [] for what in works}
    for turn in range(runs + 1):
        for what, work in works.items():
            wall, cpu = time.perf_counter(), time.process_time()
            work()
            if turn:
                spent[what].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {what: medians(times) for what, times in spent.items()}


def medians(times: list[tuple[float, float]]) -> tuple[float, float]:
    """Median wall and processor seconds of several runs."""
    wall, cpu = np.median(times, axis=0)
    return float(wall), float(cpu)
