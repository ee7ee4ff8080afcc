"""The story of a clip: watch it, fit each person, texture them, draw every frame. Files appear as the work goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from maquette.core.errors import NothingFound
from maquette.core.job import Job, Progress, silent
from maquette.core.options import Options
from maquette.core.result import Failure, Result
from maquette.core.types import Subject
from maquette.outputs.reports.manifest import Manifest
from maquette.outputs.result_folder import OutputFolder
from maquette.pipeline.clip_frames import Drawing, swept
from maquette.pipeline.clip_memory import Memory
from maquette.pipeline.clip_subject import ClipSubject
from maquette.reconstruction import methods
from maquette.sources.naming import source_names
from maquette.sources.video import Clip, open_clip
from maquette.weights.store import fetch


def reconstruct_clip(
    path: str | Path, folder: OutputFolder, options: Options, progress: Progress = silent
) -> Iterator[Result | Failure]:
    """Every person of a clip, moving and textured; who is saved before the next is asked for gets a mesh per frame.

    Args:
        folder: OUT; the meshes of frames and manifest.json are written here.
        progress: called with the clip's name and a stage.

    Returns:
        A Result per person; Failures of people, and of frames that gave no mesh.

    Raises:
        BadInput: no such method, an unreadable clip, an unwritable OUT. NothingFound: nobody is in it.
    """
    methods.refuse_options(Subject.PERSON, options)
    row = methods.find_for(options.fit.method, Subject.PERSON, methods.CLIP)
    return ClipRun(Path(path), options, folder, progress, row, methods.load(row, fetch, options)).reconstruct()


@dataclass(frozen=True, eq=False)
class ClipRun:
    """One clip on its way into OUT."""

    path: Path
    options: Options
    folder: OutputFolder
    progress: Progress
    method: methods.Method
    reconstructor: methods.Reconstructor

    def reconstruct(self) -> Iterator[Result | Failure]:
        """See `reconstruct_clip`."""
        job = Job(source_names([self.path])[0][0], [str(self.path)], self.progress)
        home = self.folder.inner(job.name)
        clip = open_clip(self.path, self.options.video, self.options.source)
        memory = Memory(home, self.path, self.options)
        try:
            with Manifest(self.folder.path, self.path, clip.fps, memory.settings, memory.resumed) as manifest:
                if manifest.remark:
                    job.say(manifest.remark)
                yield from self._each_person(clip, job, memory, manifest)
            swept(self.folder.path, home)
            memory.forget()
        finally:
            if home.is_dir() and not any(home.iterdir()):
                home.rmdir()

    def _each_person(self, clip: Clip, job: Job, memory: Memory, manifest: Manifest) -> Iterator[Result | Failure]:
        watched = memory.watched(clip, job.say)
        for frame, time in watched.empty.items():
            manifest.add(frame, time)
        if not watched.tracks:
            memory.forget()
            raise NothingFound(
                f"{self.path}: no person found in {watched.count} frames: somebody larger than --min-person is wanted"
            )
        subjects = [
            ClipSubject(f"person-{number}", clip, tuple(sightings), self.method, self.reconstructor)
            for number, sightings in enumerate(watched.tracks.values(), 1)
        ]
        wholes = [job.fork(subject.name).attempt(partial(memory.whole, subject)) for subject in subjects]
        drawing = Drawing(clip, self.options, self.folder, job, manifest)
        for subject, whole in zip(subjects, wholes):
            if isinstance(whole, Failure):
                yield whole
                continue
            done = job.fork(subject.name).attempt(partial(subject.result, whole, watched.notes, self.options))
            yield done
            if isinstance(done, Result) and self.folder.has(done):
                drawing.add(subject, whole, done.reconstruction.shape)
        yield from drawing.all_frames()
