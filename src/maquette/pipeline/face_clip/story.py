"""The story of a clip of faces: watch it, make each person's head, follow it, draw every frame."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from maquette import texturing
from maquette.core.errors import NothingFound
from maquette.core.job import Job, Progress, silent
from maquette.core.motion import HeadMotion
from maquette.core.options import Options
from maquette.core.result import Failure, Result
from maquette.core.threads import computing
from maquette.core.types import Reconstruction, Subject
from maquette.outputs.reports.manifest import Manifest
from maquette.outputs.result_folder import OutputFolder
from maquette.perception.tracking.face_watch import WatchedFaces
from maquette.pipeline.clip_memory import arrays_of_reconstruction, reconstruction_of
from maquette.pipeline.face_clip.drawing import FaceDrawing, HeadDrawing
from maquette.pipeline.face_clip.memory import FITTED, MOVED, FaceMemory, arrays_of_motion, motion_of
from maquette.pipeline.face_clip.subject import FaceClipSubject, facts_of, film_path
from maquette.reconstruction import methods
from maquette.reconstruction.face_fit.method import HEAD
from maquette.sources.naming import source_names
from maquette.sources.video import Clip, open_clip
from maquette.texturing.detail.moments import Moments
from maquette.weights.store import fetch


def reconstruct_faces(
    path: str | Path, folder: OutputFolder, options: Options, progress: Progress = silent
) -> Iterator[Result | Failure]:
    """Every face of a clip as a head of ours that moves as it does; see `pipeline.video.reconstruct_clip`.

    The caller saves each Result before it asks for the next: its film lies in OUT only until then.

    Raises:
        BadInput: no such method, an unreadable clip, an unwritable OUT. NothingFound: no face is in it.
    """
    methods.refuse_options(Subject.FACE, options)
    row = methods.find_for_faces_in_clip(options.fit.method)
    return FaceClipRun(Path(path), options, folder, progress, methods.load(row, fetch, options)).reconstruct()


@dataclass(frozen=True, eq=False)
class FaceClipRun:
    """One clip of faces on its way into OUT."""

    path: Path
    options: Options
    folder: OutputFolder
    progress: Progress
    reconstructor: methods.Reconstructor

    def reconstruct(self) -> Iterator[Result | Failure]:
        """See `reconstruct_faces`."""
        job = Job(source_names([self.path])[0][0], [str(self.path)], self.progress)
        home = self.folder.inner(job.name)
        clip = open_clip(self.path, self.options.video, self.options.source)
        memory = FaceMemory(home, self.path, self.options)
        painter = ThreadPoolExecutor(1)  # textures are made on a second core, beside watching and following
        painter.submit(texturing.prepare, HEAD, self.options.texture)
        try:
            resumed = self.options.video.resume
            with Manifest(self.folder.path, self.path, clip.fps, memory.settings, resumed) as manifest:
                yield from self._each_person(clip, job, memory, manifest, painter)
            memory.forget()
        finally:
            painter.shutdown(wait=False, cancel_futures=True)
            if home.is_dir() and not any(home.iterdir()):
                home.rmdir()

    def _each_person(
        self, clip: Clip, job: Job, memory: FaceMemory, manifest: Manifest, painter: Executor
    ) -> Iterator[Result | Failure]:
        with job.stage("looking"):
            watched = memory.watched(clip, job.say)
        for frame, time in watched.empty.items():
            manifest.add(frame, time)
        if not watched.tracks:
            memory.forget()
            raise NothingFound(
                f"{self.path}: no face found in {watched.count} frames: use a clip that shows one larger or brighter"
            )
        drawings = []
        for number, track in enumerate(sorted(watched.tracks, key=lambda name: -len(watched.tracks[name])), 1):
            sightings = watched.sightings(track)
            subject = FaceClipSubject(
                f"face-{number}", track, clip, sightings, watched.size, self.options, self.reconstructor
            )
            made = job.fork(subject.name).attempt(partial(self._person, subject, memory, watched, painter))
            if isinstance(made, Failure):
                yield made
                continue
            drawings.append(HeadDrawing(made, sightings, track, film_path(memory.home, subject.name)))
        with job.stage("drawing"):
            FaceDrawing(clip, self.options, self.folder, job, manifest, drawings).all_frames()
        for drawing in drawings:
            yield drawing.finished()

    @computing("face clip")
    def _person(
        self, subject: FaceClipSubject, memory: FaceMemory, watched: WatchedFaces, painter: Executor, job: Job
    ) -> Result:
        """The textured head with its motion, from what is kept as far as it is."""
        name = FITTED.format(track=subject.track)
        whole = memory.load(name, reconstruction_of)
        if whole is None:
            with job.stage("reconstruction", subject.name):
                whole = subject.head(job)
            memory.save(name, arrays_of_reconstruction(whole))
        moments: Future[Moments] = Future()  # the head is textured while it is followed, and folds are read
        learns = self.options.texture.detail == "auto"
        coming = painter.submit(subject.textured, whole, moments.result if learns else None)
        try:
            motion = self._motion(subject, whole, memory, job)
            with job.stage("texturing", subject.name):
                if learns:
                    moments.set_result(subject.moments(whole, motion))
                made = coming.result()
        except BaseException as error:
            if not moments.done():
                moments.set_exception(error)
            raise
        result = subject.result(made, motion, list(watched.notes), job)
        facts = {**result.report, "motion": facts_of(motion), "shots": watched.shots}
        return replace(result, report=facts)

    def _motion(self, subject: FaceClipSubject, whole: Reconstruction, memory: FaceMemory, job: Job) -> HeadMotion:
        """How the head moves, from what is kept or by following it now."""
        name = MOVED.format(track=subject.track)
        motion = memory.load(name, motion_of)
        if motion is None:
            total = len(subject.sightings)
            with job.stage("following", subject.name):
                motion = subject.motion(whole, lambda n: job.say(f"{subject.name} following, frame {n} of {total}"))
            memory.save(name, arrays_of_motion(motion))
        return motion
