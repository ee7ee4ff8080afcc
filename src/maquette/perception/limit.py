"""How many of those that were found are taken, and a word on the others."""

from __future__ import annotations

from dataclasses import replace

from maquette.core.types import Observation


def limited(seen: list[Observation], left_out: int, flag: str) -> list[Observation]:
    """Observations, the first one with a note on how many more the photo shows than are taken, if there are any.

    Args:
        left_out: how many were found and not taken; not positive means none.
        flag: the option that sets the limit.
    """
    if left_out <= 0:
        return seen
    note = f"{left_out} more were found in the photo, and only the {len(seen)} largest taken: raise {flag} for more"
    return [replace(seen[0], notes=(*seen[0].notes, note)), *seen[1:]]
