"""The observations of one subject in a clip, each made when it is asked for, so that long clips fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import overload

from maquette.core.types import Observation

NO_KEYS: Mapping[int, Observation] = MappingProxyType({})


def _ignored(done: int) -> None:
    """Progress that nobody watches."""


class Observations(Sequence[Observation]):
    """What a method is given of a clip: one observation per frame in the order of time, each with its `frame.time`.

    Asking again makes it again: a method that needs one often keeps it.

    Attributes:
        key_frames: index -> observation, with its picture, of the frames that the texture is taken from. What a method
            reports of single observations (`Reconstruction.provenance`) it reports of these.
    """

    def __init__(
        self,
        count: int,
        make: Callable[[int], Observation],
        key_frames: Mapping[int, Observation] = NO_KEYS,
        progress: Callable[[int], None] = _ignored,
    ) -> None:
        """See the class.

        Args:
            count: N frames.
            make: the observation of an index in 0 to N - 1.
            progress: called by `report`.
        """
        self._count, self._make, self._progress = count, make, progress
        self.key_frames = dict(key_frames)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Observation: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Observation, ...]: ...
    def __getitem__(self, index: int | slice) -> Observation | tuple[Observation, ...]:
        """One observation, or those of a slice."""
        if isinstance(index, slice):
            return tuple(self._make(k) for k in range(*index.indices(self._count)))
        if not -self._count <= index < self._count:
            raise IndexError(f"observation {index}: there are {self._count}")
        return self._make(index % self._count)

    def report(self, done: int) -> None:
        """Say that `done` frames are worked through."""
        self._progress(done)


def in_motion(observations: Sequence[Observation]) -> bool:
    """Whether these are frames of a clip rather than photos."""
    return bool(observations) and observations[0].frame.time is not None
