"""The story of a clip: watch it, fit each person, texture them, draw every frame. Files appear as the work goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from maquette.core.errors import NothingFound
from maquette.core.job import Job, Progress, silent
from maquette.core.options import Options
from maquette.core.result import Failure, Result
from maquette.core.types import Reconstruction, Subject
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
    """Every person of a clip, moving and textured, and a mesh per frame.

    The caller saves each Result into `folder` before it asks for the next: only who is there gets frames.

    Args:
        folder: OUT; the meshes of frames and manifest.json are written here.
        progress: called with the clip's name and what is being done.

    Returns:
        A Result per person, and Failures: of people, and of frames that gave no mesh.

    Raises:
        BadInput: no such method, the clip cannot be read, OUT cannot be written. NothingFound: nobody is in it.
        WeightsMissing: the method lacks a file.
    """
    row = methods.find_for(options.fit.method, Subject.PERSON, methods.CLIP)
    return ClipRun(Path(path), options, folder, progress, row, methods.load(row, fetch, options)).reconstruct()


@dataclass(frozen=True, eq=False)
class ClipRun:
    """One clip on its way into OUT; see `reconstruct_clip`."""

    path: Path
    options: Options
    folder: OutputFolder
    progress: Progress
    method: methods.Method
    reconstructor: methods.Reconstructor

    def reconstruct(self) -> Iterator[Result | Failure]:
        """See `reconstruct_clip`."""
        name = source_names([self.path])[0][0]
        home, job = self.folder.path / name, Job(name, [str(self.path)], self.progress)
        clip = open_clip(self.path, self.options.video, self.options.source)
        memory = Memory(home, self.path, self.options)
        try:
            with Manifest(self.folder.path, self.path, clip.fps, memory.settings, memory.resumed) as manifest:
                if manifest.remark:
                    self.progress(name, manifest.remark)
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
                f"{self.path}: no person found in {watched.count} frames: wanted somebody in view, larger than "
                "--min-person, for more than a moment"
            )
        subjects = [
            ClipSubject(f"person-{number}", clip, tuple(sightings), self.method, self.reconstructor)
            for number, sightings in enumerate(watched.tracks.values(), 1)
        ]
        wholes = [job.fork(subject.name).attempt(partial(self._fitted, subject, memory)) for subject in subjects]
        drawing = Drawing(clip, self.options, self.folder, job, manifest)
        for subject, whole in zip(subjects, wholes):
            if isinstance(whole, Failure):
                yield whole
                continue
            done = job.fork(subject.name).attempt(partial(self._textured, subject, whole, watched.notes))
            yield done
            if isinstance(done, Result) and self.folder.has(done):
                drawing.add(subject, whole, done.reconstruction.shape)
        if self.options.video.meshes and (failed := drawing.all_frames()):
            yield failed

    def _fitted(self, subject: ClipSubject, memory: Memory, job: Job) -> Reconstruction:
        count = len(subject.sightings)
        return memory.whole(subject, lambda done: job.say(f"{subject.name} fitting, frame {done} of {count}"))

    def _textured(self, subject: ClipSubject, whole: Reconstruction, notes: Sequence[str], job: Job) -> Result:
        job.say(f"{subject.name} texture")
        made, seen = subject.textured(whole, self.options)
        flagged, count = sum(bool(one.flags) for one in subject.sightings), len(subject.sightings)
        warnings = [f"{flagged} of {count} frames are flagged: see manifest.json"] if flagged else []
        result = job.result(subject.name, made, seen, self.options.fit.seed, [*warnings, *notes])
        return replace(result, report={**result.report, "frames": count})
