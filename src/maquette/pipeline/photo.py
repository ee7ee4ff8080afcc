"""One run on photos: `photos.read` -> an observer -> a reconstructor -> `texturing.finish`. Writing is the caller's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from maquette import texturing
from maquette.core.job import Job, Progress, side_by_side, silent
from maquette.core.options import Options
from maquette.core.result import Failure, Result
from maquette.core.types import Observation, Subject
from maquette.perception.observers import OBSERVERS, WHOLE
from maquette.pipeline.person.head import with_own_head
from maquette.reconstruction import methods
from maquette.sources import photos as photo_files
from maquette.sources.naming import source_names
from maquette.weights.store import fetch

DEFAULTS = Options()


def reconstruct(
    photos: Sequence[str | Path], options: Options = DEFAULTS, progress: Progress = silent, kind: Subject = Subject.FACE
) -> Iterator[Result | Failure]:
    """Every subject of one kind in every photo, one photo after another, so that memory stays flat.

    Args:
        photos: image files; with `options.fit.together` all show one subject.
        progress: called with the photo's name and the stage that begins.

    Returns:
        A Result per subject, left to right, and a Failure per photo or subject that gave nothing.

    Raises:
        BadInput: no such method, or not for this. WeightsMissing: it lacks a file. ImportError: it lacks a library.
    """
    methods.refuse_options(kind, options)
    row = methods.find_for(options.fit.method, kind, methods.SEVERAL if options.fit.together else methods.ONE)
    run = Run(options, progress, methods.load(row, fetch, options), kind, row.whole)
    return (run.together if options.fit.together else run.one_by_one)(photos)


@dataclass(frozen=True)
class Run:
    """The settings and one reconstructor, used for photo after photo."""

    options: Options
    progress: Progress
    reconstructor: methods.Reconstructor
    kind: Subject
    whole: bool = False

    def one_by_one(self, photos: Sequence[str | Path]) -> Iterator[Result | Failure]:
        """Each photo by itself."""
        for name, photo in source_names(photos):
            job = Job(name, [str(photo)], self.progress)
            if isinstance(found := job.attempt(self.observe), Failure):
                yield found
                continue
            each = [(job.fork(f"{self.kind.value}-{number}"), one, number) for number, one in enumerate(found, 1)]
            yield from side_by_side([partial(own.attempt, self.subject, [one], number) for own, one, number in each])

    def together(self, photos: Sequence[str | Path]) -> Iterator[Result | Failure]:
        """One subject from all photos; of a photo with several the largest."""
        whole, seen = Job("together", [], self.progress), []
        for name, photo in source_names(photos):
            job = Job(name, [str(photo)], self.progress, whole.seconds)
            if isinstance(found := job.attempt(self.observe), Failure):
                yield found
                continue
            if len(found) > 1:
                whole.warnings.append(f"{photo} shows {len(found)} {self.kind.plural}; the largest was taken")
            whole.photos.append(str(photo))
            seen.append(max(found, key=lambda one: np.prod(one.box[2:] - one.box[:2])))
        if seen:
            yield whole.attempt(self.subject, seen, 1)

    def observe(self, job: Job) -> list[Observation]:
        """The subjects of one photo, left to right; at least one."""
        with job.stage("reading"):
            frame = photo_files.read(job.photos[0], self.options.source)
        with job.stage("perception"):
            return (WHOLE if self.whole else OBSERVERS)[self.kind](frame, self.options.perception)

    def subject(self, job: Job, seen: list[Observation], number: int) -> Result:
        """One subject from all its observations to a textured mesh."""
        name = f"{self.kind.value}-{number}"
        with job.stage("reconstruction", name):
            made = self.reconstructor(seen)
        with job.stage("texturing", name):
            made = texturing.finish(made, seen, self.options.texture)
            made = with_own_head(made, seen, self.options) if self.kind is Subject.PERSON else made
        notes = [note for one in seen for note in one.notes]
        return job.result(name, made, seen, self.options.fit.seed, job.warnings + notes)
