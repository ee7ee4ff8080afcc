"""One piece of work: what it reports while it runs, how long each stage takes, and how its errors read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TypeVar

from maquette.core.errors import BadInput, InternalError, MaquetteError
from maquette.core.result import Failure, Result
from maquette.core.threads import computing
from maquette.core.types import Observation, Reconstruction

AT_ONCE = 2  # faces in work: each stage keeps about one core busy, and memory stays low
Progress = Callable[[str, str], None]
T = TypeVar("T")


def silent(name: str, stage: str) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Job:
    """One photo, or one set of photos of one person.

    Attributes:
        name: the name of its result folder.
        photos: the paths as the caller gave them.
        progress: called with `name` and the stage that begins.
        seconds: stage -> seconds so far.
        warnings: remarks in plain words.
        subject: which subject of the photos it is about, for messages; "" for all.
    """

    name: str
    photos: list[str]
    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    subject: str = ""

    def fork(self, subject: str = "") -> Job:
        """The same job so far, for one of several subjects."""
        return replace(self, seconds=dict(self.seconds), warnings=list(self.warnings), subject=subject)

    def say(self, stage: str) -> None:
        """Say what is being done."""
        self.progress(self.name, stage)

    def result(
        self, name: str, made: Reconstruction, seen: Sequence[Observation], seed: int, warnings: Sequence[str]
    ) -> Result:
        """One finished subject of this job.

        Args:
            name: "face-1", "person-2", ...
        """
        report = {"photos": self.photos, "seed": seed, "seconds": self.seconds, "warnings": list(warnings)}
        return Result(name, self.name, made, tuple(seen), report)

    @contextmanager
    def stage(self, stage: str, subject: str = "") -> Iterator[None]:
        """Report that a stage begins and add its time."""
        self.progress(self.name, f"{subject} {stage}".strip())
        start = perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + perf_counter() - start

    def attempt(self, work: Callable[..., T], *arguments: object) -> T | Failure:
        """Do the work; what goes wrong for this photo alone becomes a Failure.

        Raises:
            ImportError: it would hit every other photo too.
        """
        try:
            return work(self, *arguments)
        except ImportError:
            raise
        except Exception as error:  # noqa: BLE001  whatever goes wrong for one photo leaves the others
            photos = ", ".join(self.photos)
            thing = f"{photos}, {self.subject}" if self.subject else photos
            return Failure(self.name, photos, explained(error, thing), self.subject)


def side_by_side(works: Sequence[Callable[[], T]]) -> Iterator[T]:
    """Results of independent pieces of work, in order, two at a time; a single one stays in the caller's thread.

    When the caller stops early, what has not begun is dropped.

    Example:
        >>> list(side_by_side([lambda: 1, lambda: 2]))
        [1, 2]
    """
    if len(works) == 1:
        yield works[0]()
        return

    def alone(work: Callable[[], T]) -> T:
        with computing("side by side"):
            return work()

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        results = pool.map(alone, works)
        for _ in works:
            # Here too, for linear algebra: its limit is the whole process's, so the caller never gets to see it.
            with computing("side by side"):
                result = next(results)
            yield result
    finally:
        pool.shutdown(cancel_futures=True)


def explained(error: Exception, thing: str) -> MaquetteError:
    """The error as one line for the user, with the original as its cause.

    Example:
        >>> str(explained(OSError(28, "No space left on device"), "out"))
        'out: No space left on device'
    """
    if isinstance(error, MaquetteError):
        return error
    if isinstance(error, MemoryError):
        plain: MaquetteError = BadInput(f"{thing}: not enough memory: make the photo or the texture smaller")
    elif isinstance(error, OSError) and error.strerror:
        plain = BadInput(f"{error.filename or thing}: {error.strerror}")
    else:
        text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        plain = InternalError(f"{thing}: internal error ({text}): please report it; MAQUETTE_DEBUG=1 shows where")
    plain.__cause__ = error
    return plain
