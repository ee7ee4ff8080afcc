"""The errors a user can meet; each is one line: which thing, what was wanted, what to do."""

from __future__ import annotations

from collections.abc import Iterable


class MaquetteError(Exception):
    """Base of all errors that are shown to the user as one line."""

    exit_code = 2


class BadInput(MaquetteError):
    """The input cannot be used: not an image, truncated, too large, unwritable."""


class NothingFound(MaquetteError):
    """The input is fine, but it holds no subject of the wanted kind."""


class WeightsMissing(MaquetteError):
    """A network's weights are not there; the message names file, folder and training command."""

    exit_code = 3


class ExtraMissing(MaquetteError):
    """An optional dependency is not installed; the message names the pip extra."""

    exit_code = 3


class InternalError(MaquetteError):
    """A defect of maquette itself; `__cause__` holds the original error."""

    exit_code = 1


def gravest(codes: Iterable[int]) -> int:
    """The exit code of several failures: 1, a defect, before 3, something is missing, before 2, a bad input.

    Example:
        >>> gravest([2, 3, 2]), gravest([3, 1])
        (3, 1)
    """
    rank = {2: 1, 3: 2, 1: 3}
    return max(codes, key=lambda code: rank.get(code, 0))
