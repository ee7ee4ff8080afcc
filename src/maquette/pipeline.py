"""The whole story of one run, in order: photos -> faces -> head -> texture. Writing files is the caller's part.

`sources.photos.read` -> `closeup.observe` -> a reconstructor of `reconstruction.methods` -> `surface.finish`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from maquette import surface
from maquette.closeup import observe
from maquette.core.job import Job, Progress, side_by_side, silent
from maquette.core.options import Options
from maquette.core.result import Failure, Result
from maquette.core.types import Observation
from maquette.outputs.folder import source_names
from maquette.reconstruction import methods
from maquette.sources import photos as photo_files
from maquette.weights.store import fetch

DEFAULTS = Options()


def reconstruct(
    photos: Sequence[str | Path], options: Options = DEFAULTS, progress: Progress = silent
) -> Iterator[Result | Failure]:
    """Reconstruct every face of every photo, one photo after another, so that memory stays flat.

    Args:
        photos: image files; with `options.fit.together` all of them show one person.
        options: settings of all stages.
        progress: called with the photo's name and the stage that begins.

    Returns:
        A Result per face, left to right, and a Failure per photo or face that gave nothing.

    Raises:
        BadInput: no such method. WeightsMissing: the method lacks a file.
        ImportError: whenever a library is missing; it stops the run.
    """
    run = Run(options, progress, methods.load(options.fit.method, fetch, options.fit))
    return run.together(photos) if options.fit.together else run.one_by_one(photos)


@dataclass(frozen=True)
class Run:
    """The settings and one reconstructor, used for photo after photo."""

    options: Options
    progress: Progress
    reconstructor: methods.Reconstructor

    def one_by_one(self, photos: Sequence[str | Path]) -> Iterator[Result | Failure]:
        """Each photo by itself."""
        for name, photo in source_names(photos):
            job = Job(name, [str(photo)], self.progress)
            faces = job.attempt(self.observe)
            if isinstance(faces, Failure):
                yield faces
                continue
            steps = [partial(job.fork().attempt, self.subject, [f], f"face-{n}") for n, f in enumerate(faces, 1)]
            yield from side_by_side(steps)

    def together(self, photos: Sequence[str | Path]) -> Iterator[Result | Failure]:
        """One person from all photos; of a photo with several faces the largest."""
        whole, seen = Job("together", [], self.progress), []
        for name, photo in source_names(photos):
            faces = Job(name, [str(photo)], self.progress, whole.seconds).attempt(self.observe)
            if isinstance(faces, Failure):
                yield faces
                continue
            if len(faces) > 1:
                whole.warnings.append(f"{photo} shows {len(faces)} faces; the largest was taken")
            whole.photos.append(str(photo))
            seen.append(max(faces, key=lambda face: np.prod(face.box[2:] - face.box[:2])))
        if seen:
            yield whole.attempt(self.subject, seen, "face-1")

    def observe(self, job: Job) -> list[Observation]:
        """The faces of one photo, left to right; at least one."""
        with job.stage("reading"):
            frame = photo_files.read(job.photos[0], self.options.source)
        with job.stage("perception"):
            return observe(frame, self.options.perception)

    def subject(self, job: Job, seen: list[Observation], name: str) -> Result:
        """One subject from all its observations to a textured mesh."""
        with job.stage("reconstruction", name):
            shape = self.reconstructor(seen)
        with job.stage("surface", name):
            finished = surface.finish(shape, seen, self.options.texture)
        warnings = job.warnings + [note for face in seen for note in face.notes]
        report = {"photos": job.photos, "seed": self.options.fit.seed, "seconds": job.seconds, "warnings": warnings}
        return Result(name, job.name, finished, tuple(seen), report)
